// Requests that wait for a node, by client network: whoever used the least of its time lately is served first, and has the
// others of its own network before it. With all networks waiting, each gets the same share of the time.
import type { Costs } from './costs.ts'
import type { Usage } from './usage.ts'

/**
 * How often the cost of the request itself counts beside what was used before. Where all want more than their share,
 * those that ask for little at a time are served first: a wallet's reads before anybody's scans.
 */
const OWN_WEIGHT = 8

export interface Waiting {
  readonly network: string
  /** Bytes that are held for it. */
  readonly bytes: number
  /** Requests that take alike. */
  readonly kind: string
}

export interface FairQueue<W extends Waiting> {
  readonly length: number
  readonly bytes: number
  push(waiting: W): void
  /** Takes out whoever is next. */
  shift(now: number): W | undefined
  /** Takes out one that waits no more. */
  remove(waiting: W): void
  /** Takes out the last of whoever has used, and waits for, the most; undefined where that would be `other`'s network. */
  shed(other: string, now: number): W | undefined
}

export function createFairQueue<W extends Waiting>(usage: Usage, costs: Costs): FairQueue<W> {
  const networks = new Map<string, W[]>()
  let length = 0
  let bytes = 0

  const taken = (waiting: W, list: W[]) => {
    length--
    bytes -= waiting.bytes
    if (list.length === 0) networks.delete(waiting.network)
    return waiting
  }

  return {
    get length() {
      return length
    },
    get bytes() {
      return bytes
    },
    push: (waiting) => {
      length++
      bytes += waiting.bytes
      const list = networks.get(waiting.network)
      if (list) list.push(waiting)
      else networks.set(waiting.network, [waiting])
    },
    shift: (now) => {
      let least = Number.POSITIVE_INFINITY
      let next: W[] | undefined
      for (const [network, list] of networks) {
        const used = usage.of(network, now) + OWN_WEIGHT * costs.of(list[0]!.kind)
        if (used >= least) continue
        least = used
        next = list
      }
      return next && taken(next.shift()!, next)
    },
    remove: (waiting) => {
      const list = networks.get(waiting.network)
      const at = list?.indexOf(waiting) ?? -1
      if (!list || at < 0) return
      list.splice(at, 1)
      taken(waiting, list)
    },
    shed: (other, now) => {
      let most = usage.of(other, now) + (networks.get(other)?.length ?? 0)
      let heaviest: W[] | undefined
      for (const [network, list] of networks) {
        const weight = usage.of(network, now) + list.length
        if (network === other || weight <= most) continue
        most = weight
        heaviest = list
      }
      return heaviest && taken(heaviest.pop()!, heaviest)
    },
  }
}
