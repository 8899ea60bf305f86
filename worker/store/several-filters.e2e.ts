// Limits and bans of several filters over one Redis.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { packedBody } from '../testing/bodies.ts'
import { signWithWharfkit, transfer } from '../testing/clients.ts'
import { ask, nodeosForTest, type RunningFilter, startFilter } from '../testing/harness.ts'
import { answerWith, type Respond } from '../testing/nodeos-stand-in.ts'
import { skipWithoutRedis } from './testing/redis-server.ts'
import { redisForTest, storeForTest } from './testing/store-for-test.ts'

const PUSH = '/v1/chain/push_transaction'
const from = (client: string) => ['x-forwarded-for', client]
const limited = (limit: object) => ({
  rateLimits: [{ name: 'test', key: ['ip'], on: 'attempt', limit: 10, window: 60, ...limit }],
})

async function startThree(settings: object, respond?: Respond) {
  const redis = await redisForTest()
  const nodeos = await nodeosForTest(respond)
  const stores = await Promise.all([1, 2, 3].map(() => storeForTest(redis.url)))
  const filters = await Promise.all(stores.map((store) => startFilter(nodeos, settings, store)))
  return { redis, nodeos, filters }
}

const statusOf = async (filter: RunningFilter, client: string, request = {}) =>
  (await ask(filter.port, { ...request, headers: from(client) })).status

const eventually = { timeout: 20_000, interval: 50 }

describe.skipIf(skipWithoutRedis('worker/store'))('three filters over one Redis', { timeout: 60_000 }, () => {
  it('let no more through together than one alone, to the request, however fast they are asked', async () => {
    const { filters, nodeos } = await startThree(limited({ limit: 25 }))
    const statuses = await Promise.all(
      Array.from({ length: 150 }, (_, index) => statusOf(filters[index % 3]!, '203.0.113.1')),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(25)
    expect(statuses.filter((status) => status === 429)).toHaveLength(125)
    expect(nodeos.received).toHaveLength(25)
    expect(await statusOf(filters[0]!, '203.0.113.2')).toBe(200)
  })

  it('keep to a sliding window that no burst gets past, against the exact model', async () => {
    const [limit, window] = [30, 2_000]
    const { filters } = await startThree(limited({ limit, window: window / 1000 }))
    const admitted: { from: number; to: number }[] = []
    const refused: typeof admitted = []
    for (const start = performance.now(); performance.now() - start < 7_000 || refused.length <= 20; ) {
      const burst = Array.from({ length: Math.ceil(Math.random() * 1.5 * limit) }, async () => {
        const asked = performance.now()
        const status = await statusOf(filters[Math.floor(Math.random() * 3)]!, '203.0.113.1')
        const decided = { from: asked, to: performance.now() }
        ;(status === 200 ? admitted : refused).push(decided)
      })
      await Promise.all(burst)
      await sleep(Math.random() < 0.1 ? 900 : 20)
    }
    // Any window: those that were surely decided within it.
    const most = Math.max(
      ...admitted.map(
        ({ from }) => admitted.filter((other) => other.from >= from && other.to < from + window - 2).length,
      ),
    )
    expect(most).toBeLessThanOrEqual(limit)
    // All of the allowance is there to be used: nothing is refused that is not too much by the exact model. A filter may
    // know of room as much later as it was told late that there is none.
    const slack = window / 100 + Math.max(...refused.map(({ from, to }) => to - from)) + 50
    const inVain = refused.filter(
      ({ from, to }) =>
        admitted.filter((other) => other.to > from - window - slack && other.from < to).length < limit,
    )
    expect(inVain).toEqual([])
  })

  it('count a request that one limit refuses in none of the others, wherever in Redis they are', async () => {
    const { rateLimits } = limited({ limit: 2 })
    const paths = { ...rateLimits[0], name: 'paths', key: ['path'], limit: 1_000 }
    const { filters, redis } = await startThree({ rateLimits: [...rateLimits, paths] })
    const statuses: number[] = []
    for (let asked = 0; asked < 9; asked++) statuses.push(await statusOf(filters[asked % 3]!, '203.0.113.1'))
    expect(statuses.filter((status) => status === 200)).toHaveLength(2)
    const path = '/v1/chain/get_info'
    const counted = () => redis.cli('HGET', `patroneos:limit:{${path}}:60:paths:${path}`, 'sum')
    await vi.waitUntil(async () => (await counted()) === '2', eventually)
    await sleep(300)
    expect(await counted()).toBe('2')
  })

  const body = packedBody(signWithWharfkit({ actions: [transfer('alice', 'bob')] }))
  const slow: Respond = (_, outgoing) => void setTimeout(() => outgoing.end('{}'), 250)
  it.each<[string, object, object, Respond | undefined, number]>([
    [
      'failures',
      { limit: 6 },
      { target: PUSH, body },
      answerWith(500, { code: 500, error: { code: 3050003 } }),
      500,
    ],
    ['violations', { limit: 6 }, { target: PUSH, body: '{' }, undefined, 400],
    ["nodeos's time", { on: 'time', limit: 1_300 }, {}, slow, 200],
  ])('count %s together, a moment after it is known', async (_what, limit, request, respond, status) => {
    const on = status === 500 ? 'failure' : 'violation'
    const { filters } = await startThree(limited({ on, ...limit }), respond)
    const all = (wanted: object) =>
      Promise.all(filters.map((filter) => statusOf(filter, '203.0.113.1', wanted)))
    for (let round = 0; round < 2; round++) expect(await all(request)).toEqual([status, status, status])
    // Each filter alone has seen a third of what is too much together.
    await vi.waitUntil(async () => (await all({})).every((found) => found === 429), eventually)
  })

  it('ban together, and lift together', async () => {
    const { filters } = await startThree({ bans: { maxRetry: { malformed: 3 } } })
    for (const filter of filters)
      expect(await statusOf(filter, '203.0.113.1', { target: PUSH, body: '{' })).toBe(400)
    const all = () => Promise.all(filters.map((filter) => statusOf(filter, '203.0.113.1')))
    await vi.waitUntil(async () => (await all()).every((status) => status === 403), eventually)
    expect(filters.map(({ bans }) => bans.counters().inForce)).toEqual([1, 1, 1])
    expect(filters.flatMap(({ bans }) => Object.values(bans.counters().begun))).toEqual([1])
    expect(await filters[1]!.bans.list()).toMatchObject([{ network: '203.0.113.1', times: 1 }])
    expect(await filters[2]!.bans.lift('203.0.113.1' as never)).toBe(true)
    await vi.waitUntil(() => filters.every(({ bans }) => bans.counters().inForce === 0), eventually)
    expect(await all()).toEqual([200, 200, 200])
  })

  it('ban together by hand, those without a policy as well, and then keep to it', async () => {
    const redis = await redisForTest()
    const nodeos = await nodeosForTest()
    const policy = { bans: { maxRetry: { malformed: 1 } } }
    const filters = await Promise.all(
      [{}, policy, {}].map(async (settings) => startFilter(nodeos, settings, await storeForTest(redis.url))),
    )
    const [one, other] = ['203.0.113.1', '203.0.113.2'] as [never, never]
    const all = (client: string) => Promise.all(filters.map((filter) => statusOf(filter, client)))
    // A ban that comes of strikes is one of those that count them.
    expect(await statusOf(filters[1]!, other, { target: PUSH, body: '{' })).toBe(400)
    await filters[0]!.bans.ban(one, 60)
    await vi.waitUntil(async () => String(await all(one)) === '403,403,403', eventually)
    await vi.waitUntil(async () => String(await all(other)) === '200,403,200', eventually)
    expect(await filters[2]!.bans.list()).toMatchObject([{ network: one, times: 1, byHand: true }])
    // One that starts later, one whose policy is taken back, and a store that has lost all keep to it.
    filters.push(await startFilter(nodeos, {}, await storeForTest(redis.url)))
    filters[1]!.configure({ bans: null })
    await redis.cli('FLUSHALL')
    await filters[0]!.bans.list()
    expect((await filters[1]!.bans.list()).map(({ network }) => network)).toEqual([one])
    await vi.waitUntil(async () => String(await all(one)) === '403,403,403,403', eventually)
    expect(await all(other)).toEqual([200, 200, 200, 200])
    // Another one by hand takes its place, and is lifted everywhere.
    await filters[3]!.bans.ban(one, 7_200)
    await vi.waitUntil(
      () => filters.every(({ bans }) => (bans.banOf(one)?.until ?? 0) > Date.now() + 7e6),
      eventually,
    )
    expect(await filters[2]!.bans.lift(one)).toBe(true)
    await vi.waitUntil(async () => String(await all(one)) === '200,200,200,200', eventually)
  })

  it('have a filter that starts later know what is banned', async () => {
    const settings = { bans: { maxRetry: { malformed: 1 } } }
    const { filters, nodeos, redis } = await startThree(settings)
    await statusOf(filters[0]!, '2001:db8::1', { target: PUSH, body: '{' })
    await vi.waitUntil(() => filters[0]!.bans.counters().inForce === 1, eventually)
    const late = await startFilter(nodeos, settings, await storeForTest(redis.url))
    await vi.waitUntil(() => late.bans.counters().inForce === 1, eventually)
    expect(await statusOf(late, '2001:db8::2')).toBe(403)
  })

  it('ask Redis nothing for a request that no limit concerns, nor again for one that is over', async () => {
    const { filters, redis } = await startThree(
      limited({ limit: 1, where: { paths: ['/v1/chain/get_info'] } }),
    )
    const evaluated = async () =>
      Number(/cmdstat_eval(?:sha)?:calls=(\d+)/.exec(await redis.cli('INFO', 'commandstats'))?.[1] ?? 0)
    for (let asked = 0; asked < 2; asked++) await statusOf(filters[0]!, '203.0.113.1')
    const before = await evaluated()
    for (let asked = 0; asked < 20; asked++) {
      expect(await statusOf(filters[0]!, '203.0.113.1')).toBe(429)
      await statusOf(filters[0]!, '203.0.113.2', { target: '/v1/chain/get_block', body: '{}' })
    }
    expect(await evaluated()).toBe(before)
  })

  it('leave nothing in Redis that does not expire', async () => {
    const { filters, redis } = await startThree({
      ...limited({}),
      bans: { maxRetry: { malformed: 2 } },
    })
    for (const filter of filters) {
      await statusOf(filter, '203.0.113.1')
      await statusOf(filter, '203.0.113.9', { target: PUSH, body: '{' })
      await statusOf(filter, '203.0.113.8', { target: PUSH, body: '{' })
    }
    const keys = await vi.waitUntil(async () => {
      const found = (await redis.cli('KEYS', '*')).split('\n')
      return found.length >= 4 && found
    }, eventually)
    for (const key of keys) {
      expect(key).toMatch(/^patroneos:/)
      // -1: it does not expire; -2: it is gone.
      expect([key, await redis.cli('PTTL', key)]).not.toEqual([key, '-1'])
    }
  })
})
