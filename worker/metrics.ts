// Counters -> the text that Prometheus reads (exposition format 0.0.4).
import type { BanCounters, Bans } from './bans/bans.ts'
import type { CacheCounts } from './cache.ts'
import type { RelayCounters, Reporter } from './report.ts'
import type { VerdictLog } from './verdict-log.ts'

export interface MetricSources {
  verdicts: VerdictLog
  reads: Readonly<CacheCounts>
  reporter: Reporter
  bans: Pick<Bans, 'counters'>
}

/** Values at one moment, as plain data. */
export interface Metrics {
  verdicts: Record<string, number>
  reads: CacheCounts
  relays: Record<string, RelayCounters>
  bans: BanCounters
}

export function metricsOf({ verdicts, reads, reporter, bans }: MetricSources): Metrics {
  return {
    verdicts: Object.fromEntries(verdicts.counts()),
    reads: { ...reads },
    relays: reporter.counters(),
    bans: bans.counters(),
  }
}

type Counts = { [name: string]: number | Counts }

/** The sums of several processes' metrics. */
export function sumOf(all: readonly Metrics[]): Metrics {
  const add = (sum: Counts, more: Counts): Counts => {
    for (const [name, value] of Object.entries(more))
      sum[name] =
        typeof value === 'number'
          ? ((sum[name] as number) ?? 0) + value
          : add((sum[name] as Counts) ?? {}, value)
    return sum
  }
  const none = { verdicts: {}, reads: {}, relays: {}, bans: {} }
  return all.reduce<Counts>(
    (sum, metrics) => add(sum, metrics as unknown as Counts),
    none,
  ) as unknown as Metrics
}

export function prometheusText({ verdicts, reads, relays: byRelay, bans }: Metrics): string {
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
  ].join('')
}

interface Sample {
  labels: Record<string, string>
  value: number
}

function family(name: string, type: 'counter' | 'gauge', help: string, samples: Sample[]): string {
  const lines = samples.map(({ labels, value }) => {
    // JSON escapes a label's backslash, quote and newline just as the exposition format wants them.
    const pairs = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`)
    return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}
