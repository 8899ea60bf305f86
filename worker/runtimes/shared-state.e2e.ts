// The filter as a program over Redis: on each runtime, and in several processes on Node.
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { skipWithoutRedis } from '../store/testing/redis-server.ts'
import { configOverRedis, redisForTest } from '../store/testing/store-for-test.ts'
import { ask, nodeosForTest } from '../testing/harness.ts'
import { type RunningProgram, type StartProgram, startBun, startDeno, startNode } from './testing/runtimes.ts'

const PUSH = '/v1/chain/push_transaction'
const eventually = { timeout: 20_000, interval: 50 }

async function startOver(url: string | undefined, start: StartProgram, settings: object = {}) {
  const nodeos = await nodeosForTest()
  const filter = await start({
    config: configOverRedis(nodeos.port, {
      storePrefix: 'patroneos',
      rateLimits: [
        {
          name: 'test',
          key: ['ip'],
          on: 'attempt',
          limit: 6,
          window: 600,
          where: { paths: ['/v1/chain/get_info'] },
        },
      ],
      bans: { maxRetry: { malformed: 3 } },
      ...settings,
    }),
    relaySecret: '',
    ...(url !== undefined && { env: { PATRONEOS_REDIS_URL: url } }),
  })
  onTestFinished(() => filter.stop())
  return filter
}

const statusOf = async (filter: RunningProgram, client: string, request = {}) =>
  (await ask(filter.port, { ...request, headers: ['x-forwarded-for', client] })).status
const unlimited = { target: '/v1/chain/get_producers', body: '{}' }
const malformed = { target: PUSH, body: '{' }

/** How many requests at most a filter has decided by its own counts: on a busy machine an answer may be late. */
async function decidedAlone(filter: RunningProgram): Promise<number> {
  const results = ['late', 'errors', 'unasked']
  const counts = results.map((result) =>
    metric(filter, `patroneos_store_asked_total\\{result="${result}"\\}`),
  )
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}

const isUp = (filter: RunningProgram) =>
  vi.waitUntil(async () => (await metric(filter, 'patroneos_store_up')) === 1, eventually)

async function metric(filter: RunningProgram, name: string): Promise<number> {
  const text = await (await filter.operate('GET', 'metrics')).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
}

describe.skipIf(skipWithoutRedis('worker/runtimes'))('over Redis, the filter', { timeout: 120_000 }, () => {
  it.each<[string, StartProgram, object]>([
    ['Node', startNode, {}],
    ['Node, in two processes', startNode, { workers: 2 }],
    ['Bun', startBun, {}],
    ['Deno', startDeno, {}],
  ])(
    'on %s shares limits and bans with another one, and goes on by itself',
    async (_name, start, settings) => {
      const redis = await redisForTest()
      const [filter, other] = await Promise.all([
        startOver(redis.url, start, settings),
        startOver(redis.url, startNode),
      ])
      await Promise.all([isUp(filter), isUp(other)])
      const statuses: number[] = []
      for (let asked = 0; asked < 10; asked++)
        statuses.push(await statusOf(asked % 2 === 0 ? filter : other, '203.0.113.1'))
      const alone = (await decidedAlone(filter)) + (await decidedAlone(other))
      const admitted = statuses.filter((status) => status === 200).length
      expect(admitted).toBeGreaterThanOrEqual(6)
      expect(admitted).toBeLessThanOrEqual(6 + alone)

      await Promise.all([isUp(filter), isUp(other)])
      for (const each of [filter, other, filter]) await statusOf(each, '203.0.113.2', malformed)
      const everywhere = (status: number) =>
        vi.waitUntil(async () => {
          const answers = await Promise.all(
            [filter, filter, filter, filter, other].map((each) => statusOf(each, '203.0.113.2', unlimited)),
          )
          return answers.every((answer) => answer === status)
        }, eventually)
      await everywhere(403)
      expect((await other.operate('DELETE', 'bans/203.0.113.2')).status).toBe(204)
      await everywhere(200)

      await redis.kill()
      for (let asked = 0; asked < 6; asked++) expect(await statusOf(filter, '203.0.113.3')).toBe(200)
      await vi.waitUntil(async () => (await metric(filter, 'patroneos_store_up')) === 0, eventually)
      expect(filter.log()).toContain('the shared store is away')
      for (let strikes = 0; strikes < 3; strikes++) await statusOf(filter, '203.0.113.4', malformed)
      await redis.start()
      await isUp(filter)
      await vi.waitUntil(async () => (await statusOf(other, '203.0.113.4')) === 403, eventually)

      filter.child.kill('SIGTERM')
      expect(await filter.exit).toBe(0)
    },
  )

  it('without bans of its own keeps to those by hand, in all of its processes, and to no others', async () => {
    const redis = await redisForTest()
    const striking = await startOver(redis.url, startNode, { bans: { maxRetry: { malformed: 1 } } })
    const alone = await startOver(redis.url, startNode, { bans: null })
    const several = await startOver(redis.url, startNode, { bans: null, workers: 2 })
    const filters = [striking, alone, several, several, several, several]
    const statuses = async (client: string) =>
      String(await Promise.all(filters.map((each) => statusOf(each, client, unlimited))))
    const becomes = (client: string, expected: string) =>
      vi.waitUntil(async () => (await statuses(client)) === expected, eventually)
    await statusOf(striking, '203.0.113.5', malformed)
    // As the console and `patroneos bans` send it.
    const banned = await alone.operate('POST', 'bans', { client: '203.0.113.6', seconds: 600 })
    expect([banned.status, await banned.json()]).toMatchObject([201, { byHand: true }])
    await becomes('203.0.113.6', '403,403,403,403,403,403')
    await becomes('203.0.113.5', '403,200,200,200,200,200')
    const listed = await (await several.operate('GET', 'bans')).json()
    expect(listed).toMatchObject([{ network: '203.0.113.6', byHand: true }])
    expect((await several.operate('DELETE', 'bans/203.0.113.6')).status).toBe(204)
    await becomes('203.0.113.6', '200,200,200,200,200,200')
  })

  it('does not start without saying where Redis is, and does not show its password', async () => {
    await expect(startOver('', startNode)).rejects.toThrow(
      'store is \\"redis\\", and PATRONEOS_REDIS_URL is not set',
    )
    const wrong = startOver('redis://patroneos:hunter2@host:0', startNode)
    await expect(wrong).rejects.toThrow('PATRONEOS_REDIS_URL: not hosts with ports')
    await expect(wrong).rejects.toThrow(/^(?!.*hunter2)/s)
  })

  it('warns of a change with which it would not start again', async () => {
    const filter = await startOver('', startNode, { store: 'memory' })
    const answer = await filter.operate('POST', 'config', { store: 'redis' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-patroneos-restart-required')).toBe('store')
    expect(filter.log()).not.toContain('away')
    expect(answer.headers.get('x-patroneos-warning')).toContain('PATRONEOS_REDIS_URL is not set')
  })
})
