import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Address } from '../shared/address.ts'
import { createLogger } from '../shared/logger.ts'
import { createEdgeReporter } from './report-edge.ts'

const host = '203.0.113.9' as Address
const secrets = [
  await crypto.subtle.importKey('raw', new Uint8Array(32), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]),
]

/** A reporter to one relay, unsigned and so of one event a message unless it has a key, with what the relay was sent and a way to say what it answers. */
function edgeReporter(answer: () => Promise<Response>, keys: CryptoKey[] = []) {
  const sent: { id: string; events: number }[] = []
  const send = async (_url: unknown, init?: RequestInit) => {
    const id = new Headers(init!.headers).get('webhook-id')!
    sent.push({ id, events: [JSON.parse(init!.body as string)].flat().length })
    return answer()
  }
  const reporter = createEdgeReporter({
    secrets: keys,
    logger: createLogger({ readable: false, write: () => {} }),
    send: send as typeof fetch,
    now: Date.now,
  })
  reporter.setRelays(['http://relay.example'])
  /** As a request does that has something to report. */
  const violate = () => {
    reporter.report(host, 'INVALID_JSON')
    return reporter.idle()
  }
  return { ...reporter, sent, violate, counted: () => Object.values(reporter.counters())[0]! }
}

const taken = async () => new Response('{}')
const away = async (): Promise<Response> => Promise.reject(new Error('connection refused'))

describe('reports from the edge', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('gather for a moment and are sent by one of the requests', async () => {
    const reporter = edgeReporter(taken, secrets)
    const requests = Array.from({ length: 250 }, () => reporter.violate())
    expect(reporter.sent).toEqual([])
    await vi.advanceTimersByTimeAsync(200)
    await Promise.all(requests)
    expect(reporter.sent.map(({ events }) => events)).toEqual([100, 100, 50])
    expect(reporter.counted()).toMatchObject({ sent: 250, queued: 0 })
  })

  it('are sent again under the same id until they are taken, by the next request if the first has no time left', async () => {
    let answer = away
    const reporter = edgeReporter(() => answer())
    const first = reporter.violate()
    await vi.advanceTimersByTimeAsync(60_000)
    await first
    const attempts = reporter.sent.length
    expect(attempts).toBeGreaterThan(3)
    expect(attempts).toBeLessThanOrEqual(40)
    expect(reporter.isWaiting()).toBe(true)
    answer = taken
    const next = reporter.idle()
    await vi.advanceTimersByTimeAsync(200)
    await next
    expect(new Set(reporter.sent.map(({ id }) => id)).size).toBe(1)
    expect(reporter.counted()).toMatchObject({ sent: 1, queued: 0 })
  })

  it('do not wait for ever for a request that was cut off while it sent them', async () => {
    let answer: () => Promise<Response> = () => new Promise(() => {})
    const reporter = edgeReporter(() => answer())
    void reporter.violate()
    await vi.advanceTimersByTimeAsync(1_000)
    answer = taken
    await reporter.violate()
    expect(reporter.sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(5_000)
    const next = reporter.violate()
    await vi.advanceTimersByTimeAsync(200)
    await next
    // The message that was under way, which the relay knows by its id if it had it, and what came since.
    expect(reporter.sent).toHaveLength(4)
    expect(reporter.sent[1]!.id).toBe(reporter.sent[0]!.id)
    expect(reporter.counted()).toMatchObject({ sent: 3, queued: 0 })
  })

  it('are bounded: the oldest go', async () => {
    const reporter = edgeReporter(away)
    for (let count = 0; count < 10_001; count++) reporter.report(host, 'INVALID_JSON')
    expect(reporter.counted()).toMatchObject({ dropped: 1_000, queued: 9_001 })
  })

  it('that the relay refuses are not sent again', async () => {
    const reporter = edgeReporter(async () => new Response('no', { status: 400 }))
    const request = reporter.violate()
    await vi.advanceTimersByTimeAsync(30_000)
    await request
    expect(reporter.sent).toHaveLength(1)
    expect(reporter.counted()).toMatchObject({ refused: 1, queued: 0 })
  })
})
