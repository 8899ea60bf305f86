// Strikes and bans in Redis, for all filters. A ban is told to them as it begins, and a lift; requests are answered by what
// each filter was told. While the store is away, strikes are counted in memory; what was banned and lifted meanwhile is told
// when it is back.
import type { BanPolicy } from '../../../shared/config/filter.ts'
import type { StrikeClass } from '../../../shared/violations.ts'
import { type Script, type SharedStore, script } from '../../store/shared-store.ts'
import { type Ban, type BanDriver, type BanListener, type Counted, MAX_BANS } from '../bans.ts'
import { memoryBanDriver } from './memory.ts'

/** Milliseconds in which strikes of one network gather: a flood of violations is not one of scripts. */
const STRIKE_DELAY = 50

/** Milliseconds between two looks at the list, for what was not heard. */
const LIST_INTERVAL = 10_000

/** Milliseconds by which filters may differ on the end of one ban. */
const SAME = 1_000

/** Milliseconds for which a lift is remembered. */
const LIFTED = 600_000

// All keys of bans are in one slot of a cluster: the list of all belongs to each record. Times that are told are what is
// left, so that the clocks of the filters do not matter.
const PREAMBLE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local record, list, channel, network = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local stored = redis.call('GET', record)
local known = stored and cjson.decode(stored) or { strikes = {}, ends = 0, times = 0 }
local function tell(message)
  redis.call('PUBLISH', channel, cjson.encode(message))
end
local function member()
  return network .. ' ' .. known.times .. (known.hand and ' hand' or '')
end
local function ban(remembered)
  known.lifted = nil
  redis.call('SET', record, cjson.encode(known), 'PX', math.max(1, known.ends + remembered - now))
  redis.call('ZREMRANGEBYSCORE', list, '-inf', now)
  redis.call('ZADD', list, known.ends, member())
  redis.call('ZREMRANGEBYRANK', list, 0, -${MAX_BANS + 1})
  redis.call('PEXPIREAT', list, redis.call('ZRANGE', list, -1, -1, 'WITHSCORES')[2])
  tell({ network = network, left = known.ends - now, times = known.times, hand = known.hand })
end
`

/** As countStrikes of ../strikes.ts. */
const strikeScript = script(`${PREAMBLE}
local class, count, allowed = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local findTime, banTime, maxBanTime = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if known.ends > now then return { 0, known.ends - now, known.times, known.hand and 1 or 0 } end
if allowed == 0 then return { 0, 0, 0 } end
local recent = {}
for _, at in ipairs(known.strikes[class] or {}) do
  if at > now - findTime then recent[#recent + 1] = at end
end
for _ = 1, math.min(count, allowed - #recent) do recent[#recent + 1] = now end
known.strikes[class] = recent
if #recent < allowed then
  local remembered = math.max(findTime, known.ends + maxBanTime - now)
  redis.call('SET', record, cjson.encode(known), 'PX', remembered)
  return { 0, 0, 0 }
end
if known.ends + maxBanTime < now then known.times = 0 end
known.ends = now + math.min(banTime * 2 ^ known.times, maxBanTime)
known.times = known.times + 1
known.strikes = {}
known.hand = nil
ban(maxBanTime)
return { 1, known.ends - now, known.times }
`)

/** In place of a ban that is in force. */
const handScript = script(`${PREAMBLE}
redis.call('ZREM', list, member())
known = { strikes = {}, ends = now + tonumber(ARGV[3]), times = 1, hand = true }
ban(0)
return 1
`)

/** A ban that began while the store was away, or that it has lost; one that lasts longer stays. */
const adoptScript = script(`${PREAMBLE}
local left, times, remembered = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if ARGV[6] == 'lost' and known.lifted then return 0 end
if known.ends >= now + left - ${SAME} then return 0 end
redis.call('ZREM', list, member())
known.ends, known.times, known.strikes = now + left, math.max(times, known.times), {}
known.hand = ARGV[7] == 'hand' or nil
ban(remembered)
return 1
`)

/** For a while a filter that has not heard of it cannot bring the ban back. */
const liftScript = script(`${PREAMBLE}
local clean = { strikes = {}, ends = 0, times = 0, lifted = true }
redis.call('SET', record, cjson.encode(clean), 'PX', ${LIFTED})
redis.call('ZREM', list, member())
tell({ network = network, left = 0, times = 0 })
return known.ends > now and 1 or 0
`)

/**
 * The name of this list, and then "network times", with " hand" behind it for a ban by hand, and milliseconds left in turn.
 * A store that has lost what it had gets the name that is offered.
 */
const listScript = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local name = redis.call('GET', KEYS[2]) or ARGV[1]
redis.call('SET', KEYS[2], name, 'PX', ${7 * 86_400_000})
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES')
for at = 2, #found, 2 do found[at] = found[at] - now end
table.insert(found, 1, name)
return found
`)

interface Told {
  network: string
  /** Milliseconds; 0 where it was lifted. */
  left: number
  times: number
  hand?: true
}

/** One that ends in so many milliseconds. */
function banOf(network: string, left: number, times: number, byHand: boolean): Ban {
  return { network, until: Date.now() + left, times, ...(byHand && { byHand }) }
}

const isSame = (a: Ban | undefined, b: Ban) => a?.times === b.times && a.byHand === b.byHand

export function redisBanDriver(store: SharedStore): BanDriver {
  return new RedisBans(store)
}

class RedisBans implements BanDriver {
  readonly #store: SharedStore
  readonly #channel: string
  readonly #list: string
  /** While the store is away. */
  readonly #own = memoryBanDriver(Date.now)
  readonly #lifted = new Set<string>()
  /** What all filters have, as far as it was told. */
  #bans = new Map<string, Ban>()
  /** Of whom was heard since the list was asked for: its answer may be older. */
  readonly #heardSince = new Set<string>()
  #looking: Promise<void> | undefined
  /** Of the list that was read last. */
  #listName: string | undefined
  readonly #gathering = new Map<string, { count: number; result: Promise<Counted> }>()
  #listener: BanListener | undefined
  #maxBanTime = 0
  readonly #timer: ReturnType<typeof setInterval>

  constructor(store: SharedStore) {
    this.#store = store
    this.#channel = `${store.prefix}:bans`
    this.#list = `${store.prefix}:{bans}:list`
    store.subscribe(this.#channel, (message) => this.#heard(JSON.parse(message) as Told))
    store.onBack(() => void this.#reconcile())
    this.#timer = setInterval(() => void this.#look(), LIST_INTERVAL)
    if (store.isHere) void this.#look()
  }

  follow(listener: BanListener): void {
    this.#listener = listener
    for (const ban of this.#bans.values()) listener.put(ban)
  }

  #run(wanted: Script, network: string, args: readonly (string | number)[]) {
    const record = `${this.#store.prefix}:{bans}:${network}`
    return this.#store.run(wanted, [record, this.#list], [this.#channel, network, ...args.map(String)])
  }

  #heard({ network, left, times, hand }: Told): void {
    if (left > 0) this.#put(banOf(network, left, times, hand === true))
    else this.#drop(network)
  }

  #put(ban: Ban): void {
    this.#heardSince.add(ban.network)
    this.#bans.delete(ban.network)
    if (this.#bans.size >= MAX_BANS) this.#bans.delete(this.#bans.keys().next().value!)
    this.#bans.set(ban.network, ban)
    this.#listener?.put(ban)
  }

  #drop(network: string): void {
    this.#heardSince.add(network)
    this.#bans.delete(network)
    this.#listener?.drop(network)
  }

  /** Several at once are one, of which the first is told that the ban began. */
  strike(network: string, strikeClass: StrikeClass, count: number, policy: BanPolicy): Promise<Counted> {
    const key = `${network} ${strikeClass}`
    const gathering = this.#gathering.get(key)
    if (gathering) {
      gathering.count += count
      return gathering.result.then(({ ban }) => ({ ban, began: false }))
    }
    const begun: { count: number; result: Promise<Counted> } = {
      count,
      result: new Promise((resolve) => setTimeout(resolve, STRIKE_DELAY)).then(() => {
        this.#gathering.delete(key)
        return this.#strikes(network, strikeClass, begun.count, policy)
      }),
    }
    this.#gathering.set(key, begun)
    return begun.result
  }

  async #strikes(
    network: string,
    strikeClass: StrikeClass,
    count: number,
    policy: BanPolicy,
  ): Promise<Counted> {
    this.#maxBanTime = policy.maxBanTime * 1000
    if (this.#store.isHere)
      try {
        const times = [policy.findTime, policy.banTime, policy.maxBanTime].map((seconds) => seconds * 1000)
        const args = [strikeClass, count, policy.maxRetry[strikeClass], ...times]
        const found = (await this.#run(strikeScript, network, args)) as [number, number, number, number?]
        const [began, left, row, hand] = found
        const ban = left > 0 ? banOf(network, left, row, hand === 1) : undefined
        if (ban) this.#put(ban)
        return { ban, began: began === 1 }
      } catch {
        // It is away now: counted and said by the store.
      }
    return this.#own.strike(network, strikeClass, count, policy)
  }

  async read(): Promise<Ban[]> {
    const now = Date.now()
    return [...[...this.#bans.values()].filter(({ until }) => until > now), ...(await this.#own.read())]
  }

  async list(): Promise<Ban[]> {
    await this.#look()
    return this.read()
  }

  async ban(network: string, seconds: number): Promise<Ban> {
    this.#lifted.delete(network)
    if (this.#store.isHere)
      try {
        await this.#run(handScript, network, [seconds * 1000])
        const ban = banOf(network, seconds * 1000, 1, true)
        this.#put(ban)
        return ban
      } catch {
        // It is told when the store is back.
      }
    return this.#own.ban!(network, seconds)
  }

  async lift(network: string): Promise<boolean> {
    const known = this.#bans.get(network)
    const wasOwn = await this.#own.lift(network)
    this.#drop(network)
    if (this.#store.isHere)
      try {
        return (await this.#run(liftScript, network, [])) === 1 || wasOwn
      } catch {
        // It is told when the store is back.
      }
    if (this.#lifted.size < MAX_BANS) this.#lifted.add(network)
    return wasOwn || (known !== undefined && known.until > Date.now())
  }

  /** Tells what was lifted and banned while the store was away, and then looks at what others told. */
  async #reconcile(): Promise<void> {
    try {
      for (const network of this.#lifted) {
        await this.#run(liftScript, network, [])
        this.#lifted.delete(network)
      }
      for (const ban of await this.#own.list()) {
        await this.#adopt(ban, 'begun')
        await this.#own.lift(ban.network)
      }
    } catch {
      // Away again: the rest is told next time.
      return
    }
    await this.#look()
  }

  async #adopt({ network, until, times, byHand }: Ban, why: 'begun' | 'lost'): Promise<void> {
    const how = byHand ? 'hand' : ''
    await this.#run(adoptScript, network, [until - Date.now(), times, this.#maxBanTime, why, how])
  }

  /** Brings what is known here in line with the list; one look at a time. */
  #look(): Promise<void> {
    this.#looking ??= this.#readList().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #readList(): Promise<void> {
    if (!this.#store.isHere) return
    this.#heardSince.clear()
    let found: (string | number)[]
    try {
      const keys = [this.#list, `${this.#store.prefix}:{bans}:name`] as [string, string]
      found = (await this.#store.run(listScript, keys, [crypto.randomUUID()])) as (string | number)[]
    } catch {
      return
    }
    const name = String(found.shift())
    if (name !== this.#listName && this.#listName !== undefined) return this.#restore(name)
    this.#listName = name
    const listed = new Map<string, Ban>()
    for (let at = 0; at < found.length; at += 2) {
      const [network = '', times, hand] = String(found[at]).split(' ')
      listed.set(network, banOf(network, Number(found[at + 1]), Number(times), hand !== undefined))
    }
    for (const network of this.#bans.keys())
      if (!listed.has(network) && !this.#heardSince.has(network)) this.#drop(network)
    for (const [network, ban] of listed)
      if (!isSame(this.#bans.get(network), ban) && !this.#heardSince.has(network)) this.#put(ban)
  }

  /** The store has lost what it had, as in a restart: it is told what is banned, and then asked again. */
  async #restore(name: string): Promise<void> {
    try {
      for (const ban of this.#bans.values()) if (ban.until > Date.now()) await this.#adopt(ban, 'lost')
    } catch {
      return
    }
    this.#listName = name
    await this.#readList()
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
