// Bans that many instances of the filter share: counted in a store that all of them reach, and looked up in a copy
// of its list that each keeps. Where the store is in trouble, requests pass as if there were no ban.
import { type Address, clientNetwork } from '../../shared/address.ts'
import type { BanPolicy } from '../../shared/config.ts'
import type { Logger } from '../../shared/logger.ts'
import type { StrikeClass } from '../../shared/violations.ts'
import type { Ban, BanStore } from './ban-store.ts'

/** What came of strikes. */
export interface Counted {
  /** The ban now in force. */
  ban: Ban | undefined
  /** It began with these strikes, rather than before. */
  began: boolean
}

/** Where bans are counted and kept for all instances. */
export interface BanBackend {
  strike(network: string, strikeClass: StrikeClass, count: number, policy: BanPolicy): Promise<Counted>
  /** The bans in force; may lag behind by seconds, so that it can be cheap. */
  read(): Promise<Ban[]>
  /** The bans in force now. */
  list(): Promise<Ban[]>
  /** Ends a ban and forgets its strikes; false where there was none. */
  lift(network: string): Promise<boolean>
}

export interface SharedBans extends BanStore {
  /** Brings the copy up to date. Never rejects. */
  refresh(): Promise<void>
}

/** Milliseconds for which a ban that was counted here is believed although the list does not show it yet. */
const LAG = 60_000

/** Milliseconds between two lines on the same trouble. */
const LOG_INTERVAL = 60_000

export interface SharedBansOptions {
  logger: Logger
  /** Unix time in milliseconds. */
  now(): number
}

export function createSharedBans(
  backend: BanBackend,
  initial: BanPolicy | null,
  { logger, now }: SharedBansOptions,
): SharedBans {
  let policy = initial
  let listed = new Map<string, Ban>()
  const learned = new Map<string, Ban & { since: number }>()
  let begun = 0
  let errors = 0
  let nextLine = 0

  const trouble = (what: string, error: unknown) => {
    errors++
    if (now() < nextLine) return
    nextLine = now() + LOG_INTERVAL
    logger.error(`${what}; requests pass as if there were no ban`, { error: String(error), errors })
  }

  return {
    configure: (next) => {
      policy = next
      if (next) return
      listed.clear()
      learned.clear()
    },
    banOf: (client) => {
      if (listed.size === 0 && learned.size === 0) return undefined
      const network = clientNetwork(client)
      const ban = learned.get(network) ?? listed.get(network)
      return ban && ban.until > now() ? ban : undefined
    },
    strike: async (client, strikeClass, count) => {
      if (!policy) return undefined
      const network = clientNetwork(client)
      try {
        const { ban, began } = await backend.strike(network, strikeClass, count, policy)
        // The policy may have been taken back meanwhile.
        if (!ban || !policy) return undefined
        learned.set(network, { ...ban, since: now() })
        if (!began) return undefined
        begun++
        return ban
      } catch (error) {
        trouble('a strike could not be counted', error)
        return undefined
      }
    },
    refresh: async () => {
      if (!policy) return
      try {
        listed = new Map((await backend.read()).map((ban) => [ban.network, ban]))
        for (const [network, { since }] of learned) if (since < now() - LAG) learned.delete(network)
      } catch (error) {
        trouble('the list of bans could not be read', error)
      }
    },
    list: () => backend.list(),
    lift: async (client: Address) => {
      const network = clientNetwork(client)
      const lifted = await backend.lift(network)
      listed.delete(network)
      learned.delete(network)
      return lifted
    },
    counters: () => {
      const known = new Map<string, Ban>([...listed, ...learned])
      return { inForce: [...known.values()].filter(({ until }) => until > now()).length, begun, errors }
    },
  }
}
