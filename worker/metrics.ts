// Counters -> the text that Prometheus reads (exposition format 0.0.4).
import { buildFamily } from '../shared/build-info.ts'
import { type ProcessCounts, processFamilies } from '../shared/program/process-counts.ts'
import { family, single } from '../shared/prometheus.ts'
import { sumOfTwo } from '../shared/sums.ts'
import { strikeClasses } from '../shared/violations.ts'
import type { BanCounters, Bans } from './bans/bans.ts'
import { type CacheCounts, CacheMeter } from './cache.ts'
import type { ChainClock } from './chain-clock.ts'
import type { LimitCounts } from './limits/rate-limits.ts'
import { Traffic, type TrafficCounts, trafficFamilies } from './metrics/traffic.ts'
import type { NodeState } from './nodes/node-state.ts'
import { type NodeMetrics, nodeFamilies, nodeMetricsOf } from './nodes/nodes-api.ts'
import type { RepeatCounts } from './repeats.ts'
import type { Reporter } from './report.ts'
import type { RelayCounters } from './report-queue.ts'
import type { StoreCounters } from './store/shared-store.ts'
import { storeFamilies } from './store/store-metrics.ts'
import type { VerdictLog, ViolationClasses } from './verdict-log.ts'

export interface MetricSources {
  verdicts: Pick<VerdictLog, 'counts' | 'classes'>
  reads: Pick<CacheMeter, 'counts'>
  reporter: Pick<Reporter, 'counters'>
  bans: Pick<Bans, 'counters'>
  nodes: { states: readonly NodeState[] }
  limitCounts(): LimitCounts
  traffic: Pick<Traffic, 'counts'>
  repeats: Readonly<RepeatCounts>
  /** Where there is a listener. */
  listener?: (() => ListenerCounts) | undefined
  /** Where the runtime has processes. */
  process?: (() => ProcessCounts) | undefined
  /** Undefined where nothing is shared with other filters. */
  store?: StoreCounters | undefined
}

/** Values at one moment, as plain data whose numbers can be added (sumOf). */
export interface Metrics {
  verdicts: Record<string, number>
  violations: ViolationClasses
  reads: CacheCounts
  relays: Record<string, RelayCounters>
  bans: BanCounters
  nodes: NodeMetrics
  limits: LimitCounts
  traffic: TrafficCounts
  repeats: RepeatCounts
  listener?: ListenerCounts | undefined
  process?: ProcessCounts | undefined
  store?: StoreCounters | undefined
}

export interface ListenerCounts {
  connections: number
  lostLines: number
}

export function metricsOf({
  verdicts,
  reads,
  reporter,
  bans,
  nodes,
  limitCounts,
  traffic,
  repeats,
  listener,
  process,
  store,
}: MetricSources): Metrics {
  return {
    verdicts: Object.fromEntries(verdicts.counts()),
    violations: structuredClone(verdicts.classes()),
    reads: reads.counts(),
    relays: reporter.counters(),
    bans: bans.counters(),
    nodes: nodeMetricsOf(nodes.states),
    limits: structuredClone(limitCounts()),
    traffic: traffic.counts(),
    repeats: { ...repeats },
    listener: listener?.(),
    process: process?.(),
    store: store && { ...store },
  }
}

const NOTHING: Metrics = {
  verdicts: {},
  violations: {},
  reads: new CacheMeter().counts(),
  relays: {},
  bans: { inForce: 0, begun: {}, errors: 0 },
  nodes: {},
  limits: {},
  traffic: new Traffic().counts(),
  repeats: { joined: 0, remembered: 0 },
}

/** The sums of several processes' metrics. */
export function sumOf(all: readonly Metrics[]): Metrics {
  const sum = all.reduce(sumOfTwo<Metrics>, NOTHING)
  // An age is none to be added.
  const oldestOf = (relay: string) => Math.max(...all.map(({ relays }) => relays[relay]?.oldest ?? 0))
  const relays = Object.entries(sum.relays).map(([relay, counters]) => [
    relay,
    { ...counters, oldest: oldestOf(relay) },
  ])
  return { ...sum, relays: Object.fromEntries(relays) }
}

/** `states` and `clock` are of the process that looks at the nodes. */
export function prometheusText(
  metrics: Metrics,
  { states, clock }: { states: readonly NodeState[]; clock: Pick<ChainClock, 'offset'> },
): string {
  const { relays, bans, nodes, limits, traffic, listener, process, store } = metrics
  return [
    ...verdictFamilies(metrics),
    ...reportFamilies(Object.entries(relays)),
    ...banFamilies(bans),
    family(
      'patroneos_limits_total',
      'counter',
      'Requests over a rate limit, by limit and by what became of them',
      Object.entries(limits).flatMap(([limit, counts]) =>
        (['rejected', 'monitored'] as const).map((result) => ({
          labels: { limit, result },
          value: counts[result],
        })),
      ),
    ),
    ...trafficFamilies(traffic),
    ...storeFamilies(store),
    ...nodeFamilies(states, nodes),
    single(
      'patroneos_clock_offset_seconds',
      'gauge',
      "Seconds from this machine's clock to the chain's; 0 within two seconds, or where it is not known",
      clock.offset() / 1000,
    ),
    ...(listener ? listenerFamilies(listener) : []),
    ...(process ? processFamilies(process) : []),
    buildFamily(),
  ].join('')
}

function verdictFamilies({ verdicts, violations, reads, repeats }: Metrics): string[] {
  const { entries, bytes, ...sources } = reads
  return [
    family(
      'patroneos_requests_total',
      'counter',
      'Requests by what became of them',
      Object.entries(verdicts).map(([verdict, value]) => ({ labels: { verdict }, value })),
    ),
    family(
      'patroneos_violations_total',
      'counter',
      'Violations by code and by class of strikes, enforced or, in monitor mode, watched',
      Object.entries(violations).flatMap(([code, classes]) =>
        Object.entries(classes).map(([name, value]) => ({ labels: { code, class: name }, value })),
      ),
    ),
    family(
      'patroneos_reads_total',
      'counter',
      'Reads that may be answered from memory (cache), by where the answer came from',
      Object.entries(sources).map(([source, value]) => ({ labels: { source }, value })),
    ),
    single('patroneos_cache_entries', 'gauge', 'Answers to reads that are held in memory (cache)', entries),
    single(
      'patroneos_cache_bytes',
      'gauge',
      'Bytes that they take, of cache.maxBytes in each process',
      bytes,
    ),
    family(
      'patroneos_repeats_total',
      'counter',
      'Transactions that were answered as the very same one was, by where the answer came from',
      Object.entries(repeats).map(([source, value]) => ({ labels: { source }, value })),
    ),
  ]
}

function reportFamilies(relays: readonly [string, RelayCounters][]): string[] {
  return [
    family(
      'patroneos_reports_total',
      'counter',
      'Reports by relay and by what became of them',
      relays.flatMap(([relay, counters]) =>
        (['sent', 'dropped', 'refused'] as const).map((result) => ({
          labels: { relay, result },
          value: counters[result],
        })),
      ),
    ),
    family(
      'patroneos_reports_queued',
      'gauge',
      'Reports that wait for a relay',
      relays.map(([relay, { queued }]) => ({ labels: { relay }, value: queued })),
    ),
    family(
      'patroneos_reports_oldest_age_seconds',
      'gauge',
      'Seconds that the oldest report waits for a relay; 0 where none does',
      relays.map(([relay, { oldest }]) => ({ labels: { relay }, value: oldest / 1000 })),
    ),
  ]
}

function banFamilies({ inForce, begun, errors }: BanCounters): string[] {
  return [
    single('patroneos_bans', 'gauge', 'Bans in force', inForce),
    family(
      'patroneos_bans_total',
      'counter',
      'Bans that began, by the class of strikes',
      strikeClasses.map((name) => ({ labels: { class: name }, value: begun[name] ?? 0 })),
    ),
    single(
      'patroneos_ban_store_errors_total',
      'counter',
      'Times that bans could not be asked for or counted',
      errors,
    ),
  ]
}

function listenerFamilies({ connections, lostLines }: ListenerCounts): string[] {
  return [
    single('patroneos_connections', 'gauge', 'Open connections of clients', connections),
    single(
      'patroneos_access_log_lost_lines_total',
      'counter',
      'Lines of the access log that could not be written',
      lostLines,
    ),
  ]
}
