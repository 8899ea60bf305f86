// Says what would become of a request, and why: the fate by the filter itself, the steps of the judge one by one, and
// the transactions as people read them.
import type { Address } from '../../shared/address.ts'
import type { WholeRequest } from '../../shared/check-request.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import {
  type ReportCode,
  type StrikeClass,
  strikeClassOf,
  type ViolationCode,
} from '../../shared/violations.ts'
import { pathOf } from '../endpoints.ts'
import { parseJson } from '../json.ts'
import { createJudge } from '../judge.ts'
import { createBuckets } from '../limits/buckets.ts'
import type { HeaderPairs } from '../platform.ts'
import { formatName } from '../transactions/name.ts'
import { type ReadableEnvelope, readEnvelope } from '../transactions/readable.ts'
import { findTransactions } from '../transactions/shapes.ts'
import type { Transaction } from '../transactions/transaction.ts'
import type { DryFate } from './dry-app.ts'
import { createDryFilter, type DryFilterOptions } from './dry-filter.ts'

export interface CheckStep {
  /** A step of judging, or the name of a rule. */
  step: string
  result: 'passed' | 'rejected' | 'off'
  detail?: string
}

/** A transaction that is not packed: what the rules see of it. */
export interface JudgedTransaction {
  form: Transaction['form']
  signatures: number
  actions: { account: string; name: string; actors: string[]; dataSize: number }[]
}

export interface CheckResult {
  /** `answer`: the filter answers it itself, and that is no rejection. */
  verdict: 'forward' | 'reject' | 'answer'
  mode: FilterConfig['mode']
  client: Address
  /** What is wrong; in monitor mode the request is forwarded all the same. */
  violation: {
    code: ViolationCode
    status: number
    detail: string
    /** The word that relays are told; null where they are told nothing. */
    reported: ReportCode | null
    strike: StrikeClass | null
  } | null
  /** In the order in which they were taken. */
  steps: CheckStep[]
  transactions: (ReadableEnvelope | JudgedTransaction)[]
  /** Tables that a read looks into. */
  tables: readonly string[]
  /** Rate limits in which it counts; whether it is over one depends on the requests before. */
  rateLimits: string[]
  /** What the node would get. */
  forwarded: {
    node: string
    url: string
    method: string
    path: string
    headers: Record<string, string>
    bodyBytes: number
    /** The body is made of what was judged, not the client's own. */
    rebuilt: boolean
  } | null
  /** What the client would get of the filter itself. */
  answer: { status: number; headers: Record<string, string>; body: string } | null
}

export async function checkRequest(
  config: FilterConfig,
  request: WholeRequest,
  options: DryFilterOptions,
): Promise<CheckResult> {
  const fate = await createDryFilter(config, options).run(request)
  // In monitor mode what is wrong is noted only: what the filter would say is what it says when it is enforced.
  const found =
    config.mode === 'enforce' || fate.violation
      ? fate
      : await createDryFilter({ ...config, mode: 'enforce' }, options).run(request)
  const { violation, reported } = found
  const judged = judgeAloud(config, request, options)
  return {
    verdict: fate.forward ? 'forward' : fate.violation ? 'reject' : 'answer',
    mode: config.mode,
    client: fate.client,
    violation: violation
      ? {
          ...violation,
          reported: reported ?? null,
          strike: strikeClassOf(reported ?? violation.code),
        }
      : null,
    steps: [...listStep(fate, options), ...(isBeforeJudge(violation?.code) ? [] : judged.steps)],
    transactions: readableOf(config, request, judged.transactions),
    tables: judged.tables,
    rateLimits: limitsOf(config, request, fate, judged),
    forwarded: forwardedOf(fate, request),
    answer: answerOf(fate),
  }
}

/** Clients that are shut out are not judged. */
function isBeforeJudge(code: ViolationCode | undefined): boolean {
  return code === 'BLOCKED_ADDRESS' || code === 'BANNED'
}

function listStep({ client, violation }: DryFate, { addresses }: DryFilterOptions): CheckStep[] {
  if (violation && isBeforeJudge(violation.code))
    return [{ step: 'client', result: 'rejected', detail: violation.detail }]
  const isAllowed = addresses.standingOf(client) === 'allowed'
  return [
    {
      step: 'client',
      result: 'passed',
      ...(isAllowed && { detail: `${client} is on the list of allowed addresses` }),
    },
  ]
}

interface Judged {
  steps: CheckStep[]
  transactions: readonly Transaction[]
  tables: readonly string[]
}

/** The judge's own account of its steps. */
function judgeAloud(
  config: FilterConfig,
  request: WholeRequest,
  { clockOffset = 0 }: DryFilterOptions,
): Judged {
  const steps: CheckStep[] = []
  const now = () => request.time ?? Date.now() + clockOffset
  const judge = createJudge(config, { now }, (step, found) => {
    if (found === 'off') steps.push({ step, result: 'off' })
    else if (found) steps.push({ step, result: 'rejected', detail: found.detail })
    else steps.push({ step, result: 'passed' })
  })
  const { transactions, tables } = judge.whole(request, request.body)
  return { steps, transactions, tables }
}

function readableOf(
  { maxJsonDepth }: FilterConfig,
  { target, body }: WholeRequest,
  judged: readonly Transaction[],
): CheckResult['transactions'] {
  const parsed = parseJson(body, maxJsonDepth)
  const found = 'code' in parsed ? undefined : findTransactions(pathOf(target), parsed.json)
  const candidates = found && 'candidates' in found && found.shape === 'P' ? found.candidates : []
  return judged.map((transaction, index) => {
    const readable = transaction.form === 'packed' ? readEnvelope(candidates[index]) : undefined
    return readable && !('code' in readable) ? readable : shown(transaction)
  })
}

function shown({ form, signatureCount, actions }: Transaction): JudgedTransaction {
  return {
    form,
    signatures: signatureCount,
    actions: actions.map(({ contract, name, authorizers, dataSize }) => ({
      account: contract === undefined ? '?' : formatName(contract),
      name: name === undefined ? '?' : formatName(name),
      actors: authorizers.map(formatName),
      dataSize,
    })),
  }
}

function limitsOf(
  config: FilterConfig,
  { target }: WholeRequest,
  { client }: DryFate,
  { transactions, tables }: Judged,
): string[] {
  const facts = { client, isOne: true, path: pathOf(target), transactions, tables }
  return [...new Set(createBuckets(config.rateLimits)(facts).map(({ limit }) => limit.name))]
}

function forwardedOf({ forward }: DryFate, { body }: WholeRequest): CheckResult['forwarded'] {
  if (!forward) return null
  const { node, request } = forward
  return {
    node: node.name,
    url: node.origin,
    method: request.method,
    path: request.target,
    headers: headersOf(request.headers),
    bodyBytes: request.body === null ? 0 : Buffer.byteLength(request.body),
    rebuilt: request.body !== null && request.body !== body,
  }
}

function answerOf({ answer }: DryFate): CheckResult['answer'] {
  return answer
    ? { status: answer.status, headers: headersOf(answer.fields), body: Buffer.from(answer.body).toString() }
    : null
}

function headersOf(pairs: HeaderPairs): Record<string, string> {
  const headers = new Map<string, string>()
  for (let at = 0; at < pairs.length; at += 2) {
    const before = headers.get(pairs[at]!)
    headers.set(pairs[at]!, before === undefined ? pairs[at + 1]! : `${before}, ${pairs[at + 1]}`)
  }
  return Object.fromEntries(headers)
}
