// The spans of a request, as a collector of OpenTelemetry gets them from each runtime.
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createLogger } from '../../shared/logger.ts'
import { startBun, startDeno, startNode } from '../runtimes/testing/runtimes.ts'
import { ask, nodeosForTest } from '../testing/harness.ts'
import { loadTracing } from './load.ts'
import { type Span, startCollector } from './testing/collector.ts'

const PATH = '/v1/chain/get_account'
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const traceparent = (flags: string) => ['traceparent', `00-${TRACE}-00f067aa0ba902b7-${flags}`]

describe.each(Object.entries({ Node: startNode, Bun: startBun, Deno: startDeno }))(
  'on %s',
  (_name, start) => {
    test('a request that is sampled is a span below its client’s, with the judging and the node below it', async () => {
      const collector = await startCollector()
      vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url)
      vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test')
      onTestFinished(() => void vi.unstubAllEnvs())
      const nodeos = await nodeosForTest()
      const filter = await start({
        config: { nodeosUrl: '127.0.0.1', nodeosPort: nodeos.port, fairness: {}, cache: { paths: {} } },
        relaySecret: '',
      })
      onTestFinished(() => filter.stop())
      await ask(filter.port, { target: PATH, body: '{"a":1}', headers: traceparent('01') })
      await ask(filter.port, { target: PATH, body: '{"a":2}', headers: traceparent('00') })
      filter.child.kill('SIGTERM')
      await filter.exit

      const { spans } = collector
      expect(spans.map(({ name }) => name).toSorted()).toEqual(['POST accounts', 'judge', 'nodeos'])
      const [server, judge, node] = ['POST accounts', 'judge', 'nodeos'].map(
        (name) => spans.find((span) => span.name === name)!,
      )
      expect(server).toMatchObject({ traceId: TRACE, parentSpanId: '00f067aa0ba902b7', kind: 2 })
      for (const child of [judge!, node!])
        expect(child).toMatchObject({ traceId: TRACE, parentSpanId: server!.spanId })
      const time = ({ startTimeUnixNano, endTimeUnixNano }: Span) => [
        BigInt(startTimeUnixNano),
        BigInt(endTimeUnixNano),
      ]
      const times = [time(server!)[0], time(judge!)[0], time(judge!)[1], time(node!)[0], time(node!)[1]]
      expect(times).toEqual(times.toSorted((a, b) => (a! < b! ? -1 : 1)))
      expect(Math.abs(Number(times[0]! / 1_000_000n) - Date.now())).toBeLessThan(60_000)
      const attributes = Object.fromEntries(
        server!.attributes.map(({ key, value }) => [key, Object.values(value)[0]]),
      )
      expect(attributes).toMatchObject({
        'http.request.method': 'POST',
        'url.path': PATH,
        'http.response.status_code': 200,
        'client.address': '127.0.0.1',
        'patroneos.outcome': 'success',
      })
      expect(collector.resources[0]).toContain('patroneos-filter')
      expect(collector.resources[0]).toContain('deployment.environment.name')
      // What is not sampled is passed on as it came.
      expect(
        nodeos.received.filter(({ target }) => target === PATH).map(({ headers }) => headers.traceparent),
      ).toEqual([`00-${TRACE}-${server!.spanId}-01`, traceparent('00')[1]])
    })
  },
)

describe('tracing', () => {
  const logger = createLogger({ readable: false, write: () => {} })

  test('is nothing where no endpoint is set', async () => {
    expect(await loadTracing({}, logger)).toBeUndefined()
    const disabled = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' }
    expect(await loadTracing(disabled, logger)).toBeUndefined()
  })

  test.each([
    [{ OTEL_TRACES_SAMPLER: 'sometimes' }, 'OTEL_TRACES_SAMPLER: found "sometimes"; allowed: always_on,'],
    [
      { OTEL_TRACES_SAMPLER: 'parentbased_constructor' },
      'OTEL_TRACES_SAMPLER: found "parentbased_constructor"',
    ],
    [{ OTEL_TRACES_SAMPLER_ARG: '2' }, 'OTEL_TRACES_SAMPLER_ARG: found "2"; allowed: a number from 0 to 1'],
  ])('refuses %j', async (environment, message) => {
    const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', ...environment }
    await expect(loadTracing(settings, logger)).rejects.toThrow(message)
  })

  test('samples by its own choice where it is told to, whatever a client says', async () => {
    const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_SAMPLER: 'always_off' }
    const tracing = await loadTracing(settings, logger)
    onTestFinished(() => tracing!.close())
    const request = { method: 'GET', target: '/', headers: traceparent('01'), began: 0 }
    expect(tracing!.begin(request)).toBeUndefined()
  })
})
