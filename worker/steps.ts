// The steps of the pipeline. Each one answers the request, which ends it, or lets it continue.
import { strikeClassOf, type Violation, violation } from '../shared/violations.ts'
import { type Bans, secondsLeft } from './bans/bans.ts'
import type { Refusals } from './bans/refusals.ts'
import type { Case } from './case.ts'
import type { Consequences } from './consequences.ts'
import { isPreflight, preflightAnswer } from './cors.ts'
import { pathOf } from './endpoints.ts'
import { heldFields, upstreamHeaders } from './headers.ts'
import { withoutField } from './http1/fields.ts'
import type { Insight } from './insight.ts'
import { bodyTooLarge, type Verdict } from './judge.ts'
import { isDecidedFirst } from './limits/buckets.ts'
import type { Over } from './limits/rate-limits.ts'
import type { Nodes } from './nodes/nodes.ts'
import { TOO_MANY_RETRIES } from './nodes/trouble.ts'
import { MAX_JUDGED_RESPONSE, type Outcome, outcomeOf } from './outcome.ts'
import type { BodyRead, HeaderPairs, UpstreamRequest, UpstreamTrouble } from './platform.ts'
import { type RejectionHeaders, rejection } from './reject.ts'
import { type RepeatCounts, repeatKey, type Settle, type TransactionAnswer } from './repeats.ts'
import type { Retrying } from './retrying.ts'
import { carriesTransactions } from './transactions/shapes.ts'

export interface StepsParts {
  bans: Bans
  refusals: Refusals
  retrying: Retrying
  consequences: Consequences
  nodes: Pick<Nodes, 'chargeFailure'>
  repeats: RepeatCounts
  insight: Insight | undefined
  /** Unix time in milliseconds. */
  now(): number
}

export class Steps {
  readonly #parts: StepsParts

  constructor(parts: StepsParts) {
    this.#parts = parts
  }

  /** A client on the list of blocked addresses is told so, where its connection was not closed unanswered. */
  blocked(each: Case): boolean {
    const { client, severity } = each
    if (severity.standingOf(client) !== 'blocked' || !severity.mayBeBanned(client)) return false
    return this.violated(each, violation('BLOCKED_ADDRESS', `${client} is on the list of blocked addresses`))
  }

  /** A client that is banned is told so, before its body is read. */
  banned(each: Case): boolean {
    const { request, client, severity } = each
    const ban = severity.enforced ? this.#parts.bans.banOf(client) : undefined
    if (!ban || !severity.mayBeBanned(client)) return false
    this.#parts.refusals.count(ban)
    const retryAfter = secondsLeft(ban, this.#parts.now())
    const found = violation('BANNED', `${ban.network} is banned for ${retryAfter} more seconds`)
    // A proxy's connection carries other clients' requests as well.
    this.#refuse(each, found, { retryAfter, close: severity.clientAddress(request.peer, '') === client })
    return true
  }

  /** Where pages are allowed by configuration, nodeos need not be asked what they may do. */
  preflight({ request, severity }: Case): boolean {
    if (severity.config.corsAllowOrigin === '' || !isPreflight(request)) return false
    request.answer(preflightAnswer(request, severity.headers))
    return true
  }

  /**
   * A violation is answered. In monitor mode it is noted only, and the request goes on, unless it is none that nodeos
   * could be asked.
   */
  violated(each: Case, found: Violation | undefined): boolean {
    if (!found) return false
    const isRefused = each.severity.enforced || found.isNoRequest === true
    this.#countViolation(each, found)
    if (isRefused) this.#refuse(each, found)
    else this.#watched(each, found)
    return isRefused
  }

  /** What is known of a request from here on. */
  judged(each: Case, verdict: Verdict, body: Uint8Array): void {
    each.verdict = verdict
    this.#parts.insight?.judged(each, body)
  }

  /** Which limits it counts in: known once the body is judged. */
  concern(each: Case, { transactions, tables }: Pick<Verdict, 'transactions' | 'tables'>): void {
    const { request, client, severity } = each
    const { limits } = severity
    if (!limits || severity.isAllowed(client)) return
    const isOne = severity.mayBeBanned(client)
    const path = pathOf(request.target)
    each.buckets = limits.concern({ client, isOne, path, transactions, tables })
  }

  /** A request over a limit is answered; where limits are only watched, that is noted. */
  limited(each: Case): boolean | Promise<boolean> {
    const { severity, buckets } = each
    if (!buckets || buckets.length === 0) return false
    const over = severity.limits?.attempt(buckets, this.#parts.now())
    if (!over) return false
    return over instanceof Promise ? this.#overInStore(each, over) : this.#over(each, over)
  }

  async #overInStore(each: Case, asked: Promise<Over | undefined>): Promise<boolean> {
    const { trace, buckets } = each
    const began = trace ? performance.now() : 0
    const over = await asked
    trace?.stored(began, performance.now(), buckets!.filter(isDecidedFirst).length)
    return over !== undefined && this.#over(each, over)
  }

  #over(each: Case, over: Over): boolean {
    const isRefused = over.isEnforced && each.severity.enforced
    if (isRefused) {
      const { retryAfter, fields } = over
      this.#refuse(each, over.violation, { retryAfter, fields })
    } else this.#watched(each, over.violation)
    return isRefused
  }

  #watched(each: Case, found: Violation): void {
    each.found ??= found
    this.#parts.consequences.violation(found, each, false)
  }

  #countViolation(each: Case, found: Violation): void {
    const { limits } = each.severity
    if (!limits || found.limit !== undefined || strikeClassOf(found.reportedAs ?? found.code) === null) return
    if (!each.buckets) this.concern(each, { transactions: [], tables: [] })
    limits.count(each.buckets ?? [], 'violation', 1, this.#parts.now())
  }

  /** Without its body a request cannot go on, in no mode. */
  unread(each: Case, read: Exclude<BodyRead, { bytes: Uint8Array }>): void {
    if ('aborted' in read) {
      each.settle('gone')
      each.request.answer({ status: 400, fields: [], body: '', close: true })
    } else this.#refuse(each, unread(read, each.severity.maxBodySize))
  }

  /** There is no answer of nodeos. */
  trouble(each: Case, trouble: UpstreamTrouble): void {
    this.#refuse(each, trouble)
  }

  #refuse(each: Case, found: Violation, how?: Omit<RejectionHeaders, 'headers'>): void {
    this.#parts.consequences.violation(found, each, true)
    each.refused(found)
    each.request.answer(rejection(found, { headers: each.severity.ownHeaders, ...how }))
  }

  /**
   * Has a request answered that was judged: a transaction by the answer to the very same one where that is known or under
   * way, all else by a node. Resolves to why there is no answer.
   */
  forward(each: Case, bytes: Uint8Array, verdict: Verdict): Promise<UpstreamTrouble | undefined> {
    const key = repeatKeyOf(each, verdict)
    if (key === undefined) return this.#ask(each, bytes, verdict)
    const { repeats } = each.severity
    const known = repeats!.find(key)
    if (known === undefined) return this.#ask(each, bytes, verdict, repeats!.begin(key))
    return this.#repeat(each, bytes, verdict, key, known)
  }

  async #repeat(
    each: Case,
    bytes: Uint8Array,
    verdict: Verdict,
    key: string,
    known: TransactionAnswer | Promise<TransactionAnswer | undefined>,
  ): Promise<UpstreamTrouble | undefined> {
    const { request, severity, buckets } = each
    const { repeats, limits } = severity
    const { repeats: counts, consequences, now } = this.#parts
    counts[known instanceof Promise ? 'joined' : 'remembered']++
    let answer = await known
    if (!answer) {
      // Of those that waited in vain, the first asks, and the others wait once more.
      const again = repeats!.find(key)
      if (!again) return this.#ask(each, bytes, verdict, repeats!.begin(key))
      answer = await again
      if (!answer) return this.#ask(each, bytes, verdict)
    }
    const { status, headers, body, outcome } = answer
    each.settle(outcomeName(outcome))
    request.answer({ status, fields: heldFields(headers, severity.headers), body, close: false })
    if (outcome !== 'success' && buckets) limits?.count(buckets, 'failure', outcome.failed, now())
    consequences.outcome(outcome, each)
    return undefined
  }

  /** Asks a node for what was judged, or in monitor mode for what came. */
  #ask(
    each: Case,
    bytes: Uint8Array,
    { rebuilt, retries }: Verdict,
    settle?: Settle,
  ): Promise<UpstreamTrouble | undefined> {
    const { request, client, severity, buckets } = each
    const { limits } = severity
    const { retrying, consequences, nodes, insight, now } = this.#parts
    const { nodeosTimeout, transactionRetryTimeout, maxRetriesPerClient } = severity.config
    const mayRetry = severity.isAllowed(client) ? Number.POSITIVE_INFINITY : maxRetriesPerClient
    if (retries && !retrying.enter(client, mayRetry)) return Promise.resolve(TOO_MANY_RETRIES)
    const { method, target, headers } = request
    const transactions = carriesTransactions(pathOf(target))
    const question: UpstreamRequest = {
      client,
      method,
      target,
      headers: traced(upstreamHeaders(headers, client, transactions && bytes.length > 0), each),
      body: (severity.enforced ? rebuilt : null) ?? (bytes.length > 0 ? bytes : null),
      retryable: !transactions,
      headTimeout: retries ? transactionRetryTimeout : nodeosTimeout,
      // Neither waits: one for its block, the other for nobody.
      isUngated: retries || severity.isAllowed(client),
    }
    each.isForwarded = true
    let answered: HeaderPairs | undefined
    const forwarded = severity.forward(request, question, {
      headers: severity.headers,
      keep: transactions ? MAX_JUDGED_RESPONSE : 0,
      asked: each.trace && ((asking) => each.trace?.asked(asking)),
      spent: (milliseconds) => {
        each.nodeosTime = (each.nodeosTime ?? 0) + milliseconds
        insight?.spent(each, milliseconds, bytes)
        if (buckets) limits?.count(buckets, 'time', milliseconds, now())
      },
      begun: (headers) => {
        answered = headers
      },
      observe: (status, body) => {
        const outcome = transactions ? outcomeOf(status, body) : status < 400 ? 'success' : 'trouble'
        const isWhole = body !== undefined && answered !== undefined
        settle?.(isWhole && outcome !== 'trouble' ? { status, headers: answered!, body, outcome } : undefined)
        if (typeof outcome === 'object') {
          nodes.chargeFailure(client, each.nodeosTime ?? 0)
          severity.traffic.failed(outcome.errors)
          if (buckets) limits?.count(buckets, 'failure', outcome.failed, now())
        }
        consequences.outcome(outcome, each)
        each.settle(outcomeName(outcome))
      },
    })
    if (retries) return forwarded.finally(() => retrying.leave(client))
    if (!settle) return forwarded
    return forwarded.then((trouble) => {
      // What was never asked, or not answered, is never observed.
      if (trouble || !answered) settle(undefined)
      return trouble
    })
  }
}

/**
 * What tells the request from others where it may be answered as the very same one. A client that is let through has its
 * requests asked for in any case, and one with retry_trx waits for a block of its own.
 */
function repeatKeyOf({ request, client, severity }: Case, { rebuilt, retries }: Verdict): string | undefined {
  if (!severity.repeats || rebuilt === null || retries || severity.isAllowed(client)) return undefined
  const { target } = request
  return carriesTransactions(pathOf(target)) ? repeatKey(target, rebuilt) : undefined
}

/** A node's own spans belong below that of the request. */
function traced(headers: HeaderPairs, { trace }: Case): HeaderPairs {
  return trace ? [...withoutField(headers, 'traceparent'), 'traceparent', trace.traceparent] : headers
}

const outcomeName = (outcome: Outcome) => (typeof outcome === 'object' ? 'failed' : outcome)

/** Why a body was not read. */
function unread(
  read: Exclude<BodyRead, { bytes: Uint8Array } | { aborted: true }>,
  limit: number,
): Violation {
  if ('tooLarge' in read) return bodyTooLarge(`over ${limit}`, limit)
  if ('late' in read) return violation('REQUEST_TIMEOUT', 'The request did not arrive in time')
  return violation('OVERLOADED', 'Too many request bodies at one time; try again')
}
