// How much of the nodes' time each client network used lately, in milliseconds that fade, and what a request of it takes.

/** Milliseconds after which half of it is forgotten. */
const HALF_LIFE = 10_000

/** Networks that are remembered; whoever used least is forgotten first. */
const MAX_NETWORKS = 10_000

/**
 * How often the cost of the request itself counts beside what was used before. Where all want more than their share,
 * those that ask for little at a time are served first: a wallet's reads before anybody's scans.
 */
const OWN_WEIGHT = 8

interface Used {
  milliseconds: number
  /** Milliseconds, by performance.now(), of that sum. */
  at: number
  /** Milliseconds that one request takes, on average. */
  each: number
}

export interface Usage {
  /** Adds what one request took. */
  add(network: string, milliseconds: number, now: number): void
  /** Adds what is charged beside that. */
  charge(network: string, milliseconds: number, now: number): void
  /** Milliseconds, as of now. */
  of(network: string, now: number): number
  /** What a network will have used with its next request, which is weighed more: whoever has least is next. */
  withNext(network: string, now: number): number
}

export function createUsage(): Usage {
  const networks = new Map<string, Used>()

  const faded = ({ milliseconds, at }: Used, now: number) => milliseconds * 2 ** ((at - now) / HALF_LIFE)
  /** Halves the list: those below the mean are no different from somebody new. */
  const forget = (now: number) => {
    let sum = 0
    for (const used of networks.values()) sum += faded(used, now)
    const mean = sum / networks.size
    for (const [network, used] of networks) if (faded(used, now) <= mean) networks.delete(network)
  }
  const charge = (network: string, milliseconds: number, now: number): Used => {
    const used = networks.get(network)
    if (used) {
      used.milliseconds = faded(used, now) + milliseconds
      used.at = now
      return used
    }
    if (networks.size >= MAX_NETWORKS) forget(now)
    const begun = { milliseconds, at: now, each: milliseconds }
    networks.set(network, begun)
    return begun
  }

  return {
    charge: (network, milliseconds, now) => void charge(network, milliseconds, now),
    add: (network, milliseconds, now) => {
      const used = charge(network, milliseconds, now)
      used.each += 0.2 * (milliseconds - used.each)
    },
    of: (network, now) => {
      const used = networks.get(network)
      return used ? faded(used, now) : 0
    },
    withNext: (network, now) => {
      const used = networks.get(network)
      return used ? faded(used, now) + OWN_WEIGHT * used.each : 0
    },
  }
}
