// The heaviest keys of a stream in bounded memory: the space-saving algorithm (Metwally, Agrawal, El Abbadi: "Efficient
// computation of frequent and top-k elements in data streams", 2005) with weights. A new key takes the place, and the
// count, of the lightest one.

/** A key and what it has at most; at least that is `count - error`. */
export interface Heavy {
  key: string
  count: number
  error: number
}

/** What a sketch knows, as plain data. */
export interface HeavyList {
  /** Of all keys together, exactly. */
  total: number
  /** What a key that is not listed has at most. */
  least: number
  heavy: Heavy[]
}

interface Entry extends Heavy {
  /** Its place in the heap. */
  at: number
}

export class SpaceSaving {
  readonly #capacity: number
  readonly #entries = new Map<string, Entry>()
  /** A binary heap, the lightest first. */
  readonly #heap: Entry[] = []
  #total = 0

  /** Whatever has more than one part in `capacity` of the total is listed. */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** The key is kept, and so must be no slice of something larger. */
  add(key: string, weight: number): void {
    this.#total += weight
    const known = this.#entries.get(key)
    if (known) {
      known.count += weight
      this.#sink(known)
      return
    }
    if (this.#heap.length < this.#capacity) {
      const entry = { key, count: weight, error: 0, at: this.#heap.length }
      this.#heap.push(entry)
      this.#entries.set(key, entry)
      this.#rise(entry)
      return
    }
    const lightest = this.#heap[0]!
    this.#entries.delete(lightest.key)
    lightest.key = key
    lightest.error = lightest.count
    lightest.count += weight
    this.#entries.set(key, lightest)
    this.#sink(lightest)
  }

  list(): HeavyList {
    return {
      total: this.#total,
      least: this.#heap.length < this.#capacity ? 0 : this.#heap[0]!.count,
      heavy: this.#heap.map(({ key, count, error }) => ({ key, count, error })),
    }
  }

  #put(entry: Entry, at: number): void {
    entry.at = at
    this.#heap[at] = entry
  }

  #rise(entry: Entry): void {
    let { at } = entry
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = this.#heap[above]!
      if (parent.count <= entry.count) break
      this.#put(parent, at)
      at = above
    }
    this.#put(entry, at)
  }

  #sink(entry: Entry): void {
    const heap = this.#heap
    let { at } = entry
    for (let below = 2 * at + 1; below < heap.length; below = 2 * at + 1) {
      const [left, right] = [heap[below]!, heap[below + 1]]
      const child = right && right.count < left.count ? right : left
      if (child.count >= entry.count) break
      const place = child.at
      this.#put(child, at)
      at = place
    }
    this.#put(entry, at)
  }
}

/** One list of several, of times or of processes: bounds hold for the sums (Agarwal et al.: "Mergeable summaries", 2012). */
export function merged(lists: readonly HeavyList[]): HeavyList {
  const least = lists.reduce((sum, list) => sum + list.least, 0)
  const sums = new Map<string, Heavy>()
  for (const list of lists)
    for (const { key, count, error } of list.heavy) {
      // Where it is not listed it may have had as much as the lightest that is.
      const sum = sums.get(key) ?? { key, count: least, error: least }
      sum.count += count - list.least
      sum.error += error - list.least
      sums.set(key, sum)
    }
  return {
    total: lists.reduce((sum, list) => sum + list.total, 0),
    least,
    heavy: [...sums.values()].sort((a, b) => b.count - a.count),
  }
}
