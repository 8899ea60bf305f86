// The counts of one limit by key, bounded: a flood of new keys displaces other new ones, not those that are counted often.
import { SlidingCount } from './sliding-count.ts'

/** Keys of one kind. With the text of an address each takes some two hundred bytes. */
const MAX_KEYS = 100_000

/** Of so many that were counted often, the one with the least goes. */
const COMPARED = 8

export class Counts {
  readonly #window: number
  readonly #maxKeys: number
  /** Counted once, in the order of their coming. */
  readonly #young = new Map<string, SlidingCount>()
  /** Counted more than once. */
  readonly #busy = new Map<string, SlidingCount>()

  /** `window` in milliseconds. */
  constructor(window: number, maxKeys = MAX_KEYS) {
    this.#window = window
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#young.size + this.#busy.size
  }

  add(key: string, amount: number, now: number): void {
    const busy = this.#busy.get(key)
    if (busy) {
      busy.add(amount, this.#window, now)
      return
    }
    const young = this.#young.get(key)
    const count = young ?? new SlidingCount()
    count.add(amount, this.#window, now)
    if (young) {
      this.#young.delete(key)
      if (this.#busy.size >= this.#maxKeys) this.#dropLeast(now)
      this.#busy.set(key, count)
    } else {
      if (this.#young.size >= this.#maxKeys) this.#young.delete(this.#young.keys().next().value!)
      this.#young.set(key, count)
    }
  }

  sum(key: string, now: number): number {
    const count = this.#busy.get(key) ?? this.#young.get(key)
    return count ? count.sum(this.#window, now) : 0
  }

  /** Milliseconds until `amount` more is within the limit. */
  until(key: string, limit: number, amount: number, now: number): number {
    const count = this.#busy.get(key) ?? this.#young.get(key)
    return count ? count.until(limit, amount, this.#window, now) : limit >= amount ? 0 : this.#window
  }

  /** The first of them are the ones that came first; looked at, they go to the end. */
  #dropLeast(now: number): void {
    let least: string | undefined
    let lowest = Number.POSITIVE_INFINITY
    const looked: [string, SlidingCount][] = []
    for (const [key, count] of this.#busy) {
      const sum = count.sum(this.#window, now)
      if (sum < lowest) {
        lowest = sum
        least = key
      }
      if (looked.push([key, count]) >= COMPARED) break
    }
    for (const [key, count] of looked) {
      this.#busy.delete(key)
      if (key !== least) this.#busy.set(key, count)
    }
  }
}
