// Bans in Deno KV, shared by all instances on Deno Deploy: one record per network, updated in transactions, and a list of
// current bans. Both expire by themselves.
import type { Ban, BanDriver, Counted } from '../bans.ts'
import { type ClientRecord, cleanRecord, countStrikes } from '../strikes.ts'

type Key = readonly string[]

/** The part of Deno.Kv that is used: docs.deno.com/api/deno/~/Deno.Kv. */
export interface DenoKv {
  get<T>(key: Key): Promise<{ value: T | null; versionstamp: string | null }>
  list<T>(
    selector: { prefix: Key },
    options: { limit: number; consistency: 'strong' | 'eventual' },
  ): AsyncIterable<{ value: T }>
  atomic(): DenoKvTransaction
}

interface DenoKvTransaction {
  check(entry: { key: Key; versionstamp: string | null }): DenoKvTransaction
  set(key: Key, value: unknown, options: { expireIn: number }): DenoKvTransaction
  delete(key: Key): DenoKvTransaction
  commit(): Promise<{ ok: boolean }>
}

/** Bans that are read; an instance would need the more time and money the more there are. */
const MAX_LISTED = 10_000

/** Tries to count a strike while others change the same record, and milliseconds between them at the most. */
const MAX_TRIES = 20
const MAX_PAUSE = 200

export function denoKvBanDriver(kv: DenoKv): BanDriver {
  const recordKey = (network: string): Key => ['patroneos', 'strikes', network]
  const banKey = (network: string): Key => ['patroneos', 'bans', network]

  const bansInForce = async (consistency: 'strong' | 'eventual'): Promise<Ban[]> => {
    const bans: Ban[] = []
    const entries = kv.list<Ban>({ prefix: ['patroneos', 'bans'] }, { limit: MAX_LISTED, consistency })
    // KV removes what has expired in its own time.
    for await (const { value } of entries) if (value.until > Date.now()) bans.push(value)
    return bans
  }

  /** Undefined where another instance has changed the record meanwhile. */
  const countOnce = async (...[network, strikeClass, count, policy]: Parameters<BanDriver['strike']>) => {
    const { value, versionstamp } = await kv.get<ClientRecord>(recordKey(network))
    const record = value ?? cleanRecord()
    const now = Date.now()
    const began = countStrikes(record, strikeClass, count, policy, now)
    const ban = record.until > now ? { network, until: record.until, times: record.times } : undefined
    const counted: Counted = { ban, began }
    if (ban && !began) return counted
    const staleAt = Math.max(now + policy.findTime * 1000, record.until + policy.maxBanTime * 1000)
    const change = kv
      .atomic()
      .check({ key: recordKey(network), versionstamp })
      .set(recordKey(network), record, { expireIn: staleAt - now })
    if (ban) change.set(banKey(network), ban, { expireIn: ban.until - now })
    return (await change.commit()).ok ? counted : undefined
  }

  return {
    strike: async (...strike) => {
      let trouble: unknown
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        try {
          const counted = await countOnce(...strike)
          if (counted) return counted
        } catch (error) {
          // Self-hosted, the database is a file that another process may have locked.
          trouble = error
        }
        // At random, so that those who met once do not meet again.
        const pause = Math.random() * Math.min(MAX_PAUSE, 2 ** tries)
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
      throw trouble ?? new Error('the record changes too fast')
    },
    read: () => bansInForce('eventual'),
    list: () => bansInForce('strong'),
    lift: async (network) => {
      const { value } = await kv.get<Ban>(banKey(network))
      await kv.atomic().delete(banKey(network)).delete(recordKey(network)).commit()
      return value !== null && value.until > Date.now()
    },
  }
}
