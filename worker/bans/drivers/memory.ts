// Strikes and bans in the memory of one process.
import { type Ban, type BanDriver, MAX_BANS } from '../bans.ts'
import { type ClientRecord, cleanRecord, countStrikes } from '../strikes.ts'

/** Networks that are remembered for their strikes; then the oldest go. */
const MAX_SUSPECTS = 20_000

/** `now` is Unix time in milliseconds. */
export function memoryBanDriver(now: () => number): BanDriver {
  // Apart, so that whoever has many addresses cannot push a ban out with strikes.
  const suspects = new Map<string, ClientRecord>()
  const banned = new Map<string, ClientRecord>()

  const inForce = (network: string, { until, times, byHand }: ClientRecord): Ban | undefined =>
    until > now() ? { network, until, times, ...(byHand && { byHand }) } : undefined
  const list = async () => [...banned].flatMap(([network, record]) => inForce(network, record) ?? [])

  return {
    strike: async (network, strikeClass, count, policy) => {
      const record = banned.get(network) ?? suspects.get(network) ?? cleanRecord()
      const began = countStrikes(record, strikeClass, count, policy, now())
      if (began) {
        suspects.delete(network)
        remember(banned, network, record, MAX_BANS)
      } else if (!banned.has(network)) remember(suspects, network, record, MAX_SUSPECTS)
      return { ban: inForce(network, record), began }
    },
    read: list,
    list,
    ban: async (network, seconds) => {
      const ban = { until: now() + seconds * 1000, times: 1, byHand: true } as const
      suspects.delete(network)
      remember(banned, network, { strikes: {}, ...ban }, MAX_BANS)
      return { network, ...ban }
    },
    lift: async (network) => {
      const record = banned.get(network)
      suspects.delete(network)
      banned.delete(network)
      return record !== undefined && record.until > now()
    },
    clear: () => {
      suspects.clear()
      for (const [network, { byHand }] of banned) if (!byHand) banned.delete(network)
    },
  }
}

/** A Map keeps the order of insertion, so that the first key is the one not heard of for longest. */
function remember<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key)
  if (map.size >= max) map.delete(map.keys().next().value!)
  map.set(key, value)
}
