// The Durable Objects for bans on Cloudflare. One object per network counts its strikes. One more collects the bans and
// writes them to KV as a single list that all isolates read.
import { DurableObject } from 'cloudflare:workers'
import type { BanPolicy } from '../../../shared/config/filter.ts'
import type { StrikeClass } from '../../../shared/violations.ts'
import type { Ban, Counted } from '../bans.ts'
import { type ClientRecord, cleanRecord, countStrikes } from '../strikes.ts'
import { type BanBindings, LIST_KEY, ONE } from './cloudflare.ts'

/** Seconds: KV's least time to live. */
const MIN_TTL = 60

/** Bans in the list; then the oldest go. A list of so many is half a megabyte. */
const MAX_LISTED = 10_000

/** Milliseconds in which bans gather before the list is written: KV takes one write of a key a second. */
const GATHER_TIME = 1_000

interface StoredRecord extends ClientRecord {
  /** The list has taken the ban. */
  listed: boolean
  /** Unix time in milliseconds after which nothing of it matters any more. */
  staleAt: number
}

/** Counts the strikes of one network, by which it is named. */
export class BanCounter extends DurableObject<BanBindings> {
  async strike(
    network: string,
    strikeClass: StrikeClass,
    count: number,
    policy: BanPolicy,
  ): Promise<Counted> {
    const { storage } = this.ctx
    const now = Date.now()
    const record: StoredRecord = (await storage.get<StoredRecord>('record')) ?? {
      ...cleanRecord(),
      listed: true,
      staleAt: 0,
    }
    const began = countStrikes(record, strikeClass, count, policy, now)
    const ban = record.until > now ? { network, until: record.until, times: record.times } : undefined
    const isUnlisted = ban !== undefined && (began || !record.listed)
    if (isUnlisted) record.listed = true
    record.staleAt = Math.max(now + policy.findTime * 1000, record.until + policy.maxBanTime * 1000)
    // Stored before anything else is waited for: only while it waits for its storage does an object take no other
    // call, and so count exactly.
    await storage.put('record', record)
    if (isUnlisted) await this.enlist(ban)
    if ((await storage.getAlarm()) === null) await storage.setAlarm(record.staleAt)
    return { ban, began }
  }

  private async enlist(ban: Ban): Promise<void> {
    try {
      await this.env.BAN_LIST.getByName(ONE).add(ban)
    } catch {
      // The isolate that asked knows of the ban all the same; the next strike tries again.
      const record = await this.ctx.storage.get<StoredRecord>('record')
      if (record) await this.ctx.storage.put('record', { ...record, listed: false })
    }
  }

  async forget(): Promise<void> {
    await this.ctx.storage.deleteAll()
  }

  /** Leaves no storage behind for networks that are not heard of any more. */
  async alarm(): Promise<void> {
    const record = await this.ctx.storage.get<StoredRecord>('record')
    if (record && record.staleAt > Date.now()) await this.ctx.storage.setAlarm(record.staleAt)
    else await this.ctx.storage.deleteAll()
  }
}

/** Keeps the list of all bans in force and publishes it. */
export class BanList extends DurableObject<BanBindings> {
  private bans = new Map<string, Ban>()

  constructor(ctx: DurableObjectState, env: BanBindings) {
    super(ctx, env)
    void ctx.blockConcurrencyWhile(async () => {
      const stored = [...(await ctx.storage.list<Ban>()).values()]
      this.bans = new Map(stored.toSorted((a, b) => a.until - b.until).map((ban) => [ban.network, ban]))
    })
  }

  async add(ban: Ban): Promise<void> {
    this.bans.delete(ban.network)
    if (this.bans.size >= MAX_LISTED) await this.remove([this.bans.keys().next().value!])
    this.bans.set(ban.network, ban)
    await this.ctx.storage.put(ban.network, ban)
    await this.publishSoon()
  }

  async lift(network: string): Promise<boolean> {
    const { until } = this.bans.get(network) ?? { until: 0 }
    await this.remove([network])
    await this.publishSoon()
    return until > Date.now()
  }

  async list(): Promise<Ban[]> {
    return [...this.bans.values()].filter(({ until }) => until > Date.now())
  }

  /** Publishes. What it throws makes Cloudflare try again, later and later. */
  async alarm(): Promise<void> {
    const over = [...this.bans.values()].filter(({ until }) => until <= Date.now())
    await this.remove(over.map(({ network }) => network))
    const bans = [...this.bans.values()]
    const longest = Math.max(0, ...bans.map(({ until }) => until - Date.now()))
    const expirationTtl = Math.max(MIN_TTL, Math.ceil(longest / 1000))
    await this.env.KV.put(LIST_KEY, JSON.stringify(bans), { expirationTtl })
  }

  private async publishSoon(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(Date.now() + GATHER_TIME)
  }

  private async remove(networks: string[]): Promise<void> {
    for (const network of networks) this.bans.delete(network)
    // Cloudflare takes 128 keys at a time.
    for (let at = 0; at < networks.length; at += 128)
      await this.ctx.storage.delete(networks.slice(at, at + 128))
  }
}
