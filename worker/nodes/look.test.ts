// What an operator is told of a node that is of no use.
import { expect, onTestFinished, test, vi } from 'vitest'
import { createLogger } from '../../shared/logger.ts'
import type { UpstreamAnswer, UpstreamTrouble } from '../platform.ts'
import { filterConfig } from '../testing/harness.ts'
import { infoBody, lookAnswer } from '../testing/nodes.ts'
import { Looks } from './look.ts'
import { Nodes } from './nodes.ts'

const refused: UpstreamTrouble = {
  code: 'NODEOS_UNREACHABLE',
  detail: '',
  ended: 'unconnected',
  reason: 'connect ECONNREFUSED',
}
const late: UpstreamTrouble = { code: 'NODEOS_TIMEOUT', detail: '', ended: 'late' }
/** As Leap 4 and Spring 1 answer where http-validate-host is on. */
const badHost = lookAnswer(400, {
  code: 400,
  message: 'Disallowed HTTP HOST header in the request',
  error: { code: 400, details: [] },
})
const good = () => lookAnswer(200, infoBody({}))

/** Looks at a nodeos that gives these answers in turn, the last one again and again. */
function look(answers: (() => UpstreamAnswer | UpstreamTrouble)[], settings: object = {}) {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let config = filterConfig(settings)
  const asked: string[] = []
  const log: string[] = []
  const logger = createLogger({ readable: false, write: (line) => log.push(JSON.parse(line).message) })
  const nodes = new Nodes({ logger })
  const looks = new Looks({
    nodes,
    config: () => config,
    ask: async ({ origin, health }) => {
      asked.push(origin + health)
      return (answers.length > 1 ? answers.shift() : answers[0])!()
    },
  })
  looks.start()
  onTestFinished(() => looks.stop())
  return {
    looks,
    asked,
    log,
    configure: (next: object) => {
      config = filterConfig(next)
      looks.start()
    },
  }
}

test('nothing is said of an only node that answers, and it is not asked again until it fails a request', async () => {
  const { log, asked, looks } = look([good])
  await vi.advanceTimersByTimeAsync(50_000)
  expect([log, asked]).toEqual([[], ['http://127.0.0.1:8888/v1/chain/get_info']])
  await looks.soon('nodeos')
  await vi.advanceTimersByTimeAsync(50_000)
  expect(asked).toHaveLength(2)
})

test('those of a list are looked at once an interval', async () => {
  const { log, asked } = look([good], { nodes: [{ name: 'a', url: 'http://10.0.0.1:8888' }] })
  await vi.advanceTimersByTimeAsync(50_000)
  expect(log).toEqual([])
  expect(asked.length).toBeGreaterThanOrEqual(10)
  expect(asked.length).toBeLessThanOrEqual(12)
})

test('one that does not answer is named once, and again when it does', async () => {
  const { log, asked } = look([() => refused, () => refused, good])
  await vi.advanceTimersByTimeAsync(22_000)
  expect(log).toEqual([
    'nodeos is out: http://127.0.0.1:8888 does not answer (connect ECONNREFUSED); requests are still sent to it, as there is no other',
    'nodeos is in',
  ])
  expect(asked.length).toBeGreaterThanOrEqual(3)
})

test('one that refuses the Host is told of with what is sent and the options that help', async () => {
  const { log } = look([() => badHost], { nodeosUrl: 'localhost' })
  await vi.advanceTimersByTimeAsync(20_000)
  expect(log).toHaveLength(1)
  for (const part of ['"Host: localhost:8888"', 'http-alias = localhost:8888', 'http-validate-host = false'])
    expect(log[0]).toContain(part)
})

const trouble: [string, () => UpstreamAnswer | UpstreamTrouble, string][] = [
  ['another status', () => lookAnswer(500, {}), 'answers /v1/chain/get_info with 500'],
  ['no answer in time', () => late, 'no answer to /v1/chain/get_info in time'],
  ['an old head block', () => lookAnswer(200, infoBody({ age: 14 })), 'head block 14 s old'],
]
test.each(trouble)('%s is named', async (_what, answer, reason) => {
  const { log } = look([answer])
  await vi.advanceTimersByTimeAsync(20_000)
  expect(log).toHaveLength(1)
  expect(log[0]).toContain(`nodeos is out: ${reason}`)
})

test('a change of the configuration has the new one looked at, and the old one no more', async () => {
  const { configure, asked } = look([() => refused])
  await vi.advanceTimersByTimeAsync(1_000)
  configure({ nodeosPort: 9999 })
  await vi.advanceTimersByTimeAsync(1)
  configure({ nodeosPort: 9999, maxSignatures: 3 })
  await vi.advanceTimersByTimeAsync(6_000)
  expect(asked[0]).toContain(':8888')
  expect(asked.slice(1).every((url) => url.includes(':9999'))).toBe(true)
  expect(asked.length).toBeGreaterThan(3)
})
