// The heaviest keys of the last minutes: a sketch for each slice of the window, of which the oldest is forgotten.
import { type HeavyList, merged, SpaceSaving } from './space-saving.ts'

export const windows = ['1m', '10m', '1h'] as const
export type Window = (typeof windows)[number]

/** How many slices a window has, and their milliseconds. */
const slicing: Record<Window, { slices: number; length: number }> = {
  '1m': { slices: 6, length: 10_000 },
  '10m': { slices: 10, length: 60_000 },
  '1h': { slices: 12, length: 300_000 },
}

/** Keys of one slice: whatever has a hundredth of it is listed. */
const CAPACITY = 100

export class SlidingTop {
  readonly #slices: number
  readonly #length: number
  /** The newest last, each with the number of its time; those in which nothing came are left out. */
  #sketches: { number: number; sketch: SpaceSaving }[] = []

  constructor(window: Window) {
    const { slices, length } = slicing[window]
    this.#slices = slices
    this.#length = length
  }

  /** `now` is Unix time in milliseconds. */
  add(key: string, weight: number, now: number): void {
    const number = Math.floor(now / this.#length)
    let newest = this.#sketches.at(-1)
    if (newest?.number !== number) {
      newest = { number, sketch: new SpaceSaving(CAPACITY) }
      this.#forget(number)
      this.#sketches.push(newest)
    }
    newest.sketch.add(key, weight)
  }

  /** What there was in the window, and in the part of a slice that has begun. */
  list(now: number): HeavyList {
    this.#forget(Math.floor(now / this.#length))
    return merged(this.#sketches.map(({ sketch }) => sketch.list()))
  }

  #forget(number: number): void {
    if (this.#sketches.length > 0 && this.#sketches[0]!.number < number - this.#slices)
      this.#sketches = this.#sketches.filter((slice) => slice.number >= number - this.#slices)
  }
}
