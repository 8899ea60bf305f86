// Caches parsed heads. A client repeats the same head on a connection, and nodeos answers with few different ones.
import type { HeaderPairs } from './fields.ts'

/** Heads that are remembered at a time, and characters of the longest one. */
const MAX_HEADS = 1_000
const MAX_HEAD_LENGTH = 1_024

/**
 * Remembers what a reader makes of a head's text. It is shared by all who send that text, so it is frozen, and must
 * depend on nothing else. What has no headers, as a refusal, is not remembered.
 */
export function rememberHeads<Head extends { headers: HeaderPairs }, Refusal>(
  read: (text: string) => Head | Refusal,
): (text: string) => Head | Refusal {
  const heads = new Map<string, Head>()
  return (text) => {
    const known = heads.get(text)
    if (known) return known
    const head = read(text)
    if (!isHead(head) || text.length > MAX_HEAD_LENGTH) return head
    Object.freeze(head.headers)
    if (heads.size >= MAX_HEADS) heads.clear()
    heads.set(text, Object.freeze(head))
    return head
  }
}

function isHead(head: unknown): head is { headers: HeaderPairs } {
  return typeof head === 'object' && head !== null && 'headers' in head
}

/**
 * Remembers what was last made of header lines that are frozen, for as long as these live; it is frozen as well.
 * `work` must depend on its arguments only, which are told apart by identity.
 */
export function rememberWork<Others extends unknown[], Made>(
  work: (headers: HeaderPairs, ...others: Others) => Made,
): (headers: HeaderPairs, ...others: Others) => Made {
  const known = new WeakMap<HeaderPairs, { others: Others; made: Made }>()
  return (headers, ...others) => {
    const last = known.get(headers)
    if (last && isSame(last.others, others)) return last.made
    const made = work(headers, ...others)
    if (Object.isFrozen(headers)) known.set(headers, { others, made: Object.freeze(made) })
    return made
  }
}

function isSame(some: unknown[], others: unknown[]): boolean {
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false
  return true
}
