// The filter's own bans, for setups in which no firewall bans: the seam between the pipeline and whatever counts
// and remembers. Keyed by the client's network (an IPv4 address, or an IPv6 /64).
import type { Address } from '../../shared/address.ts'
import type { BanPolicy, FilterConfig } from '../../shared/config.ts'
import type { StrikeClass } from '../../shared/violations.ts'

export interface Ban {
  /** As of clientNetwork. */
  network: string
  /** Unix time in milliseconds. */
  until: number
  /** How many bans in a row this is; each lasts twice as long. */
  times: number
}

export interface BanCounters {
  /** Bans in force, as far as known here. */
  inForce: number
  /** Bans that began through strikes counted here. */
  begun: number
  /** Times the store could not be asked or told; the request passed as if there were no ban. */
  errors: number
}

export interface BanStore {
  /** Puts a policy in force; null lifts all bans and forgets all strikes. */
  configure(policy: BanPolicy | null): void
  /** Asked for every request, so answered from memory: the ban of the client's network, if one is in force. */
  banOf(client: Address): Ban | undefined
  /** Counts strikes; resolves to the ban that they brought. Never rejects: trouble is counted, and no ban. */
  strike(client: Address, strikeClass: StrikeClass, count: number): Promise<Ban | undefined>
  /** The bans in force. */
  list(): Promise<Ban[]>
  /** Ends the ban of the client's network and forgets its strikes; false where there was none. */
  lift(client: Address): Promise<boolean>
  counters(): BanCounters
}

/** The policy that a configuration puts in force: in monitor mode nobody is banned. */
export function banPolicyOf({ mode, bans }: FilterConfig): BanPolicy | null {
  return mode === 'enforce' ? bans : null
}

/** Whole seconds until a ban ends, at least 1. */
export function secondsLeft({ until }: Ban, now: number): number {
  return Math.max(1, Math.ceil((until - now) / 1000))
}
