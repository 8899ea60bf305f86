// What the primary and its workers tell each other, over the channel that node:cluster opens between them.
import type { Address } from '../../../shared/address.ts'
import type { FilterConfig } from '../../../shared/config/filter.ts'
import type { StrikeClass } from '../../../shared/violations.ts'
import type { Ban } from '../../bans/bans.ts'
import type { InsightAnswers } from '../../insight.ts'
import type { Counted } from '../../limits/rate-limits.ts'
import type { Metrics } from '../../metrics.ts'
import type { Known } from '../../nodes/nodes.ts'

export interface Strikes {
  network: string
  strikeClass: StrikeClass
  count: number
}

/** A question to each worker's insight, whose answers are summed. */
export type Question = {
  [Name in keyof InsightAnswers]: { name: Name; about: Parameters<InsightAnswers[Name]>[0] }
}[keyof InsightAnswers]

export type ToWorker =
  | { type: 'start'; config: FilterConfig; bans: Ban[]; nodes: Known }
  /** What the primary's looks found, and what other workers met. */
  | { type: 'nodes'; nodes: Known }
  | { type: 'config'; config: FilterConfig }
  /** What rate limits counted elsewhere. */
  | { type: 'counted'; counted: Counted[] }
  | { type: 'ban'; ban: Ban }
  | { type: 'lift'; client: Address }
  /** Tell your metrics. */
  | { type: 'tell' }
  | { type: 'ask'; id: number; question: Question }
  /** Serve what comes on the connections that there are, and end. */
  | { type: 'retire' }
  /** Finish what is under way, and end. */
  | { type: 'stop' }

export type ToPrimary =
  | { type: 'listening'; address: string }
  | { type: 'failed'; message: string }
  | { type: 'strikes'; strikes: Strikes[] }
  | { type: 'metrics'; metrics: Metrics }
  | { type: 'answer'; id: number; answer: unknown }
  | { type: 'counted'; counted: Counted[] }
  /** A node failed a request: look at it. */
  | { type: 'failure'; node: string }
  /** A node failed so many that it was ejected. */
  | { type: 'ejection'; node: string; why: string }

type Handlers<M extends { type: string }> = {
  [T in M['type']]: (message: Extract<M, { type: T }>) => void
}

/**
 * Hands each message to the handler of its type. Throws an Error on a message that has none: both ends are of one
 * version, so it is a bug.
 */
export function dispatcher<M extends { type: string }>(handlers: Handlers<M>): (message: M) => void {
  const byType = new Map<string, (message: never) => void>(Object.entries(handlers))
  return (message) => {
    const handle = byType.get(message.type)
    if (!handle) throw new Error(`a message of unknown type ${JSON.stringify(message.type)}`)
    handle(message as never)
  }
}

/** Milliseconds that requests under way, and then reports, have when a worker is to end. */
export { DRAIN_TIME } from '../filter-program.ts'

/** Milliseconds in which a client of a worker that retires sends its next request, and is told to go elsewhere. */
export const RETIRE_GRACE = 1_000
