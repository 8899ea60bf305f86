// What is known of the chain where transactions are judged: asked each time, since it changes without the configuration.

export interface ChainFacts {
  /** The chain's time, as Unix time in milliseconds. */
  now(): number
  /**
   * What one transaction may use at most, where that is known. Nobody is refused by it: a max_cpu_usage_ms or
   * max_net_usage_words beyond it is capped, not an error (libraries/chain/transaction_context.cpp, init).
   */
  maxCpuUsageMs?: number
  maxNetUsageBytes?: number
}

/** This machine's clock is all that is known. */
export const NOTHING_KNOWN: ChainFacts = { now: () => Date.now() }
