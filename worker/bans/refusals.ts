// Counts how often a banned client was told of its ban. After that its connections are closed without an answer.
import type { Ban } from './bans.ts'

/** Requests that are answered while banned; then connections are closed unheard. */
const MAX_REFUSALS = 2

/** Networks that are remembered; then the oldest go. */
const MAX_NETWORKS = 50_000

export interface Refusals {
  /** A request of a banned client was answered with its ban. */
  count(ban: Ban): void
  isEnough(ban: Ban): boolean
}

export function createRefusals(): Refusals {
  const told = new Map<string, { until: number; times: number }>()

  return {
    count: ({ network, until }) => {
      const record = told.get(network)
      if (record?.until === until) {
        record.times++
        return
      }
      told.delete(network)
      if (told.size >= MAX_NETWORKS) told.delete(told.keys().next().value!)
      told.set(network, { until, times: 1 })
    },
    isEnough: ({ network, until }) => {
      const record = told.get(network)
      return record?.until === until && record.times >= MAX_REFUSALS
    },
  }
}
