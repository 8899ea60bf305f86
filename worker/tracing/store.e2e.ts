// The span of what a request waits for a shared store.
import { expect, onTestFinished, test, vi } from 'vitest'
import { startNode } from '../runtimes/testing/runtimes.ts'
import { skipWithoutRedis } from '../store/testing/redis-server.ts'
import { configOverRedis, redisForTest } from '../store/testing/store-for-test.ts'
import { ask, nodeosForTest } from '../testing/harness.ts'
import { startCollector } from './testing/collector.ts'

test.skipIf(skipWithoutRedis('worker/tracing'))(
  'a request that Redis decides on has a span for that, with the number of keys that it was asked for',
  { timeout: 60_000 },
  async () => {
    const collector = await startCollector()
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url)
    onTestFinished(() => void vi.unstubAllEnvs())
    const redis = await redisForTest()
    const nodeos = await nodeosForTest()
    const limit = { key: ['ip'], limit: 100, window: 60 }
    const filter = await startNode({
      config: configOverRedis(nodeos.port, {
        rateLimits: [
          { ...limit, name: 'client', on: 'attempt' },
          { ...limit, name: 'path', key: ['path'], on: 'attempt' },
          { ...limit, name: 'failed', on: 'failure' },
          { ...limit, name: 'blocks', on: 'attempt', where: { paths: ['/v1/chain/get_block'] } },
        ],
      }),
      relaySecret: '',
      env: { PATRONEOS_REDIS_URL: redis.url },
    })
    onTestFinished(() => filter.stop())
    await ask(filter.port, {
      target: '/v1/chain/get_account',
      body: '{"a":1}',
      headers: ['x-forwarded-for', '203.0.113.1'],
    })
    filter.child.kill('SIGTERM')
    await filter.exit

    const { spans } = collector
    expect(spans.map(({ name }) => name).toSorted()).toEqual(['POST accounts', 'judge', 'nodeos', 'store'])
    const named = (name: string) => spans.find((span) => span.name === name)!
    const [judge, store, node] = [named('judge'), named('store'), named('nodeos')]
    expect(store).toMatchObject({
      parentSpanId: named('POST accounts').spanId,
      kind: 3,
      attributes: [
        { key: 'db.system.name', value: { stringValue: 'redis' } },
        { key: 'patroneos.store.keys', value: { intValue: 2 } },
      ],
    })
    const times = [
      judge.endTimeUnixNano,
      store.startTimeUnixNano,
      store.endTimeUnixNano,
      node.startTimeUnixNano,
    ].map(BigInt)
    expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)))
  },
)
