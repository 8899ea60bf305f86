// The queue of reports for one relay, with its counters.
import type { Logger } from '../shared/logger.ts'
import type { RelaySecret, ReportEvent } from '../shared/report-message.ts'
import { MAX_EVENTS } from '../shared/report-message.ts'

/** Events that wait for one relay; then the oldest go. */
export const MAX_QUEUE = 10_000

/** A message for one relay. Its id stays the same when it is sent again, so that the relay knows a repetition. */
export interface Message {
  id: string
  body: string
  /** How many events are in it. */
  count: number
}

export interface RelayCounters {
  sent: number
  dropped: number
  refused: number
  queued: number
  /** Milliseconds that the oldest of them has waited; 0 where none does. */
  oldest: number
}

/** Why a message was not taken, and when, as Unix time in milliseconds. */
export interface ReportError {
  at: number
  reason: string
}

export class ReportQueue {
  readonly #url: string
  readonly #isSigned: boolean
  readonly #logger: Logger
  readonly #now: () => number
  readonly #counters = { sent: 0, dropped: 0, refused: 0 }
  #waiting: ReportEvent[] = []
  /** When each of them came, in Unix milliseconds. */
  #since: number[] = []
  /** Undefined where every message was taken at once. */
  lastError: ReportError | undefined
  /** What is being sent. */
  #message: Message | undefined
  /** When the oldest event in it came. */
  #messageSince = 0

  constructor(url: string, secrets: readonly RelaySecret[], logger: Logger, now: () => number) {
    this.#url = url
    this.#isSigned = secrets.length > 0
    this.#logger = logger
    this.#now = now
  }

  add(event: ReportEvent): void {
    if (this.queued >= MAX_QUEUE) {
      // Shifting an array of thousands for every event of a flood is slow, so a tenth goes at once.
      const excess = Math.min(this.#waiting.length, MAX_QUEUE / 10)
      this.#waiting = this.#waiting.slice(excess)
      this.#since = this.#since.slice(excess)
      this.#counters.dropped += excess
      this.#logger.warn('reports dropped: the relay does not take them fast enough', {
        relay: this.#url,
        dropped: excess,
      })
    }
    this.#waiting.push(event)
    this.#since.push(this.#now())
  }

  /** Events that wait for company. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Events that were not taken yet. */
  get queued(): number {
    return this.#waiting.length + (this.#message?.count ?? 0)
  }

  /** The message to send: the one that was not taken yet, or the next; of one event where messages are unsigned, as the original reads them. */
  next(): Message | undefined {
    if (this.#message || this.#waiting.length === 0) return this.#message
    const batch = this.#waiting.splice(0, this.#isSigned ? MAX_EVENTS : 1)
    this.#messageSince = this.#since.splice(0, batch.length)[0]!
    const body = JSON.stringify(this.#isSigned ? batch : batch[0])
    this.#message = { id: `msg_${crypto.randomUUID()}`, body, count: batch.length }
    return this.#message
  }

  /** The relay has taken or refused the message. */
  done(result: 'sent' | 'refused'): void {
    this.#counters[result] += this.#message?.count ?? 0
    this.#message = undefined
  }

  /** A message was not taken. */
  failed(reason: string): void {
    this.lastError = { at: this.#now(), reason }
  }

  counters(): RelayCounters {
    const since = this.#message ? this.#messageSince : this.#since[0]
    const oldest = since === undefined ? 0 : Math.max(0, this.#now() - since)
    return { ...this.#counters, queued: this.queued, oldest }
  }
}
