// How much of something there was within a sliding window. Exact but for the time of an event, which is known to a small
// part of the window: an event is counted until all of that part is over, so that no window ever has more than allowed.

/** Parts of a window; a part is a second at the most, so that Retry-After is right to the second. */
const PARTS = 256
const LONGEST_PART = 1_000

export class SlidingCount {
  /** Ends of parts, and what fell into each, oldest first. */
  readonly #parts: number[] = []
  #first = 0
  #sum = 0

  /** Milliseconds of one part of a window. */
  static part(window: number): number {
    return Math.min(LONGEST_PART, window / PARTS)
  }

  add(amount: number, window: number, now: number): void {
    const part = SlidingCount.part(window)
    const end = (Math.floor(now / part) + 1) * part
    const last = this.#parts.length - 2
    if (last >= this.#first && this.#parts[last]! >= end) this.#parts[last + 1]! += amount
    else this.#parts.push(end, amount)
    this.#sum += amount
  }

  /** What there is in the window that ends now. */
  sum(window: number, now: number): number {
    const parts = this.#parts
    while (this.#first < parts.length && parts[this.#first]! <= now - window) {
      this.#sum -= parts[this.#first + 1]!
      this.#first += 2
    }
    if (this.#first === parts.length) {
      parts.length = this.#first = 0
      // What rounding left.
      this.#sum = 0
    } else if (this.#first > 64 && this.#first * 2 > parts.length) {
      parts.splice(0, this.#first)
      this.#first = 0
    }
    return this.#sum
  }

  /** Milliseconds until the sum is below `limit` by at least `amount`; 0 where it is. */
  until(limit: number, amount: number, window: number, now: number): number {
    let left = this.sum(window, now) + amount - limit
    for (let at = this.#first; at < this.#parts.length && left > 0; at += 2) {
      left -= this.#parts[at + 1]!
      if (left <= 0) return this.#parts[at]! + window - now
    }
    return left > 0 ? window : 0
  }
}
