// Sends reports to relays on runtimes that give time only to a request and a short while after it. Queued reports belong
// to no request; any request may continue sending them.
import type { ReportEvent } from '../shared/report-message.ts'
import {
  backoff,
  FLUSH_DELAY,
  postMessage,
  type Reporter,
  type ReporterOptions,
  reporterOf,
  SEND_TIMEOUT,
} from './report.ts'
import { ReportQueue } from './report-queue.ts'

/** Milliseconds after its response for which a request goes on sending; Cloudflare allows 30 s. */
const SEND_TIME = 20_000

/** Messages that one request sends; Cloudflare's free plan allows 50 of all kinds. */
const MAX_MESSAGES = 40

/** Milliseconds over its time after which a request that was sending is taken to be cut off. */
const GRACE = 2_000

const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

export interface EdgeReporter extends Reporter {
  /** Whether something waits that no request is sending. */
  isWaiting(): boolean
}

/** `idle` sends what waits within the caller's own time, or resolves at once where another request does so. */
export function createEdgeReporter(options: ReporterOptions): EdgeReporter {
  const { all, reporter } = reporterOf((url) => createEdgeSender(url, options))
  return { ...reporter, isWaiting: () => all().some((queue) => queue.isWaiting()) }
}

function createEdgeSender(url: string, options: ReporterOptions) {
  const { secrets, logger, now } = options
  const queue = new ReportQueue(url, secrets, logger, now)
  let failures = 0
  /**
   * The request that is at it, by the time until which it is believed to be: a request that is cut off takes nothing
   * back. One that lived on after its time finds that another has taken over.
   */
  let lease = { until: 0 }

  const isWaiting = () => queue.queued > 0 && now() >= lease.until

  const idle = async () => {
    if (!isWaiting()) return
    const end = now() + SEND_TIME
    const mine = { until: 0 }
    lease = mine
    const during = <T>(milliseconds: number, work: Promise<T>): Promise<T> => {
      mine.until = now() + milliseconds + GRACE
      return work
    }
    await during(FLUSH_DELAY, sleep(FLUSH_DELAY))
    for (let sent = 0; lease === mine && sent < MAX_MESSAGES && now() < end; sent++) {
      const message = queue.next()
      if (!message) break
      const answer = await during(SEND_TIMEOUT, postMessage(url, message, options))
      if (lease !== mine) return
      if (answer !== 'taken' && !answer.final) {
        if (failures === 2)
          logger.warn('relay does not take reports; trying on', { relay: url, reason: answer.reason })
        const pause = backoff(failures++)
        await during(pause, sleep(pause))
        continue
      }
      if (answer === 'taken') failures = 0
      else logger.error('relay refused reports', { relay: url, reason: answer.reason, events: message.count })
      queue.done(answer === 'taken' ? 'sent' : 'refused')
    }
    mine.until = 0
  }

  return {
    add: (event: ReportEvent) => queue.add(event),
    isWaiting,
    idle,
    drain: async () => {},
    counters: () => queue.counters(),
  }
}
