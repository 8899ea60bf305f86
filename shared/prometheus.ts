// The text that Prometheus reads (exposition format 0.0.4).
import type { Observed } from './histogram.ts'

type Labels = Readonly<Record<string, string>>

export interface Sample {
  labels: Labels
  value: number
}

/** One family of samples, with its help and type. */
export function family(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  samples: readonly Sample[],
): string {
  return headed(
    name,
    type,
    help,
    samples.map(({ labels, value }) => line(name, labels, value)),
  )
}

/** A family of one sample without labels. */
export const single = (name: string, type: 'counter' | 'gauge', help: string, value: number): string =>
  family(name, type, help, [{ labels: {}, value }])

/** A family of histograms that share their bounds. */
export function histogramFamily(
  name: string,
  help: string,
  bounds: readonly number[],
  samples: readonly { labels: Labels; observed: Observed }[],
): string {
  const lines = samples.flatMap(({ labels, observed: { counts, sum } }) => {
    let total = 0
    const buckets = counts.map((count, at) => {
      total += count
      return line(`${name}_bucket`, { ...labels, le: String(bounds[at] ?? '+Inf') }, total)
    })
    return [...buckets, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, total)]
  })
  return headed(name, 'histogram', help, lines)
}

function headed(name: string, type: string, help: string, lines: readonly string[]): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function line(name: string, labels: Labels, value: number): string {
  // JSON escapes a label's backslash, quote and newline just as the exposition format wants them.
  const pairs = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`)
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
}
