// Ranges of addresses, a hundred thousand and more, for look-ups that cost nothing: sorted, merged, in arrays of 32-bit
// words. Made of lists as address-list.ts reads them.
import type { Cidr, ParsedAddress } from './address.ts'

/** Ranges that an address is in or not. */
export interface AddressRanges {
  has(address: ParsedAddress): boolean
  /** How many there are once those that overlap are merged. */
  readonly size: number
}

/** Ranges in any order. */
export interface RangeList {
  /** Of IPv4, each as `keyOf` makes it. */
  v4: number[]
  v6: Cidr[]
}

/** An IPv4 range as one number, so that a hundred thousand of them are sorted in ten milliseconds. */
export function keyOf(address: number, bits: number): number {
  const first = bits === 32 ? address : address - (address % 2 ** (32 - bits))
  return first * 64 + bits
}

/** An IPv4 address is one word, an IPv6 address four. */
type Words = number[]

interface Bounds {
  first: Words
  last: Words
}

export function createAddressRanges(lists: readonly RangeList[]): AddressRanges {
  const ranges = { ipv4: merged(sortedV4(lists)), ipv6: merged(sortedV6(lists)) }
  return {
    has: (address) => {
      const { starts, ends } = ranges[address.kind()]
      if (starts.length === 0) return false
      const words = wordsOf(address)
      const at = lastNotAfter(starts, words)
      return at >= 0 && compare(ends, at, words) >= 0
    },
    size: ranges.ipv4.starts.length + ranges.ipv6.starts.length / 4,
  }
}

function wordsOf(address: ParsedAddress): Words {
  const bytes = address.toByteArray()
  const words: Words = []
  for (let at = 0; at < bytes.length; at += 4)
    words.push(((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0)
  return words
}

/** Compares the entry at an index with an address, each of as many words. */
function compare(list: Uint32Array, at: number, words: Words): number {
  const from = at * words.length
  for (let word = 0; word < words.length; word++) {
    const difference = list[from + word]! - words[word]!
    if (difference !== 0) return difference
  }
  return 0
}

/** The index of the last range that begins at an address or before it; -1 where none does. */
function lastNotAfter(starts: Uint32Array, words: Words): number {
  let low = 0
  let high = starts.length / words.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(starts, middle, words) <= 0) low = middle + 1
    else high = middle
  }
  return low - 1
}

function* sortedV4(lists: readonly RangeList[]): Generator<Bounds> {
  for (const key of Float64Array.from(lists.flatMap(({ v4 }) => v4)).sort())
    yield boundsOf([Math.floor(key / 64)], key % 64)
}

function sortedV6(lists: readonly RangeList[]): Bounds[] {
  return lists
    .flatMap(({ v6 }) => v6)
    .map(([base, bits]) => boundsOf(wordsOf(base), bits))
    .sort((one, other) => order(one.first, other.first))
}

function boundsOf(words: Words, bits: number): Bounds {
  const first: Words = []
  const last: Words = []
  for (let at = 0; at < words.length; at++) {
    const fixed = Math.min(32, Math.max(0, bits - at * 32))
    const free = fixed === 32 ? 0 : 0xffff_ffff >>> fixed
    first.push((words[at]! & ~free) >>> 0)
    last.push((words[at]! | free) >>> 0)
  }
  return { first, last }
}

/** Sorted ranges as two arrays, those that overlap as one. */
function merged(sorted: Iterable<Bounds>): { starts: Uint32Array; ends: Uint32Array } {
  const kept: Bounds[] = []
  for (const { first, last } of sorted) {
    const before = kept.at(-1)
    if (!before || order(first, before.last) > 0) kept.push({ first, last })
    else if (order(last, before.last) > 0) before.last = last
  }
  return {
    starts: Uint32Array.from(kept.flatMap(({ first }) => first)),
    ends: Uint32Array.from(kept.flatMap(({ last }) => last)),
  }
}

function order(one: Words, other: Words): number {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return one[at]! - other[at]!
  return 0
}
