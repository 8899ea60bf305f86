// Counters -> the text that Prometheus reads (exposition format 0.0.4).
import { family } from '../shared/prometheus.ts'
import { sumOfTwo } from '../shared/sums.ts'
import type { BanCounters, Bans } from './bans/bans.ts'
import type { CacheCounts } from './cache.ts'
import type { LimitCounts } from './limits/rate-limits.ts'
import { Traffic, type TrafficCounts, trafficFamilies } from './metrics/traffic.ts'
import type { NodeState } from './nodes/node-state.ts'
import { type NodeMetrics, nodeFamilies, nodeMetricsOf } from './nodes/nodes-api.ts'
import type { Reporter } from './report.ts'
import type { RelayCounters } from './report-queue.ts'
import type { VerdictLog } from './verdict-log.ts'

export interface MetricSources {
  verdicts: VerdictLog
  reads: Readonly<CacheCounts>
  reporter: Reporter
  bans: Pick<Bans, 'counters'>
  nodes: { states: readonly NodeState[] }
  limitCounts(): LimitCounts
  traffic: Pick<Traffic, 'counts'>
}

/** Values at one moment, as plain data whose numbers can be added (sumOf). */
export interface Metrics {
  verdicts: Record<string, number>
  reads: CacheCounts
  relays: Record<string, RelayCounters>
  bans: BanCounters
  nodes: NodeMetrics
  limits: LimitCounts
  traffic: TrafficCounts
}

export function metricsOf({
  verdicts,
  reads,
  reporter,
  bans,
  nodes,
  limitCounts,
  traffic,
}: MetricSources): Metrics {
  return {
    verdicts: Object.fromEntries(verdicts.counts()),
    reads: { ...reads },
    relays: reporter.counters(),
    bans: bans.counters(),
    nodes: nodeMetricsOf(nodes.states),
    limits: structuredClone(limitCounts()),
    traffic: traffic.counts(),
  }
}

const NOTHING: Metrics = {
  verdicts: {},
  reads: { hit: 0, joined: 0, miss: 0 },
  relays: {},
  bans: { inForce: 0, begun: 0, errors: 0 },
  nodes: {},
  limits: {},
  traffic: new Traffic().counts(),
}

/** The sums of several processes' metrics. */
export function sumOf(all: readonly Metrics[]): Metrics {
  return all.reduce(sumOfTwo<Metrics>, NOTHING)
}

/** `states` are the nodes as the process that looks at them knows them. */
export function prometheusText(
  { verdicts, reads, relays: byRelay, bans, nodes, limits, traffic }: Metrics,
  states: readonly NodeState[],
): string {
  const { inForce, begun, errors } = bans
  const relays = Object.entries(byRelay)
  return [
    family('patroneos_requests_total', 'counter', 'Requests by what became of them', [
      ...Object.entries(verdicts).map(([verdict, value]) => ({ labels: { verdict }, value })),
    ]),
    family(
      'patroneos_reads_total',
      'counter',
      'Reads that may be answered from memory (cache), by where the answer came from',
      Object.entries(reads).map(([source, value]) => ({ labels: { source }, value })),
    ),
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
    family('patroneos_bans', 'gauge', 'Bans in force', [{ labels: {}, value: inForce }]),
    family('patroneos_bans_total', 'counter', 'Bans that began', [{ labels: {}, value: begun }]),
    family(
      'patroneos_ban_store_errors_total',
      'counter',
      'Times that bans could not be asked for or counted',
      [{ labels: {}, value: errors }],
    ),
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
    ...nodeFamilies(states, nodes),
  ].join('')
}
