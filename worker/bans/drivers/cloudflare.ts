// Bans on Cloudflare: Durable Objects count strikes, and KV holds the list of bans.
import type { Ban, BanDriver } from '../bans.ts'
import type { BanCounter, BanList } from './cloudflare-objects.ts'

export interface BanBindings {
  KV: KVNamespace
  BAN_COUNTERS: DurableObjectNamespace<BanCounter>
  BAN_LIST: DurableObjectNamespace<BanList>
}

export const LIST_KEY = 'bans'
/** The name of the one object that has the list. */
export const ONE = 'all'

/** Seconds that a location may keep what it read from KV: the least that KV allows. */
export const KV_CACHE_TTL = 30

export function cloudflareBanDriver({ KV, BAN_COUNTERS, BAN_LIST }: BanBindings): BanDriver {
  return {
    strike: (network, strikeClass, count, policy) =>
      BAN_COUNTERS.getByName(network).strike(network, strikeClass, count, policy),
    read: async () => ((await KV.get(LIST_KEY, { type: 'json', cacheTtl: KV_CACHE_TTL })) ?? []) as Ban[],
    list: () => BAN_LIST.getByName(ONE).list(),
    lift: async (network) => {
      const [lifted] = await Promise.all([
        BAN_LIST.getByName(ONE).lift(network),
        BAN_COUNTERS.getByName(network).forget(),
      ])
      return lifted
    },
  }
}
