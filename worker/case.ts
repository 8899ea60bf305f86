// One request, who sent it, by which settings it is judged, and what became of it. Metrics and the access log are told
// when its response is over.
import type { Address } from '../shared/address.ts'
import type { Violation, ViolationCode } from '../shared/violations.ts'
import type { Cause } from './consequences.ts'
import type { Verdict } from './judge.ts'
import type { Bucket } from './limits/buckets.ts'
import type { FilterRequest, RequestWatch } from './platform.ts'
import type { Settings } from './settings.ts'
import type { Trace } from './tracing/tracing.ts'

export const requestOutcomes = [
  /** nodeos answered; below 400 where no transaction says more. */
  'success',
  /** nodeos answered that a transaction failed through its sender. */
  'failed',
  /** nodeos answered with another error, or not at all. */
  'trouble',
  /** It broke a rule. */
  'rejected',
  /** It was over a rate limit. */
  'limited',
  /** Its sender is banned or blocked. */
  'banned',
  /** Its turn at nodeos did not come in time, or there was no room for it. */
  'overloaded',
  /** The client left before it was answered. */
  'gone',
] as const
export type RequestOutcome = (typeof requestOutcomes)[number]

export class Case implements Cause, RequestWatch {
  readonly request: FilterRequest
  readonly client: Address
  readonly severity: Settings
  /** As soon as its body is judged. */
  verdict: Verdict | undefined = undefined
  /** The rate limits that it counts in, as soon as that is known. */
  buckets: readonly Bucket[] | undefined = undefined
  /** What it was refused for, or in monitor mode would have been. */
  found: Violation | undefined = undefined
  outcome: RequestOutcome | undefined = undefined
  /** Undefined where it is not traced. */
  trace: Trace | undefined = undefined
  /** nodeos is asked, and says what becomes of it: it may do so after the response is over. */
  isForwarded = false
  /** Bytes of the bodies; those of the response as they were sent. */
  requestBytes = 0
  responseBytes = 0
  /** Of the response; 0 where there was none. */
  status = 0
  /** Milliseconds of nodeos's time that were its own; undefined where no node was asked. */
  nodeosTime: number | undefined = undefined
  /** From its head to the end of its response. */
  seconds = 0
  #isOver = false
  #isTold = false

  constructor(request: FilterRequest, client: Address, severity: Settings) {
    this.request = request
    this.client = client
    this.severity = severity
  }

  refused(found: Violation): void {
    this.found = found
    this.settle(outcomeOfRefusal(found.code))
  }

  /** What became of it; the first word counts. */
  settle(outcome: RequestOutcome): void {
    this.outcome ??= outcome
    if (this.#isOver) this.#tell()
  }

  over(status: number, responseBytes: number): void {
    this.#isOver = true
    this.status = status
    this.responseBytes = responseBytes
    this.seconds = (performance.now() - this.request.began) / 1000
    if (this.outcome === undefined && this.isForwarded && status > 0) return
    this.outcome ??= status > 0 ? 'success' : 'gone'
    this.#tell()
  }

  #tell(): void {
    if (this.#isTold) return
    this.#isTold = true
    const { traffic, accessLog } = this.severity
    traffic.over(this)
    accessLog?.(this)
    this.trace?.end(this)
  }
}

function outcomeOfRefusal(code: ViolationCode): RequestOutcome {
  if (code === 'RATE_LIMITED') return 'limited'
  if (code === 'BANNED' || code === 'BLOCKED_ADDRESS') return 'banned'
  if (code === 'OVERLOADED') return 'overloaded'
  return code.startsWith('NODEOS_') ? 'trouble' : 'rejected'
}
