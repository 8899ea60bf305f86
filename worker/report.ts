// Verdicts -> the relays. Never on a request's way: events wait in a bounded queue for each relay and are sent
// in batches behind it.
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

/** Events that wait for one relay; then the oldest go. */
export const MAX_QUEUE = 10_000
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

export interface RelayCounters {
  sent: number
  dropped: number
  refused: number
  queued: number
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
}

/** The address of a relay's report path; a configured base URL may name it already. */
export function relayUrl(base: string): string {
  return base.includes(RELAY_PATH) ? base : base.replace(/\/+$/, '') + RELAY_PATH
}

interface Queue extends Pick<Reporter, 'idle' | 'drain'> {
  add(event: ReportEvent): void
  counters(): RelayCounters
}

/** A reporter over a queue for each relay. */
export function reporterOf<Q extends Queue>(create: (url: string) => Q) {
  let queues = new Map<string, Q>()
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
  }
  return { all, reporter }
}

export const createReporter = (options: ReporterOptions): Reporter =>
  reporterOf((url) => createQueue(url, options)).reporter

/** Full jitter, so that filters that lost a relay together do not come back together. Milliseconds. */
export function backoff(attempt: number): number {
  return Math.random() * Math.min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** attempt)
}

/** A message for one relay. Its id stays the same when it is sent again, so that the relay knows a repetition. */
export interface Message {
  id: string
  body: string
  /** How many events are in it. */
  count: number
}

/** Takes a message's worth of events out of what waits: one where messages are unsigned, as the original reads them. */
export function takeMessage(waiting: ReportEvent[], [secret]: readonly RelaySecret[]): Message {
  const batch = waiting.splice(0, secret ? MAX_EVENTS : 1)
  const body = JSON.stringify(secret ? batch : batch[0])
  return { id: `msg_${crypto.randomUUID()}`, body, count: batch.length }
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

function createQueue(url: string, options: ReporterOptions) {
  const { secrets, logger } = options
  let waiting: ReportEvent[] = []
  let sending = 0
  const counters = { sent: 0, dropped: 0, refused: 0 }
  let running: Promise<void> | undefined
  let closed = false
  let refusing = false
  let hurry: () => void = () => {}

  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const add = (event: ReportEvent) => {
    if (waiting.length + sending >= MAX_QUEUE) {
      // Shifting an array of thousands for every event of a flood is slow, so a tenth goes at once.
      const excess = Math.min(waiting.length, MAX_QUEUE / 10)
      waiting = waiting.slice(excess)
      counters.dropped += excess
      logger.warn('reports dropped: the relay does not take them fast enough', {
        relay: url,
        dropped: excess,
      })
    }
    waiting.push(event)
    if (waiting.length === MAX_EVENTS) hurry()
    running ??= run()
  }

  /** Lives while there is something to send. */
  const run = async () => {
    if (waiting.length < MAX_EVENTS) await pause(FLUSH_DELAY)
    while (waiting.length > 0 && !closed) {
      const message = takeMessage(waiting, secrets)
      sending = message.count
      await deliver(message)
      sending = 0
      // What came meanwhile waits for company as well: else every answer sends off the next message, of a few
      // events, and reporting costs more than judging.
      if (secrets.length > 0 && waiting.length > 0 && waiting.length < MAX_EVENTS) await pause(FLUSH_DELAY)
    }
    running = undefined
  }

  /** Sends until the relay has taken or refused it. */
  const deliver = async (message: Message) => {
    const { count } = message
    for (let attempt = 0; !closed; attempt++) {
      const answer = await postMessage(url, message, options)
      if (answer === 'taken') {
        if (attempt > 2 || refusing) logger.info('relay takes reports again', { relay: url })
        refusing = false
        counters.sent += count
        return
      }
      if (answer.final) {
        counters.refused += count
        // A wrong secret has all of them refused, each event alone where there is none.
        if (!refusing) logger.error('relay refuses reports', { relay: url, reason: answer.reason })
        refusing = true
        return
      }
      if (attempt === 2)
        logger.warn('relay does not take reports; trying on', { relay: url, reason: answer.reason })
      await pause(backoff(attempt))
    }
  }

  const drain = async (milliseconds: number) => {
    const deadline = setTimeout(() => {
      closed = true
      hurry()
    }, milliseconds)
    while (running && !closed) {
      hurry()
      await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 50))])
    }
    clearTimeout(deadline)
    const lost = waiting.length + sending
    if (lost > 0)
      logger.error('reports lost: the relay did not take them before the end', { relay: url, lost })
  }

  return {
    add,
    drain,
    idle: () => running ?? Promise.resolve(),
    counters: () => ({ ...counters, queued: waiting.length + sending }),
  }
}
