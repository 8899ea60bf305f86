// What the console's screens look at: metrics, nodes and bans as they are now, and their history of the last hour.
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { History } from '../../shared/console/history.ts'
import { type ConsoleRecord, createRecord } from '../../shared/console/record.ts'
import { violations } from '../../shared/violations.ts'
import type { Ban, Bans } from '../bans/bans.ts'
import type { InsightAnswers } from '../insight.ts'
import type { Metrics } from '../metrics.ts'
import type { NodeState } from '../nodes/node-state.ts'

export interface WatchParts {
  config(): FilterConfig
  metrics(): Promise<Metrics>
  nodes: { states: readonly NodeState[] }
  bans: Pick<Bans, 'list'>
  insight: InsightAnswers
}

export interface Watch extends WatchParts, ConsoleRecord<FilterConfig> {}

/** Numbers of the history, of one moment's metrics. */
export function valuesOf({ verdicts, nodes, reads, bans, relays }: Metrics, nodeTime: number) {
  const values = {
    passed: verdicts.SUCCESS ?? 0,
    failed: verdicts.TRANSACTION_FAILED ?? 0,
    refused: 0,
    trouble: verdicts.TROUBLE ?? 0,
    cached: reads.hit + reads.joined,
    /** Milliseconds. */
    nodeTime,
    waiting: 0,
    /** Requests that nodes were sent and have not answered. */
    atWork: 0,
    bans: bans.inForce,
    queued: 0,
  }
  for (const [code, count] of Object.entries(verdicts)) {
    if (isTrouble(code)) values.trouble += count
    else if (Object.hasOwn(violations, code)) values.refused += count
  }
  for (const { waiting, underWay } of Object.values(nodes)) {
    values.waiting += waiting
    values.atWork += underWay - waiting
  }
  for (const { queued } of Object.values(relays)) values.queued += queued
  return values
}

/** A node, or its load, is why there was no answer. */
const isTrouble = (code: string) => code === 'OVERLOADED' || code.startsWith('NODEOS_')

/** Bans whose beginning is marked by name; of more the number is. */
const MAX_NAMED = 3

export function createWatch(parts: WatchParts): Watch {
  const markChanges = createMarking(parts)
  const record = createRecord({
    program: 'filter',
    config: parts.config,
    look: async (history) => {
      const sample = Promise.all([parts.metrics(), parts.insight.time()]).then((known) =>
        history.add({ at: Date.now(), values: valuesOf(...known) }),
      )
      await Promise.allSettled([sample, markChanges(history)])
    },
  })
  return { ...parts, ...record }
}

/** Marks what changed of nodes and bans since the look before. */
function createMarking({ nodes, bans }: WatchParts): (history: History) => Promise<void> {
  const fitness = new Map<string, boolean>()
  let banned = new Set<string>()

  const markNodes = (history: History) => {
    const now = Date.now()
    for (const state of nodes.states) {
      const isFit = state.isFit(now)
      const before = fitness.get(state.name) ?? true
      fitness.set(state.name, isFit)
      if (before === isFit) continue
      const { out, ejectedFor } = state.health
      const why = out ?? `requests failed: ${ejectedFor}`
      history.mark('node', isFit ? `${state.name} is in` : `${state.name} is out: ${why}`)
    }
  }
  const markBans = (history: History, inForce: readonly Ban[]) => {
    const begun = inForce.filter(({ network }) => !banned.has(network)).map(({ network }) => network)
    banned = new Set(inForce.map(({ network }) => network))
    if (begun.length > MAX_NAMED) history.mark('ban', `${begun.length} networks banned`)
    else for (const network of begun) history.mark('ban', `${network} banned`)
  }
  return async (history) => {
    markNodes(history)
    markBans(history, await bans.list())
  }
}
