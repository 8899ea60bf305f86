// Makes a judge of requests from a configuration. Pure: it asks, counts and stores nothing, so the filter, the bench, the
// fuzzer and the command line all use it.
import type { FilterConfig } from '../shared/config/filter.ts'
import { INVALID_READ, type Violation, violation } from '../shared/violations.ts'
import { type ChainFacts, NOTHING_KNOWN } from './chain-facts.ts'
import { createEndpointPolicy, pathOf } from './endpoints.ts'
import { headerValue } from './headers.ts'
import { parseJson } from './json.ts'
import type { HeaderPairs } from './platform.ts'
import { createReadJudge, type ReadJudge } from './reads/table-reads.ts'
import { createRules, type Rules, type Witness } from './rules/index.ts'
import { judgeTransactionCount } from './rules/transaction-count.ts'
import { openLegacy, openTransaction, readLegacy } from './transactions/open.ts'
import { type Batch, carriesTransactions, findTransactions, type Other } from './transactions/shapes.ts'
import type { Transaction } from './transactions/transaction.ts'

/** What is known of a request before its body. */
export interface JudgedHead {
  readonly method: string
  /** The request target as sent, in origin form: path and query. */
  readonly target: string
  readonly headers: HeaderPairs
}

export interface Verdict {
  /** What is wrong; undefined where the request may pass. */
  violation: Violation | undefined
  /** The body for nodeos, made of what was judged; null where the client's own passes. */
  rebuilt: string | null
  /** The transactions that were opened: all of them, or those before the first that could not be. */
  transactions: readonly Transaction[]
  /** The tables that a read looks into, as contract::table. */
  tables: readonly string[]
  /** nodeos answers only when the transaction is in a block, or its time is over. */
  retries: boolean
}

export interface Judge {
  /** Path, method, header count and framing: all that can be judged before the body. */
  head(head: JudgedHead): Violation | undefined
  /** The body, which is whole and was let in by its size. */
  body(head: JudgedHead, bytes: Uint8Array): Verdict
  /** A request that is there whole: its head, its size, its body. */
  whole(head: JudgedHead, bytes: Uint8Array): Verdict
}

const NOTHING: Verdict = { violation: undefined, rebuilt: null, transactions: [], tables: [], retries: false }

/** A judge; `witness` is told each of its steps, for whoever wants to know why. */
export function createJudge(
  config: FilterConfig,
  chain: ChainFacts = NOTHING_KNOWN,
  witness?: Witness,
): Judge {
  const judgeEndpoint = createEndpointPolicy(config.endpoints)
  const means: Means = {
    config,
    rules: createRules(config, chain, witness),
    judgeRead: createReadJudge(config),
    witness,
  }

  const head = (request: JudgedHead): Violation | undefined => {
    const unserved = judgeEndpoint(request.method, request.target)
    witness?.('endpoint', unserved)
    if (unserved) return unserved
    const found = judgeFields(request.headers, config)
    witness?.('headers', found)
    return found
  }
  const body = (request: JudgedHead, bytes: Uint8Array): Verdict => judgeBody(request, bytes, means)

  return {
    head,
    body,
    whole: (request, bytes) => {
      const { maxBodySize } = config
      const found = head(request)
      if (found) return refused(found)
      const tooLarge = bytes.length > maxBodySize ? bodyTooLarge(bytes.length, maxBodySize) : undefined
      witness?.('bodySize', tooLarge)
      return tooLarge ? refused(tooLarge) : body(request, bytes)
    },
  }
}

function judgeFields(headers: HeaderPairs, { maxHeaders, maxBodySize }: FilterConfig): Violation | undefined {
  if (headers.length / 2 > maxHeaders)
    return violation(
      'TOO_MANY_HEADERS',
      `Request has ${headers.length / 2} header lines; at most ${maxHeaders} are allowed`,
    )
  const encoding = headerValue(headers, 'content-encoding').toLowerCase()
  if (encoding !== '' && encoding !== 'identity')
    return violation('UNSUPPORTED_ENCODING', 'A request body is taken without Content-Encoding only')
  const length = headerValue(headers, 'content-length')
  return length !== '' && Number(length) > maxBodySize ? bodyTooLarge(length, maxBodySize) : undefined
}

/** `found` is a number of bytes, or says how many there are at least. */
export function bodyTooLarge(found: string | number, allowed: number): Violation {
  return violation('BODY_TOO_LARGE', `Request body has ${found} bytes; at most ${allowed} are allowed`)
}

function refused(found: Violation, transactions: readonly Transaction[] = []): Verdict {
  return { ...NOTHING, violation: found, transactions }
}

function refusedAt(
  step: string,
  found: Violation,
  witness: Witness | undefined,
  transactions: readonly Transaction[] = [],
): Verdict {
  witness?.(step, found)
  return refused(found, transactions)
}

/** What bodies are judged by, made of one configuration. */
interface Means {
  config: FilterConfig
  rules: Rules
  judgeRead: ReadJudge | undefined
  witness: Witness | undefined
}

function judgeBody({ method, target }: JudgedHead, bytes: Uint8Array, means: Means): Verdict {
  const { config, judgeRead, witness } = means
  const path = pathOf(target)
  if (bytes.length === 0) {
    // Nothing to act on: reads need no body, and nodeos says what it makes of the rest.
    if (method !== 'POST' || !carriesTransactions(path)) return NOTHING
    return refusedAt('json', violation('INVALID_JSON', 'The body is empty'), witness)
  }
  const parsed = parseJson(bytes, config.maxJsonDepth)
  if ('code' in parsed) {
    const found: Violation = carriesTransactions(path) ? parsed : { ...parsed, reportedAs: INVALID_READ }
    return refusedAt('json', found, witness)
  }
  witness?.('json', undefined)
  const found = findTransactions(path, parsed.json)
  if ('code' in found) return refusedAt('transactions', found, witness)
  if (found.shape !== 'other') return judgeBatch(found, means)
  const verdict = judgeOther(found, means)
  const read = verdict.violation ? undefined : judgeRead?.(path, parsed.text)
  if (!verdict.violation) witness?.('tableRead', judgeRead ? read?.violation : 'off')
  if (!read) return verdict
  return { ...verdict, tables: read.tables, violation: read.violation, rebuilt: read.rebuilt ?? null }
}

/** What nodeos does not act on passes as it came, unless it has the original's shape and breaks a rule. */
function judgeOther({ legacy, count }: Other, { config, rules, witness }: Means): Verdict {
  const transactions = legacy.map(readLegacy)
  const tooMany = judgeTransactionCount(count, config)
  witness?.('transactionCount', tooMany)
  return { ...NOTHING, violation: tooMany ?? rules.everywhere(transactions), transactions }
}

function judgeBatch(
  { shape, candidates, rebuild, retries, readOnly }: Batch,
  { config, rules, witness }: Means,
): Verdict {
  const tooMany = judgeTransactionCount(candidates.length, config)
  witness?.('transactionCount', tooMany)
  if (tooMany) return refused(tooMany)

  const transactions: Transaction[] = []
  const texts: string[] = []
  const limits = { maxTransactionSize: config.maxTransactionSize, budget: { left: config.maxInflatedSize } }
  for (const candidate of candidates) {
    const opened = shape === 'P' ? openTransaction(candidate, limits) : openLegacy(candidate)
    if ('code' in opened) return refusedAt('transactions', opened, witness, transactions)
    transactions.push(opened.transaction)
    texts.push(opened.text)
  }
  witness?.('transactions', undefined)
  const found = (readOnly ? rules.readOnly : rules.onTransactionEndpoints)(transactions)
  return found
    ? { ...refused(found, transactions), retries }
    : { ...NOTHING, rebuilt: rebuild(texts), transactions, retries }
}
