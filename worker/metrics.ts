// Counters -> the text that Prometheus reads (exposition format 0.0.4).
import { family } from '../shared/prometheus.ts'
import type { BanCounters, Bans } from './bans/bans.ts'
import type { CacheCounts } from './cache.ts'
import type { LimitCounts } from './limits/rate-limits.ts'
import type { NodeState } from './nodes/node-state.ts'
import { addNodeMetrics, type NodeMetrics, nodeFamilies, nodeMetricsOf } from './nodes/nodes-api.ts'
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
}

/** Values at one moment, as plain data. */
export interface Metrics {
  verdicts: Record<string, number>
  reads: CacheCounts
  relays: Record<string, RelayCounters>
  bans: BanCounters
  nodes: NodeMetrics
  limits: LimitCounts
}

export function metricsOf({ verdicts, reads, reporter, bans, nodes, limitCounts }: MetricSources): Metrics {
  return {
    verdicts: Object.fromEntries(verdicts.counts()),
    reads: { ...reads },
    relays: reporter.counters(),
    bans: bans.counters(),
    nodes: nodeMetricsOf(nodes.states),
    limits: structuredClone(limitCounts()),
  }
}

type Counts = Record<string, number>

function addTo(sum: Counts, more: Readonly<Counts>): void {
  for (const [name, value] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + value
}

/** The sums of several processes' metrics. */
export function sumOf(all: readonly Metrics[]): Metrics {
  const verdicts: Counts = {}
  const reads: CacheCounts = { hit: 0, joined: 0, miss: 0 }
  const bans: BanCounters = { inForce: 0, begun: 0, errors: 0 }
  const relays: Record<string, RelayCounters> = {}
  const nodes: NodeMetrics = {}
  const limits: LimitCounts = {}
  for (const metrics of all) {
    addTo(verdicts, metrics.verdicts)
    addNodeMetrics(nodes, metrics.nodes)
    for (const [name, { rejected, monitored }] of Object.entries(metrics.limits)) {
      const sum = limits[name] ?? { rejected: 0, monitored: 0 }
      limits[name] = { rejected: sum.rejected + rejected, monitored: sum.monitored + monitored }
    }
    for (const name of ['hit', 'joined', 'miss'] as const) reads[name] += metrics.reads[name]
    for (const name of ['inForce', 'begun', 'errors'] as const) bans[name] += metrics.bans[name]
    for (const [relay, counters] of Object.entries(metrics.relays)) {
      const sum = relays[relay] ?? { sent: 0, dropped: 0, refused: 0, queued: 0 }
      relays[relay] = sum
      for (const name of ['sent', 'dropped', 'refused', 'queued'] as const) sum[name] += counters[name]
    }
  }
  return { verdicts, reads, bans, relays, nodes, limits }
}

/** `states` are the nodes as the process that looks at them knows them. */
export function prometheusText(
  { verdicts, reads, relays: byRelay, bans, nodes, limits }: Metrics,
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
    ...nodeFamilies(states, nodes),
  ].join('')
}
