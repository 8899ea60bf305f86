// The Durable Object that counts for rate limits on Cloudflare: one for each client, or for each other key. It keeps its
// counts in memory: Cloudflare ends an object that nobody asked for a minute or so, and a window longer than that then
// begins anew.
import { DurableObject } from 'cloudflare:workers'
import { Counts } from './counts.ts'
import type { WindowState } from './window-script.ts'

/** One limit for one key, as plain data. */
export interface EdgeCount {
  /** Name of the limit, and for what it counts. */
  key: string
  limit: number
  /** What there is to be room for. */
  least: number
  /** Milliseconds. */
  window: number
  /** 0 only looks. */
  amount: number
}

/** Keys of one object. */
const MAX_KEYS = 10_000

export class LimitCounter extends DurableObject {
  /** By window. */
  readonly #counts = new Map<number, Counts>()

  #of(window: number): Counts {
    const known = this.#counts.get(window)
    if (known) return known
    const counts = new Counts(window, MAX_KEYS)
    this.#counts.set(window, counts)
    return counts
  }

  #stateOf({ key, limit, least, window }: EdgeCount, now: number): WindowState {
    const counts = this.#of(window)
    return { wait: counts.until(key, limit, least, now), sum: counts.sum(key, now) }
  }

  /** Counts in all, or in none where one has no room. */
  decide(asked: EdgeCount[]): WindowState[] {
    const now = Date.now()
    const states = asked.map((one) => this.#stateOf(one, now))
    if (states.every(({ wait }) => wait <= 0))
      for (const { key, window, amount } of asked) if (amount > 0) this.#of(window).add(key, amount, now)
    return states
  }

  /** Counts what has happened; returns what there is afterwards. */
  count(told: EdgeCount[]): WindowState[] {
    const now = Date.now()
    for (const { key, window, amount } of told) this.#of(window).add(key, amount, now)
    return told.map((one) => this.#stateOf(one, now))
  }
}
