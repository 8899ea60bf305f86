// Counters -> the text that Prometheus reads (exposition format 0.0.4).
import type { Reporter } from './report.ts'
import type { VerdictLog } from './verdict-log.ts'

export function prometheusText(verdicts: VerdictLog, reporter: Reporter): string {
  const relays = Object.entries(reporter.counters())
  return [
    family('patroneos_requests_total', 'counter', 'Requests by what became of them', [
      ...[...verdicts.counts()].map(([verdict, value]) => ({ labels: { verdict }, value })),
    ]),
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
    return `${name}{${pairs.join(',')}} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}
