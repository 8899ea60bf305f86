// The way of a request as a picture, made of the code: requests go through the app and the judge, which say what steps they
// take and in which order, and the requests of worker/testing/rejected.ts, which say with which codes each step answers.
import { PackedTransaction } from '@wharfkit/antelope'
import { type FilterConfig, filterConfigSchema } from '../shared/config/filter.ts'
import { parseConfig } from '../shared/config/parse.ts'
import { type ReportCode, reportCodes } from '../shared/violations.ts'
import { NOTHING_KNOWN } from '../worker/chain-facts.ts'
import { loadAddressLists } from '../worker/dry-run/address-lists.ts'
import { checkRequest } from '../worker/dry-run/check.ts'
import { createDryFilter } from '../worker/dry-run/dry-filter.ts'
import { createJudge, type Judge } from '../worker/judge.ts'
import { createRules } from '../worker/rules/index.ts'
import { Steps } from '../worker/steps.ts'
import { signWithWharfkit, transfer } from '../worker/testing/clients.ts'
import { rejectedAlone } from '../worker/testing/rejected.ts'
import { wholeOf } from '../worker/testing/whole-request.ts'

/** A step as it is shown: what it looks at, and where its code is. */
interface Shown {
  text: string
  file: string
  /** Codes that depend on more than one request, or on what is around it. */
  codes?: readonly ReportCode[]
}

export interface Row extends Shown {
  stage: Stage
  codes: readonly ReportCode[]
}

type Stage = 'connection' | 'client' | 'head' | 'body' | 'rules' | 'reads' | 'limits' | 'node'

/** By their names in the code. A step that is not here, and one here that the code does not have, end the program. */
const steps: Readonly<Record<string, Shown>> = {
  blocked: { text: 'address on a block list', file: 'worker/addresses/lists.ts', codes: ['BLOCKED_ADDRESS'] },
  banned: { text: 'ban in force', file: 'worker/bans/bans.ts', codes: ['BANNED'] },
  preflight: { text: 'preflight of a web page', file: 'worker/cors.ts' },
  endpoint: { text: 'path and method', file: 'worker/endpoints.ts' },
  headers: {
    text: 'header lines, encoding, declared size',
    file: 'worker/judge.ts',
    codes: ['BODY_TOO_LARGE'],
  },
  bodySize: {
    text: 'size and time of the body',
    file: 'worker/platform.ts',
    codes: ['OVERLOADED', 'REQUEST_TIMEOUT'],
  },
  json: { text: 'strict UTF-8 and JSON', file: 'worker/json.ts' },
  transactionCount: { text: 'transactions in the request', file: 'worker/rules/transaction-count.ts' },
  transactions: { text: 'transactions, opened and decoded', file: 'worker/transactions/open.ts' },
  // Too large a packed one is not opened in the first place.
  transactionSize: {
    text: 'size of each transaction and its data',
    file: 'worker/rules/transaction-size.ts',
    codes: ['INVALID_TRANSACTION_SIZE'],
  },
  signatures: { text: 'signatures', file: 'worker/rules/signatures.ts' },
  contracts: { text: 'contracts', file: 'worker/rules/contracts.ts' },
  actions: { text: 'actions', file: 'worker/rules/actions.ts' },
  authorizers: { text: 'authorizers', file: 'worker/rules/authorizers.ts' },
  actionCount: { text: 'number of actions', file: 'worker/rules/action-count.ts' },
  authorizationCount: { text: 'number of authorizations', file: 'worker/rules/authorization-count.ts' },
  unpacked: { text: 'packed, not unpacked', file: 'worker/rules/unpacked.ts' },
  authorized: { text: 'authorized by anybody', file: 'worker/rules/authorized.ts' },
  expiration: { text: 'expiration, by the chain’s time', file: 'worker/rules/expiration.ts' },
  tableRead: { text: 'reads of tables', file: 'worker/reads/table-reads.ts' },
  limited: { text: 'rate limits', file: 'worker/limits/rate-limits.ts', codes: ['RATE_LIMITED'] },
}

/** What is before the app, and what `Steps.forward` hands a request on to. */
const listener: Shown = {
  text: 'bytes become a request',
  file: 'worker/http1/server.ts',
  codes: ['INVALID_HTTP', 'TOO_MANY_HEADERS', 'REQUEST_TIMEOUT'],
}
const forwarding: readonly Shown[] = [
  { text: 'the very same transaction again', file: 'worker/repeats.ts' },
  { text: 'a read held in memory', file: 'worker/cache.ts' },
  { text: 'its turn at a node', file: 'worker/fairness/gate.ts', codes: ['OVERLOADED'] },
  {
    text: 'a node is asked',
    file: 'worker/nodes/forwarder.ts',
    codes: ['NODEOS_REQUEST_NOT_CREATED', 'NODEOS_UNREACHABLE', 'NODEOS_TIMEOUT'],
  },
  { text: 'what became of a transaction', file: 'worker/outcome.ts', codes: ['TRANSACTION_FAILED'] },
]

const transaction = signWithWharfkit({ actions: [transfer('alice', 'bob')] })
const push = wholeOf({
  target: '/v1/chain/push_transaction',
  body: JSON.stringify(PackedTransaction.fromSigned(transaction, 1)),
})
const read = wholeOf({ target: '/v1/chain/get_table_rows', body: '{"code":"eosio","table":"voters"}' })

function configOf(settings: object): FilterConfig {
  const parsed = parseConfig(filterConfigSchema, settings)
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues))
  return parsed.config
}

/** The rows of the picture, in the order in which a request meets them. */
export async function pipelineRows(): Promise<Row[]> {
  const found = await codesByStep()
  const head = judgeSteps((judge) => judge.head(push))
  // A read takes other steps than a transaction: they are shown behind those of the transaction.
  const whole = [push, read].flatMap((request) => judgeSteps((judge) => judge.whole(request, request.body)))
  const body = [...new Set(whole)].filter((step) => !head.includes(step))
  const rules = ruleNames()

  const row = (stage: Stage, shown: Shown, name = ''): Row => {
    const codes = new Set([...(found.get(name) ?? []), ...(shown.codes ?? [])])
    return { ...shown, stage, codes: reportCodes.filter((code) => codes.has(code)) }
  }
  const named = (stage: Stage, name: string): Row => {
    const shown = steps[name]
    if (!shown) throw new Error(`the step ${name} is new: say in .ci/pipeline.ts how it is shown`)
    return row(stage, shown, name)
  }
  const ofBody = (name: string): Row => {
    if (name === 'tableRead') return named('reads', name)
    return named(rules.includes(name) ? 'rules' : 'body', name)
  }
  /** Methods of Steps that stand for more than one row, or, as they note what was found elsewhere, for none. */
  const several: Record<string, () => Row[]> = {
    violated: () => head.map((name) => named('head', name)),
    judged: () => body.map(ofBody),
    concern: () => [],
    forward: () => forwarding.map((shown) => row('node', shown)),
  }
  const taken = await stepsTaken()
  const gone = Object.keys(steps).filter((name) => ![...taken, ...head, ...body].includes(name))
  if (gone.length > 0) throw new Error(`no step is named ${gone.join(', ')}: remove it from .ci/pipeline.ts`)
  return [
    row('connection', listener),
    ...taken.flatMap((name) => several[name]?.() ?? [named(name === 'limited' ? 'limits' : 'client', name)]),
  ]
}

/** The methods of Steps that the app calls for a transaction that passes, in their order, each once. */
async function stepsTaken(): Promise<string[]> {
  const taken = new Set<string>()
  const methods = Steps.prototype as unknown as Record<string, (...args: unknown[]) => unknown>
  const originals = Object.entries(Object.getOwnPropertyDescriptors(Steps.prototype)).filter(
    ([name]) => name !== 'constructor',
  )
  for (const [name, { value: original }] of originals)
    methods[name] = function (...args) {
      taken.add(name)
      return original.apply(this, args)
    }
  const config = configOf({})
  const { lists } = await loadAddressLists(config)
  const { forward } = await createDryFilter(config, { addresses: lists }).run(push)
  Object.defineProperties(Steps.prototype, Object.fromEntries(originals))
  if (!forward) throw new Error('the transaction did not pass, so that not all steps were seen')
  return [...taken]
}

/** What a judge does, step by step. */
function judgeSteps(run: (judge: Judge) => unknown): string[] {
  const taken: string[] = []
  run(createJudge(configOf({}), NOTHING_KNOWN, (step) => taken.push(step)))
  return taken
}

function ruleNames(): string[] {
  const names: string[] = []
  createRules(configOf({}), NOTHING_KNOWN, (name) => names.push(name)).onTransactionEndpoints([])
  return names
}

/** Which step rejects with which codes: by what `patroneos check` says of requests that are rejected. */
async function codesByStep(): Promise<Map<string, Set<ReportCode>>> {
  const codes = new Map<string, Set<ReportCode>>()
  for (const { ask, settings = {}, code } of rejectedAlone) {
    const config = configOf(settings)
    const { lists } = await loadAddressLists(config)
    const { steps: taken } = await checkRequest(config, wholeOf(ask), { addresses: lists })
    const { step } = taken.at(-1)!
    codes.set(step, (codes.get(step) ?? new Set()).add(code))
  }
  return codes
}

const WIDTH = 780
const [BOX, BOX_WIDTH, CODES] = [96, 470, 584]
const LINE = 14
const COLORS: Record<Stage, string> = {
  connection: '#57606a',
  client: '#c9510c',
  head: '#9a6700',
  body: '#1a7f37',
  rules: '#0969da',
  reads: '#1b7c83',
  limits: '#bf3989',
  node: '#8250df',
}

/** One box a step from top to bottom, with its file, and beside it the codes that end a request there. */
export function drawPipeline(rows: readonly Row[]): string {
  const parts: string[] = []
  let y = 30
  rows.forEach(({ stage, text, file, codes }, index) => {
    const height = Math.max(codes.length, 1) * LINE + 8
    const isFirst = rows[index - 1]?.stage !== stage
    if (isFirst && index > 0) {
      const x = BOX + 20
      parts.push(`<path d="M${x} ${y}v12m-4 -5l4 5l4 -5" fill="none" stroke="#57606a"/>`)
      y += 14
    }
    const [color, baseline] = [COLORS[stage], y + LINE]
    if (isFirst)
      parts.push(
        `<text x="${BOX - 10}" y="${baseline}" text-anchor="end" font-weight="bold" fill="${color}">${stage}</text>`,
      )
    parts.push(
      `<rect x="${BOX}" y="${y}" width="${BOX_WIDTH}" height="${height - 2}" rx="3" fill="${color}" fill-opacity=".09" stroke="${color}"/>`,
      `<text x="${BOX + 10}" y="${baseline}">${text}</text>`,
      `<text x="${BOX + BOX_WIDTH - 8}" y="${baseline}" text-anchor="end" font-size="10" fill="#57606a">${file}</text>`,
      ...codes.map(
        (code, line) => `<text x="${CODES}" y="${baseline + line * LINE}" font-size="11">${code}</text>`,
      ),
    )
    y += height
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 10}" font-family="sans-serif" font-size="12" role="img" aria-labelledby="title">
<title id="title">The steps of a request through the filter, and the codes that each may end it with</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="${BOX}" y="20" font-size="11" fill="#57606a">step, and its file</text>
<text x="${CODES}" y="20" font-size="11" fill="#57606a">may end it with, or report</text>
${parts.join('\n')}
</svg>
`
}
