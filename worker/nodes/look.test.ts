// What an operator is told of a nodeos that is of no use yet.
import { expect, onTestFinished, test, vi } from 'vitest'
import { createLogger } from '../../shared/logger.ts'
import type { UpstreamAnswer, UpstreamTrouble } from '../platform.ts'
import { filterConfig } from '../testing/harness.ts'
import { lookAtNodeos } from './look.ts'

const answer = (status: number, body: unknown = {}): UpstreamAnswer => ({
  status,
  headers: [],
  body: new TextEncoder().encode(JSON.stringify(body)),
})
const unreachable: UpstreamTrouble = { code: 'NODEOS_UNREACHABLE', detail: '' }
/** As Leap 4 and Spring 1 answer where http-validate-host is on. */
const badHost = answer(400, {
  code: 400,
  message: 'Disallowed HTTP HOST header in the request',
  error: { code: 400, details: [] },
})

/** Looks at a nodeos that gives these answers in turn, the last one again and again. */
function look(answers: (UpstreamAnswer | UpstreamTrouble)[], settings: object = {}) {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let config = filterConfig(settings)
  const asked: string[] = []
  const log: string[] = []
  const found = lookAtNodeos({
    config: () => config,
    ask: async ({ origin }) => {
      asked.push(origin)
      return answers.length > 1 ? answers.shift() : answers[0]
    },
    logger: createLogger({ readable: false, write: (line) => log.push(JSON.parse(line).message) }),
  })
  onTestFinished(found.stop)
  return {
    ...found,
    asked,
    log,
    configure: (next: object) => {
      config = filterConfig(next)
      found.changed()
    },
  }
}

test('nothing is said of one that answers, and it is not asked again', async () => {
  const { log, asked } = look([answer(200)])
  await vi.advanceTimersByTimeAsync(20_000)
  expect([log, asked]).toEqual([[], ['http://127.0.0.1:8888']])
})

test('one that does not answer is named once, and again when it does', async () => {
  const { log, asked } = look([unreachable, unreachable, unreachable, answer(200)])
  await vi.advanceTimersByTimeAsync(20_000)
  expect(log).toEqual([
    'nodeos at http://127.0.0.1:8888 does not answer yet; answering 503 and trying on',
    'nodeos at http://127.0.0.1:8888 answers get_info with 200',
  ])
  expect(asked).toHaveLength(4)
})

test('one that refuses the Host is told of with what is sent and the options that help', async () => {
  const { log } = look([badHost], { nodeosUrl: 'localhost' })
  await vi.advanceTimersByTimeAsync(20_000)
  expect(log).toHaveLength(1)
  for (const part of ['"Host: localhost:8888"', 'http-alias = localhost:8888', 'http-validate-host = false'])
    expect(log[0]).toContain(part)
})

test('another status is named', async () => {
  const { log } = look([answer(500), answer(200)])
  await vi.advanceTimersByTimeAsync(20_000)
  expect(log[0]).toBe('nodeos at http://127.0.0.1:8888 answers get_info with 500; trying on')
})

test('a change of the configuration has the new one looked at, and the old one no more', async () => {
  const { configure, asked } = look([unreachable])
  await vi.advanceTimersByTimeAsync(1_000)
  configure({ nodeosPort: 9999 })
  configure({ nodeosPort: 9999, maxSignatures: 3 })
  await vi.advanceTimersByTimeAsync(7_000)
  expect(asked).toEqual([
    'http://127.0.0.1:8888',
    'http://127.0.0.1:9999',
    'http://127.0.0.1:9999',
    'http://127.0.0.1:9999',
  ])
})
