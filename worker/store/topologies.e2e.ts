// One server behind TLS, a cluster, and a pair that sentinels watch.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { freePort } from '../../e2e/http/wire.ts'
import { startNode } from '../runtimes/testing/runtimes.ts'
import { ask, nodeosForTest, type RunningFilter, startFilter } from '../testing/harness.ts'
import { type RedisServer, skipWithoutRedis } from './testing/redis-server.ts'
import { configOverRedis, redisForTest, sentinelForTest, storeForTest } from './testing/store-for-test.ts'

const PUSH = '/v1/chain/push_transaction'
const settings = {
  rateLimits: [
    { name: 'test', key: ['ip'], on: 'attempt', limit: 4, window: 600 },
    { name: 'paths', key: ['path'], on: 'attempt', limit: 1_000, window: 600 },
  ],
  bans: { maxRetry: { malformed: 2 } },
}

const eventually = { timeout: 20_000, interval: 50 }

const statusOf = async ({ port }: { port: number }, client: string, request = {}) =>
  (await ask(port, { ...request, headers: ['x-forwarded-for', client] })).status

/** Two filters that share all they count. */
async function expectSharing(first: RunningFilter, second: RunningFilter, client: string): Promise<void> {
  const statuses: number[] = []
  for (let asked = 0; asked < 6; asked++)
    statuses.push(await statusOf(asked % 2 === 0 ? first : second, client))
  expect(statuses).toEqual([200, 200, 200, 200, 429, 429])
  for (const filter of [first, second]) await statusOf(filter, client, { target: PUSH, body: '{' })
  await vi.waitUntil(
    async () => (await statusOf(first, client)) === 403 && (await statusOf(second, client)) === 403,
    eventually,
  )
}

async function startTwo(url: string) {
  const nodeos = await nodeosForTest()
  const stores = [await storeForTest(url), await storeForTest(url)] as const
  const filters = [
    await startFilter(nodeos, settings, stores[0]),
    await startFilter(nodeos, settings, stores[1]),
  ] as const
  return { stores, filters }
}

async function clusterForTest(): Promise<RedisServer[]> {
  // Not ten thousand above the other, where others may be.
  const buses = [await freePort(), await freePort(), await freePort()]
  const servers = await Promise.all(
    buses.map((bus) =>
      redisForTest(['cluster-enabled yes', 'cluster-node-timeout 10000', `cluster-port ${bus}`]),
    ),
  )
  const [first] = servers as [RedisServer]
  for (const [index, server] of servers.entries())
    await server.cli(
      'CLUSTER',
      'ADDSLOTSRANGE',
      `${index * 5_461}`,
      `${index === 2 ? 16_383 : index * 5_461 + 5_460}`,
    )
  for (const [index, server] of servers.entries())
    await server.cli('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`)
  for (const [index, { port }] of servers.entries())
    if (index > 0) await first.cli('CLUSTER', 'MEET', '127.0.0.1', `${port}`, `${buses[index]}`)
  await vi.waitUntil(
    async () =>
      (await Promise.all(servers.map((server) => server.cli('CLUSTER', 'INFO')))).every((info) =>
        /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(info),
      ),
    eventually,
  )
  return servers
}

describe.skipIf(skipWithoutRedis('worker/store'))('filters share', { timeout: 180_000 }, () => {
  it('a cluster, keys of one script in one slot and clients over all of them', async () => {
    const servers = await clusterForTest()
    const [{ port }] = servers as [RedisServer]
    const url = servers[0]!.url.replace('redis:', 'redis-cluster:')
    expect(url).toContain(`:${port}`)
    const { stores, filters } = await startTwo(url)
    expect(stores.map(({ isHere, log }) => [isHere, log])).toEqual([
      [true, []],
      [true, []],
    ])
    for (let client = 1; client <= 5; client++) await expectSharing(...filters, `203.0.113.${client}`)
    const keys = await Promise.all(servers.map((server) => server.cli('DBSIZE')))
    expect(keys.filter((count) => Number(count) > 0).length).toBeGreaterThan(1)
    expect(stores.map(({ counters }) => counters.errors)).toEqual([0, 0])
  })

  it('a server and its replica, and go on with the replica when sentinels say so', async () => {
    const [main, replica] = [await redisForTest(), await redisForTest()]
    await replica.cli('REPLICAOF', '127.0.0.1', `${main.port}`)
    const sentinel = await sentinelForTest(main.port)
    const { stores, filters } = await startTwo(
      `redis-sentinel://patroneos:${main.password}@127.0.0.1:${sentinel.port}#main`,
    )
    expect(stores.map(({ isHere, log }) => [isHere, log])).toEqual([
      [true, []],
      [true, []],
    ])
    await expectSharing(...filters, '203.0.113.1')
    await vi.waitUntil(
      async () => (await replica.cli('EXISTS', 'patroneos:{bans}:203.0.113.1')) === '1',
      eventually,
    )
    await main.kill()
    await vi.waitUntil(() => stores.every(({ isHere }) => !isHere), eventually)
    await vi.waitUntil(() => stores.every(({ isHere }) => isHere), 60_000)
    expect(await statusOf(filters[0], '203.0.113.1')).toBe(403)
    await expectSharing(...filters, '203.0.113.2')
    expect(await replica.cli('EXISTS', 'patroneos:{bans}:203.0.113.2')).toBe('1')
  })

  it('a server behind TLS, whose certificate has to be trusted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'patroneos-tls-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-days',
          '1',
        ],
        ...[
          '-subj',
          '/CN=127.0.0.1',
          '-addext',
          'subjectAltName=IP:127.0.0.1',
          '-keyout',
          key,
          '-out',
          certificate,
        ],
      ],
      { stdio: 'ignore' },
    )
    const tlsPort = await freePort()
    const redis = await redisForTest([
      `tls-port ${tlsPort}`,
      `tls-cert-file ${certificate}`,
      `tls-key-file ${key}`,
      'tls-auth-clients no',
    ])
    const nodeos = await nodeosForTest()
    const start = async (trusted: object) => {
      const filter = await startNode({
        config: configOverRedis(nodeos.port, settings),
        relaySecret: '',
        env: {
          PATRONEOS_REDIS_URL: redis.url
            .replace('redis:', 'rediss:')
            .replace(`:${redis.port}`, `:${tlsPort}`),
        },
        ...trusted,
      })
      onTestFinished(() => filter.stop())
      return filter
    }
    const filter = await start({ certificate })
    expect(await statusOf(filter, '203.0.113.1')).toBe(200)
    const counted = 'patroneos:limit:{203.0.113.1}:600:test:203.0.113.1'
    await vi.waitUntil(async () => (await redis.cli('EXISTS', counted)) === '1', eventually)
    const distrustful = await start({})
    expect(await statusOf(distrustful, '203.0.113.2')).toBe(200)
    expect(distrustful.log()).toMatch(/the shared store is away.*self-signed certificate/)
  })
})
