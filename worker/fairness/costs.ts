// What requests of a kind take of a node's time, in milliseconds, as those before them did.

/** Kinds that are kept apart; what is of no such kind is taken to be as all are on average. */
const MAX_KINDS = 512

export interface Costs {
  /** 0 for a kind that was never seen, so that it is soon. */
  of(kind: string): number
  /** What one took. */
  add(kind: string, milliseconds: number): void
}

export function createCosts(): Costs {
  const kinds = new Map<string, number>()
  let mean = 0

  return {
    of: (kind) => kinds.get(kind) ?? (kinds.size < MAX_KINDS ? 0 : mean),
    add: (kind, milliseconds) => {
      mean += 0.05 * (milliseconds - mean)
      const known = kinds.get(kind)
      if (known !== undefined) kinds.set(kind, known + 0.1 * (milliseconds - known))
      else if (kinds.size < MAX_KINDS) kinds.set(kind, milliseconds)
    },
  }
}
