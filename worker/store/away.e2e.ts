// What filters do while Redis is away, in each of the ways in which it can be, and when it is back.
import { describe, expect, it, vi } from 'vitest'
import type { Address } from '../../shared/address.ts'
import { ask, nodeosForTest, type RunningFilter, startFilter } from '../testing/harness.ts'
import { type SharedStore, WAIT } from './shared-store.ts'
import { type RedisServer, skipWithoutRedis } from './testing/redis-server.ts'
import { type SlowProxy, slowProxyForTest } from './testing/slow-proxy.ts'
import { redisForTest, storeForTest } from './testing/store-for-test.ts'

const PUSH = '/v1/chain/push_transaction'
/** Milliseconds that requests wait: no answer of a Redis that is well is as late as that, however busy the machine is. */
const LONG_WAIT = 500
const LATE = new RegExp(`no answer within ${LONG_WAIT} ms`)

const settings = {
  rateLimits: [{ name: 'test', key: ['ip'], on: 'attempt', limit: 10, window: 600 }],
  bans: { maxRetry: { malformed: 2 } },
}

const eventually = { timeout: 20_000, interval: 50 }

interface Trouble {
  begin(redis: RedisServer, proxy: SlowProxy): unknown
  end(redis: RedisServer, proxy: SlowProxy): unknown
  error: RegExp
}

const refusing = (begin: string[], end: string[], error: RegExp): Trouble => ({
  begin: (redis) => redis.cli(...begin),
  end: (redis) => redis.cli(...end),
  error,
})

const troubles: Record<string, Trouble> = {
  'is killed': {
    begin: (redis) => redis.kill(),
    end: (redis) => redis.start(),
    error: /closed|ECONNREFUSED|offline/i,
  },
  'stands still (SIGSTOP)': {
    begin: (redis) => redis.signal('SIGSTOP'),
    end: (redis) => redis.signal('SIGCONT'),
    error: LATE,
  },
  'is slow': {
    begin: (_, proxy) => (proxy.delay = 2 * LONG_WAIT),
    end: (_, proxy) => (proxy.delay = 0),
    error: LATE,
  },
  'has no memory left': refusing(
    ['CONFIG', 'SET', 'maxmemory', '1'],
    ['CONFIG', 'SET', 'maxmemory', '0'],
    /OOM/,
  ),
  'is a replica': refusing(['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE'], /READONLY/),
  'takes another password': {
    begin: async (redis) => {
      await redis.cli('ACL', 'SETUSER', 'patroneos', 'resetpass', '>another')
      await redis.cli('CLIENT', 'KILL', 'USER', 'patroneos')
    },
    end: (redis) => redis.cli('ACL', 'SETUSER', 'patroneos', 'resetpass', `>${redis.password}`),
    error: /WRONGPASS|closed/,
  },
  'takes a right away': refusing(
    ['ACL', 'SETUSER', 'patroneos', '-set'],
    ['ACL', 'SETUSER', 'patroneos', '+set'],
    /NOPERM|can't run this command|no permissions to run/,
  ),
}

const statusOf = async (filter: RunningFilter, client: string, request = {}) =>
  (await ask(filter.port, { ...request, headers: ['x-forwarded-for', client] })).status

const statusesOf = async (filter: RunningFilter, client: string, count: number) => {
  const statuses: number[] = []
  for (let asked = 0; asked < count; asked++) statuses.push(await statusOf(filter, client))
  return statuses
}

const times = (count: number, status: number) => Array<number>(count).fill(status)

const banIn = async (filter: RunningFilter, client: string) => {
  for (let strikes = 0; strikes < 2; strikes++) await statusOf(filter, client, { target: PUSH, body: '{' })
  await vi.waitUntil(() => filter.bans.banOf(client as Address) !== undefined, eventually)
}

const hasCounted = async (redis: RedisServer, client: string, sum: number) =>
  (await redis.cli('HGET', `patroneos:limit:{${client}}:600:test:${client}`, 'sum')) === `${sum}`

const isHere = (stores: SharedStore[]) =>
  vi.waitUntil(() => stores.every((store) => store.isHere), eventually)

describe.skipIf(skipWithoutRedis('worker/store'))('where Redis', { timeout: 180_000 }, () => {
  it.each(Object.entries(troubles))(
    '%s, filters go on by themselves, and make it good',
    async (_how, trouble) => {
      const redis = await redisForTest()
      const proxy = await slowProxyForTest(redis.port)
      const nodeos = await nodeosForTest()
      const url = redis.url.replace(`:${redis.port}`, `:${proxy.port}`)
      const stores = [await storeForTest(url, LONG_WAIT), await storeForTest(url, LONG_WAIT)] as const
      const [first, second] = [
        await startFilter(nodeos, settings, stores[0]),
        await startFilter(nodeos, settings, stores[1]),
      ] as const
      await banIn(first, '203.0.113.7')
      await vi.waitUntil(() => second.bans.counters().inForce === 1, eventually)

      await trouble.begin(redis, proxy)
      // The first of these may still wait, in vain.
      expect(await statusesOf(first, '203.0.113.1', 6)).toEqual(times(6, 200))
      expect(await statusesOf(second, '203.0.113.2', 12)).toEqual([...times(10, 200), 429, 429])
      await vi.waitUntil(async () => {
        await statusesOf(first, '203.0.113.3', 1)
        await statusesOf(second, '203.0.113.3', 1)
        return stores.every((store) => !store.isHere)
      }, eventually)
      // Then nobody waits for it, which is counted.
      const late = stores.map(({ counters }) => counters.late)
      const { unasked } = stores[0].counters
      await statusesOf(first, '203.0.113.4', 20)
      expect(stores.map(({ counters }) => counters.late)).toEqual(late)
      expect(stores[0].counters.unasked).toBe(unasked + 10)
      expect(stores.map(({ counters }) => counters.away)).toEqual([1, 1])
      // Bans are in force, made, listed and lifted here.
      expect(await statusOf(first, '203.0.113.7')).toBe(403)
      expect((await first.bans.list()).map(({ network }) => network)).toEqual(['203.0.113.7'])
      expect(await first.bans.lift('203.0.113.7' as Address)).toBe(true)
      expect(await statusOf(first, '203.0.113.7')).toBe(200)
      await banIn(first, '203.0.113.8')
      expect(await statusOf(first, '203.0.113.8')).toBe(403)
      expect(await statusOf(second, '203.0.113.8')).toBe(200)
      for (const { log } of stores) {
        const lines = log.map((line) => JSON.parse(line)).filter(({ message }) => /away/.test(message))
        expect(lines).toHaveLength(1)
        expect(lines[0].error).toMatch(trouble.error)
        expect(JSON.stringify(lines)).not.toContain(redis.password)
      }

      await trouble.end(redis, proxy)
      await isHere([...stores])
      expect(stores.map(({ log }) => log.filter((line) => line.includes('is back')).length)).toEqual([1, 1])
      expect(stores.map(({ counters }) => counters.away)).toEqual([0, 0])
      await vi.waitUntil(
        () =>
          second.bans.banOf('203.0.113.8' as Address) !== undefined &&
          second.bans.banOf('203.0.113.7' as Address) === undefined,
        eventually,
      )
      // What one counted meanwhile, both know.
      await vi.waitUntil(() => hasCounted(redis, '203.0.113.1', 6), eventually)
      expect(await statusesOf(second, '203.0.113.1', 6)).toEqual([...times(4, 200), 429, 429])
    },
  )

  it('is slow, no request waits for more than 20 ms', async () => {
    const redis = await redisForTest()
    const proxy = await slowProxyForTest(redis.port)
    const store = await storeForTest(redis.url.replace(`:${redis.port}`, `:${proxy.port}`), WAIT)
    const filter = await startFilter(await nodeosForTest(), settings, store)
    proxy.delay = 100
    await vi.waitUntil(async () => {
      await statusOf(filter, '203.0.113.1')
      return !store.isHere
    }, eventually)
    expect(store.log.join()).toContain('no answer within 20 ms')
  })

  it('is not there at the start, a filter starts all the same', async () => {
    const redis = await redisForTest()
    await redis.kill()
    const store = await storeForTest(redis.url, WAIT)
    const filter = await startFilter(await nodeosForTest(), settings, store)
    expect(await statusesOf(filter, '203.0.113.1', 12)).toEqual([...times(10, 200), 429, 429])
    expect(store.log.filter((line) => line.includes('away'))).toHaveLength(1)
    await redis.start()
    await isHere([store])
    await vi.waitUntil(() => hasCounted(redis, '203.0.113.1', 10), eventually)
  })

  it('has lost what it had, filters tell it what is banned', async () => {
    const redis = await redisForTest()
    const stores = [await storeForTest(redis.url), await storeForTest(redis.url)] as const
    const nodeos = await nodeosForTest()
    const filters = [
      await startFilter(nodeos, settings, stores[0]),
      await startFilter(nodeos, settings, stores[1]),
    ] as const
    await banIn(filters[0], '203.0.113.1')
    await vi.waitUntil(() => filters[1].bans.counters().inForce === 1, eventually)
    await redis.kill()
    await redis.start()
    await isHere([...stores])
    await vi.waitUntil(
      async () => (await redis.cli('EXISTS', 'patroneos:{bans}:203.0.113.1')) === '1',
      eventually,
    )
    expect(await statusOf(filters[1], '203.0.113.1')).toBe(403)
    // It may be lifted as ever.
    expect(await filters[1].bans.lift('203.0.113.1' as Address)).toBe(true)
    await vi.waitUntil(() => filters[0].bans.counters().inForce === 0, eventually)
    expect((await filters[0].bans.list()).length).toBe(0)
  })

  it('has forgotten its scripts, they are there again', async () => {
    const redis = await redisForTest()
    const store = await storeForTest(redis.url)
    await startFilter(await nodeosForTest(), settings, store)
    await redis.cli('SCRIPT', 'FLUSH')
    const filter = await startFilter(await nodeosForTest(), settings, store)
    expect(await statusesOf(filter, '203.0.113.1', 2)).toEqual([200, 200])
    expect(store.counters).toMatchObject({ away: 0, errors: 0 })
  })
})
