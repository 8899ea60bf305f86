// How much of the nodes' time each client network used lately, in milliseconds that fade.

/** Milliseconds after which half of it is forgotten. */
const HALF_LIFE = 10_000

/** Networks that are remembered; whoever used least is forgotten first. */
const MAX_NETWORKS = 10_000

interface Used {
  milliseconds: number
  /** Milliseconds, by performance.now(), of that sum. */
  at: number
}

export interface Usage {
  /** Adds what a network used. */
  add(network: string, milliseconds: number, now: number): void
  /** Milliseconds, as of now. */
  of(network: string, now: number): number
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

  return {
    add: (network, milliseconds, now) => {
      const used = networks.get(network)
      if (used) {
        used.milliseconds = faded(used, now) + milliseconds
        used.at = now
        return
      }
      if (networks.size >= MAX_NETWORKS) forget(now)
      networks.set(network, { milliseconds, at: now })
    },
    of: (network, now) => {
      const used = networks.get(network)
      return used ? faded(used, now) : 0
    },
  }
}
