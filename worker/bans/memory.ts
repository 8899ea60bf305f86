// Bans in the memory of one process: they end with it.
import { type Address, clientNetwork } from '../../shared/address.ts'
import type { BanPolicy } from '../../shared/config.ts'
import type { Ban, BanStore } from './ban-store.ts'
import { type ClientRecord, cleanRecord, countStrikes } from './strikes.ts'

/**
 * Networks that are remembered for their strikes, and for their bans; then the oldest go. Apart, so that whoever
 * has many addresses cannot push a ban out with strikes.
 */
const MAX_SUSPECTS = 20_000
const MAX_BANNED = 50_000

/** Requests that are answered while banned; then connections are closed unheard. */
const MAX_REFUSALS = 2

export interface MemoryBans extends BanStore {
  /** Whether the client has been told of its ban often enough, so that its connections need no answer. */
  isShutOut(client: Address): boolean
  /** Puts a ban in force that was counted elsewhere. */
  put(ban: Ban): void
}

interface Banned extends ClientRecord {
  refusals: number
}

/** `now` is Unix time in milliseconds. */
export function createMemoryBans(initial: BanPolicy | null, now: () => number): MemoryBans {
  let policy = initial
  let begun = 0
  const suspects = new Map<string, ClientRecord>()
  const banned = new Map<string, Banned>()

  const inForce = (client: Address): Banned | undefined => {
    if (banned.size === 0) return undefined
    const record = banned.get(clientNetwork(client))
    return record && record.until > now() ? record : undefined
  }
  const toBan = (network: string, { until, times }: ClientRecord): Ban => ({ network, until, times })

  return {
    configure: (next) => {
      policy = next
      if (next) return
      suspects.clear()
      banned.clear()
    },
    banOf: (client) => {
      const record = inForce(client)
      if (!record) return undefined
      record.refusals++
      return toBan(clientNetwork(client), record)
    },
    put: ({ network, until, times }) =>
      remember(banned, network, { ...cleanRecord(), until, times, refusals: 0 }, MAX_BANNED),
    isShutOut: (client) => (inForce(client)?.refusals ?? 0) >= MAX_REFUSALS,
    strike: async (client, strikeClass, count) => {
      if (!policy) return undefined
      const network = clientNetwork(client)
      const record = banned.get(network) ?? suspects.get(network) ?? cleanRecord()
      if (!countStrikes(record, strikeClass, count, policy, now())) {
        if (!banned.has(network)) remember(suspects, network, record, MAX_SUSPECTS)
        return undefined
      }
      suspects.delete(network)
      remember(banned, network, { ...record, refusals: 0 }, MAX_BANNED)
      begun++
      return toBan(network, record)
    },
    list: async () =>
      [...banned].filter(([, { until }]) => until > now()).map(([network, record]) => toBan(network, record)),
    lift: async (client) => {
      const network = clientNetwork(client)
      const lifted = inForce(client) !== undefined
      suspects.delete(network)
      banned.delete(network)
      return lifted
    },
    counters: () => {
      let count = 0
      for (const { until } of banned.values()) if (until > now()) count++
      return { inForce: count, begun, errors: 0 }
    },
  }
}

/** A Map keeps the order of insertion, so that the first key is the one not heard of for longest. */
function remember<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key)
  if (map.size >= max) map.delete(map.keys().next().value!)
  map.set(key, value)
}
