// The last hour, in memory: numbers at even times, and marks for what changed. Gone with the process; who wants more has
// Prometheus.

export interface Sample {
  /** Unix time in milliseconds. */
  at: number
  values: Readonly<Record<string, number>>
}

export const markKinds = ['start', 'config', 'node', 'ban', 'worker'] as const
export type MarkKind = (typeof markKinds)[number]

/** Something that changed. */
export interface Mark {
  at: number
  kind: MarkKind
  text: string
}

/** Milliseconds that are remembered, and between two samples. */
export const HISTORY = 3_600_000
export const SAMPLE_INTERVAL = 2_000

const MAX_SAMPLES = HISTORY / SAMPLE_INTERVAL
const MAX_MARKS = 200

export class History {
  readonly samples: Sample[] = []
  readonly marks: Mark[] = []

  add(sample: Sample): void {
    this.samples.push(sample)
    if (this.samples.length > MAX_SAMPLES) this.samples.shift()
  }

  mark(kind: MarkKind, text: string, at = Date.now()): void {
    this.marks.push({ at, kind, text })
    if (this.marks.length > MAX_MARKS) this.marks.shift()
  }

  /** How much a counter grew a second, over the last `milliseconds` that there are samples of. */
  rate(name: string, milliseconds = 10_000): number {
    const last = this.samples.at(-1)
    if (!last) return 0
    const first = this.samples.find(({ at }) => at >= last.at - milliseconds)!
    return first === last ? 0 : growth(first, last, name)
  }
}

/** A second. A counter that became smaller began anew. */
export function growth(before: Sample, after: Sample, name: string): number {
  const more = (after.values[name] ?? 0) - (before.values[name] ?? 0)
  return Math.max(0, (more * 1000) / (after.at - before.at))
}
