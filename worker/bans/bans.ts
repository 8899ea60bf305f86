// The filter's own bans, for setups without a banning firewall. The pipeline asks this module; a driver counts strikes
// and stores bans. Bans apply to a client's network (an IPv4 address or an IPv6 /64). When the driver fails, requests pass
// as if there were no ban.
import { type Address, clientNetwork } from '../../shared/address.ts'
import type { BanPolicy, FilterConfig } from '../../shared/config/filter.ts'
import type { Logger } from '../../shared/logger.ts'
import type { StrikeClass } from '../../shared/violations.ts'

export interface Ban {
  /** As of clientNetwork. */
  network: string
  /** Unix time in milliseconds. */
  until: number
  /** How many bans in a row this is; each lasts twice as long. */
  times: number
  /** An operator's: in force whatever `bans` is. */
  byHand?: true
}

/** What came of strikes. */
export interface Counted {
  /** The ban now in force. */
  ban: Ban | undefined
  /** It began with these strikes, rather than before. */
  began: boolean
}

/** Where strikes are counted and bans are kept: one for each kind of store. Methods reject where it is in trouble. */
export interface BanDriver {
  strike(network: string, strikeClass: StrikeClass, count: number, policy: BanPolicy): Promise<Counted>
  /** The bans in force; may lag behind by seconds, so that it can be cheap. */
  read(): Promise<Ban[]>
  /** The bans in force now. */
  list(): Promise<Ban[]>
  /** Bans by hand, in place of a ban that is in force. Absent where operators have no way to. */
  ban?(network: string, seconds: number): Promise<Ban>
  /** Ends a ban and forgets its strikes; false where there was none. */
  lift(network: string): Promise<boolean>
  /** Forgets everything but bans by hand, where it is this process's own to forget. */
  clear?(): void
  /** Tells what others have banned and lifted, as it happens; first what is banned already. */
  follow?(listener: BanListener): void
  /** Stops following. */
  close?(): void
}

export interface BanListener {
  put(ban: Ban): void
  drop(network: string): void
}

export interface BanCounters {
  /** Bans in force, as far as known here. */
  inForce: number
  /** Bans that began through strikes counted here, by the class of strikes. */
  begun: Partial<Record<StrikeClass, number>>
  /** Times the driver could not be asked or told; the request passed as if there were no ban. */
  errors: number
}

export interface Bans {
  /** Puts a policy in force; taking it back lifts all bans that are known here but those by hand. */
  configure(policy: BanPolicy | null): void
  /** Asked for every request, so answered from memory: the ban of the client's network, if one is in force. */
  banOf(client: Address): Ban | undefined
  /** Counts strikes; resolves to the ban that they brought. Never rejects: trouble is counted, and no ban. */
  strike(client: Address, strikeClass: StrikeClass, count: number): Promise<Ban | undefined>
  /** The bans in force. */
  list(): Promise<Ban[]>
  /** Bans the client's network by hand, for so many seconds from now, with or without a policy. */
  ban(client: Address, seconds: number): Promise<Ban>
  /** Ends the ban of the client's network and forgets its strikes; false where there was none. */
  lift(client: Address): Promise<boolean>
  /** Puts a ban in force that began elsewhere; without a policy only one by hand. */
  put(ban: Ban): void
  /** Forgets a ban that was lifted elsewhere. */
  drop(network: string): void
  /** Brings what is known here up to date with the driver. Never rejects. */
  refresh(): Promise<void>
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

/** Bans that are known here; then the oldest go. */
export const MAX_BANS = 50_000

/** Milliseconds for which a ban that was counted here is believed although the driver's list does not show it yet. */
const LAG = 60_000

/** Milliseconds between two lines on the same trouble. */
const LOG_INTERVAL = 60_000

export interface BansOptions {
  logger: Logger
  /** Unix time in milliseconds. */
  now(): number
  /** Told too what a driver heard from others. */
  follower?: BanListener
}

export function createBans(
  driver: BanDriver,
  initial: BanPolicy | null,
  { logger, now, follower }: BansOptions,
): Bans {
  let policy = initial
  /** The newest last. */
  const known = new Map<string, Ban & { since: number }>()
  const trouble = createTroubleLog(logger, now)
  const begun: BanCounters['begun'] = {}

  const put = (ban: Ban) => {
    known.delete(ban.network)
    if (known.size >= MAX_BANS) known.delete(known.keys().next().value!)
    known.set(ban.network, { ...ban, since: now() })
  }
  const isInForce = ({ byHand }: Ban) => policy !== null || byHand === true
  const putFromElsewhere = (ban: Ban) => {
    if (isInForce(ban)) put(ban)
  }

  const refresh = async () => {
    if (!policy) return
    try {
      const listed = await driver.read()
      const own = [...known.values()].filter(({ since }) => since >= now() - LAG)
      known.clear()
      for (const ban of listed) known.set(ban.network, { ...ban, since: 0 })
      for (const ban of own) known.set(ban.network, ban)
    } catch (error) {
      trouble.note('the list of bans could not be read', error)
    }
  }
  driver.follow?.({
    put: (ban) => {
      putFromElsewhere(ban)
      follower?.put(ban)
    },
    drop: (network) => {
      known.delete(network)
      follower?.drop(network)
    },
  })

  return {
    configure: (next) => {
      const before = policy
      policy = next
      // Others went on meanwhile.
      if (next && before === null && driver.follow) void refresh()
      if (next || before === null) return
      for (const ban of known.values()) if (!isInForce(ban)) known.delete(ban.network)
      driver.clear?.()
    },
    banOf: (client) => {
      if (known.size === 0) return undefined
      const ban = known.get(clientNetwork(client))
      return ban && ban.until > now() ? ban : undefined
    },
    strike: async (client, strikeClass, count) => {
      if (!policy) return undefined
      try {
        const { ban, began } = await driver.strike(clientNetwork(client), strikeClass, count, policy)
        // The policy may have been taken back meanwhile.
        if (!ban || !policy) return undefined
        put(ban)
        if (!began) return undefined
        begun[strikeClass] = (begun[strikeClass] ?? 0) + 1
        return ban
      } catch (error) {
        trouble.note('a strike could not be counted', error)
        return undefined
      }
    },
    list: async () => (await driver.list()).filter(isInForce),
    ban: async (client, seconds) => {
      if (!driver.ban) throw new Error('this driver knows no bans by hand')
      const ban = await driver.ban(clientNetwork(client), seconds)
      put(ban)
      return ban
    },
    lift: async (client) => {
      const network = clientNetwork(client)
      const lifted = await driver.lift(network)
      known.delete(network)
      return lifted
    },
    put: putFromElsewhere,
    drop: (network) => void known.delete(network),
    refresh,
    counters: () => {
      let inForce = 0
      for (const { until } of known.values()) if (until > now()) inForce++
      return { inForce, begun: { ...begun }, errors: trouble.count() }
    },
  }
}

/** Counts trouble with a driver, and logs some of it. */
function createTroubleLog(logger: Logger, now: () => number) {
  let errors = 0
  let nextLine = 0
  return {
    note: (what: string, error: unknown) => {
      errors++
      if (now() < nextLine) return
      nextLine = now() + LOG_INTERVAL
      logger.error(`${what}; requests pass as if there were no ban`, { error: String(error), errors })
    },
    count: () => errors,
  }
}
