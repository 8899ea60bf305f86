// Sends reports to relays in batches, from a bounded queue per relay. Never delays a request.
import type { Address } from '../shared/address.ts'
import type { Logger } from '../shared/logger.ts'
import {
  MAX_EVENTS,
  RELAY_PATH,
  type RelaySecret,
  type ReportEvent,
  signReport,
} from '../shared/report-message.ts'
import { type ReportCode, SUCCESS } from '../shared/violations.ts'
import { type Message, type RelayCounters, type ReportError, ReportQueue } from './report-queue.ts'

/** Milliseconds that a first event waits for company. */
export const FLUSH_DELAY = 200
export const SEND_TIMEOUT = 2_000
const FIRST_BACKOFF = 100
const MAX_BACKOFF = 5_000
/** Milliseconds that a relay has to take what still waits for it when it is removed. */
const REMOVED_DRAIN = 10_000

export interface ReporterOptions {
  secrets: readonly RelaySecret[]
  logger: Logger
  send: typeof fetch
  /** Unix time in milliseconds. */
  now(): number
}

export interface Reporter {
  /** Puts one event into the queue of every relay. Returns at once. */
  report(host: Address, code: ReportCode): void
  /** Changes the relays. What waits for one that is no longer named is still sent. */
  setRelays(endpoints: readonly string[]): void
  /** Resolves when nothing waits any more. */
  idle(): Promise<unknown>
  /** Resolves when nothing waits any more, or after `milliseconds`; what is left then is lost and logged. */
  drain(milliseconds: number): Promise<void>
  counters(): Record<string, RelayCounters>
  /** Why relays did not take their last message that was not taken, by relay. */
  errors(): Record<string, ReportError>
}

/** The address of a relay's report path; a configured base URL may name it already. */
export function relayUrl(base: string): string {
  return base.includes(RELAY_PATH) ? base : base.replace(/\/+$/, '') + RELAY_PATH
}

interface Sender extends Pick<Reporter, 'idle' | 'drain'> {
  add(event: ReportEvent): void
  counters(): RelayCounters
  lastError?(): ReportError | undefined
}

/** A reporter over a sender for each relay. */
export function reporterOf<S extends Sender>(create: (url: string) => S) {
  let queues = new Map<string, S>()
  const all = () => [...queues.values()]
  const reporter: Reporter = {
    report: (host, message) => {
      const event = { host, success: message === SUCCESS, message }
      for (const queue of queues.values()) queue.add(event)
    },
    setRelays: (endpoints) => {
      const urls = endpoints.map(relayUrl)
      for (const [url, queue] of queues) if (!urls.includes(url)) void queue.drain(REMOVED_DRAIN)
      queues = new Map(urls.map((url) => [url, queues.get(url) ?? create(url)]))
    },
    idle: () => Promise.all(all().map((queue) => queue.idle())),
    drain: async (milliseconds) => void (await Promise.all(all().map((queue) => queue.drain(milliseconds)))),
    counters: () => Object.fromEntries([...queues].map(([url, queue]) => [url, queue.counters()])),
    errors: () =>
      Object.fromEntries(
        [...queues].flatMap(([url, queue]) => {
          const error = queue.lastError?.()
          return error ? [[url, error]] : []
        }),
      ),
  }
  return { all, reporter }
}

export const createReporter = (options: ReporterOptions): Reporter =>
  reporterOf((url) => new RelaySender(url, options)).reporter

/** Full jitter, so that filters that lost a relay together do not come back together. Milliseconds. */
export function backoff(attempt: number): number {
  return Math.random() * Math.min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** attempt)
}

/** Posts a message once. `final`: sending it again is of no use. */
export async function postMessage(
  url: string,
  { id, body }: Message,
  { secrets: [secret], send, now }: ReporterOptions,
): Promise<'taken' | { final: boolean; reason: string }> {
  try {
    const signature = secret ? await signReport(secret, id, now() / 1000, body) : { 'webhook-id': id }
    const response = await send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signature },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(SEND_TIMEOUT),
    })
    const reason = (await response.text()).slice(0, 200)
    if (response.ok) return 'taken'
    const { status } = response
    return { final: status < 500 && status !== 408 && status !== 429, reason: `${status} ${reason}` }
  } catch (error) {
    const { message, cause } = error as Error
    return { final: false, reason: cause instanceof Error ? cause.message || String(cause) : message }
  }
}

/** Sends what waits for one relay, batch after batch, for as long as something waits. */
class RelaySender implements Sender {
  readonly #url: string
  readonly #options: ReporterOptions
  readonly #queue: ReportQueue
  #running: Promise<void> | undefined
  #closed = false
  #refusing = false
  #hurry: () => void = () => {}

  constructor(url: string, options: ReporterOptions) {
    this.#url = url
    this.#options = options
    this.#queue = new ReportQueue(url, options.secrets, options.logger, options.now)
  }

  add(event: ReportEvent): void {
    this.#queue.add(event)
    if (this.#queue.waiting === MAX_EVENTS) this.#hurry()
    this.#running ??= this.#run()
  }

  idle(): Promise<unknown> {
    return this.#running ?? Promise.resolve()
  }

  async drain(milliseconds: number): Promise<void> {
    const deadline = setTimeout(() => {
      this.#closed = true
      this.#hurry()
    }, milliseconds)
    while (this.#running && !this.#closed) {
      this.#hurry()
      await Promise.race([this.#running, new Promise((resolve) => setTimeout(resolve, 50))])
    }
    clearTimeout(deadline)
    const lost = this.#queue.queued
    if (lost > 0)
      this.#options.logger.error('reports lost: the relay did not take them before the end', {
        relay: this.#url,
        lost,
      })
  }

  counters(): RelayCounters {
    return this.#queue.counters()
  }

  lastError(): ReportError | undefined {
    return this.#queue.lastError
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Lives while there is something to send. */
  async #run(): Promise<void> {
    const isSigned = this.#options.secrets.length > 0
    if (this.#queue.waiting < MAX_EVENTS) await this.#pause(FLUSH_DELAY)
    while (!this.#closed) {
      const message = this.#queue.next()
      if (!message) break
      await this.#deliver(message)
      // What came meanwhile waits for company as well: else every answer sends off the next message, of a few
      // events, and reporting costs more than judging.
      const { waiting } = this.#queue
      if (isSigned && waiting > 0 && waiting < MAX_EVENTS) await this.#pause(FLUSH_DELAY)
    }
    this.#running = undefined
  }

  /** Sends until the relay has taken or refused it. */
  async #deliver(message: Message): Promise<void> {
    const { logger } = this.#options
    for (let attempt = 0; !this.#closed; attempt++) {
      const answer = await postMessage(this.#url, message, this.#options)
      if (answer === 'taken') {
        if (attempt > 2 || this.#refusing) logger.info('relay takes reports again', { relay: this.#url })
        this.#refusing = false
        this.#queue.done('sent')
        return
      }
      const { final, reason } = answer
      this.#queue.failed(reason)
      if (final) {
        // A wrong secret has all of them refused, each event alone where there is none.
        if (!this.#refusing) logger.error('relay refuses reports', { relay: this.#url, reason })
        this.#refusing = true
        this.#queue.done('refused')
        return
      }
      if (attempt === 2) logger.warn('relay does not take reports; trying on', { relay: this.#url, reason })
      await this.#pause(backoff(attempt))
    }
  }
}
