// The counts of one limit by key, bounded: a flood of new keys displaces other new ones, not those that are counted often.
import { SlidingCount } from './sliding-count.ts'

/** Keys of one kind. With the text of an address each takes some three hundred bytes. */
const MAX_KEYS = 100_000

/** What one key has. */
export interface KeyCount {
  key: string
  count: number
}

export class Counts {
  readonly #window: number
  readonly #maxKeys: number
  /** Counted once: two generations, of which the older one goes as a whole. */
  #young = new Map<string, SlidingCount>()
  #older = new Map<string, SlidingCount>()
  /** Counted more than once. */
  readonly #busy = new Map<string, SlidingCount>()

  /** `window` in milliseconds. */
  constructor(window: number, maxKeys = MAX_KEYS) {
    this.#window = window
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#young.size + this.#older.size + this.#busy.size
  }

  #of(key: string): SlidingCount | undefined {
    return this.#busy.get(key) ?? this.#young.get(key) ?? this.#older.get(key)
  }

  add(key: string, amount: number, now: number): void {
    const known = this.#of(key)
    const count = known ?? new SlidingCount()
    count.add(amount, this.#window, now)
    if (!known) this.#begin(key, count)
    else if (this.#young.delete(key) || this.#older.delete(key)) {
      if (this.#busy.size >= this.#maxKeys) this.#thin(now)
      this.#busy.set(key, count)
    }
  }

  sum(key: string, now: number): number {
    return this.#of(key)?.sum(this.#window, now) ?? 0
  }

  /** The keys that have most, the first with the most. Looks at all of them: for people, not for requests. */
  most(length: number, now: number): KeyCount[] {
    const counted: KeyCount[] = []
    for (const counts of [this.#busy, this.#young, this.#older])
      for (const [key, count] of counts) {
        const sum = count.sum(this.#window, now)
        if (sum > 0) counted.push({ key, count: sum })
      }
    return counted.sort((a, b) => b.count - a.count).slice(0, length)
  }

  /** Milliseconds until `amount` more is within the limit. */
  until(key: string, limit: number, amount: number, now: number): number {
    const count = this.#of(key)
    return count ? count.until(limit, amount, this.#window, now) : limit >= amount ? 0 : this.#window
  }

  #begin(key: string, count: SlidingCount): void {
    if (this.#young.size * 2 >= this.#maxKeys) {
      this.#older = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, count)
  }

  /** Those with no more than most of the others go. */
  #thin(now: number): void {
    let all = 0
    for (const count of this.#busy.values()) all += count.sum(this.#window, now)
    const mean = all / this.#busy.size
    for (const [key, count] of this.#busy) if (count.sum(this.#window, now) <= mean) this.#busy.delete(key)
  }
}
