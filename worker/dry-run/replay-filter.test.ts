// What a log would have come to: limits and bans by the times of its requests.
import { describe, expect, test } from 'vitest'
import { createAddressLists } from '../addresses/lists.ts'
import { filterConfig } from '../testing/harness.ts'
import { wholeOf } from '../testing/whole-request.ts'
import { createReplayFilter, type LoggedRequest } from './replay-filter.ts'

const START = Date.parse('2026-11-23T16:20:00Z')
const FAILED = { status: 500, body: Buffer.from('{"error":{"code":3050003}}') }
const SUCCESS = { status: 202, body: Buffer.from('{}') }

interface Spec extends Partial<LoggedRequest> {
  /** Seconds from the start; null for a request without a time. */
  at: number | null
  from?: string
  target?: string
  body?: string
}

function logged({
  at,
  from = '203.0.113.9',
  target = '/v1/chain/get_account',
  body,
  ...facts
}: Spec): LoggedRequest {
  const time = at === null ? undefined : START + at * 1000
  const request = { ...wholeOf({ target, ...(body !== undefined && { body }) }), from, time }
  return { request, lacksBody: false, ...facts }
}

async function replay(settings: object, specs: readonly Spec[]) {
  const config = filterConfig(settings)
  const addresses = createAddressLists()
  addresses.configure(config)
  const filter = createReplayFilter(config, addresses)
  const codes: (string | undefined)[] = []
  for (const spec of specs) codes.push((await filter.run(logged(spec))).violation?.code)
  return { codes, ...(await filter.finish()) }
}

const limit = (more: object) => ({
  rateLimits: [{ name: 'a', key: ['ip'], on: 'attempt', limit: 2, window: 60, ...more }],
})
const push = { target: '/v1/chain/send_transaction', lacksBody: true, found: null }

describe('a limit', () => {
  test('on attempts goes by the times of the requests, and by client', async () => {
    const specs = [{ at: 0 }, { at: 1 }, { at: 2 }, { at: 3, from: '203.0.113.10' }, { at: 61 }, { at: 61 }]
    const { codes, limits, late } = await replay(limit({}), specs)
    expect(codes).toEqual([undefined, undefined, 'RATE_LIMITED', undefined, undefined, 'RATE_LIMITED'])
    expect(limits).toEqual([{ name: 'a', rejected: 2, watched: 0, unjudged: {} }])
    expect(late).toBe(0)
  })

  test('that only watches rejects nobody', async () => {
    const { codes, limits } = await replay(limit({ answer: 'monitor' }), [{ at: 0 }, { at: 0 }, { at: 0 }])
    expect(codes).toEqual([undefined, undefined, undefined])
    expect(limits).toMatchObject([{ rejected: 0, watched: 1 }])
  })

  test('on failures goes by what nodeos answered, once it had', async () => {
    const specs = [
      { ...push, at: 0, answer: FAILED, duration: 5_000 },
      { ...push, at: 1, answer: FAILED, duration: 1_000 },
      // Both are known from here on.
      { ...push, at: 4, answer: SUCCESS },
      { ...push, at: 6, answer: SUCCESS },
      { ...push, at: 70 },
    ]
    const { codes, limits } = await replay(limit({ on: 'failure' }), specs)
    expect(codes).toEqual([undefined, undefined, undefined, 'RATE_LIMITED', undefined])
    expect(limits).toMatchObject([{ rejected: 1, unjudged: { answer: 1 } }])
  })

  test("on time goes by nodeos's time, and says where that is not known", async () => {
    const specs = [{ at: 0, nodeosTime: 80 }, { at: 1, nodeosTime: 40 }, { at: 2 }, { at: 61 }]
    const { codes, limits } = await replay(limit({ on: 'time', limit: 100 }), specs)
    expect(codes).toEqual([undefined, undefined, 'RATE_LIMITED', undefined])
    expect(limits).toMatchObject([{ unjudged: { nodeosTime: 1 } }])
  })

  test('on violations counts what the log says of bodies that it does not hold', async () => {
    const found = { code: 'INVALID_JSON', detail: 'The body is not one JSON text' } as const
    const bad = { ...push, found }
    const { codes } = await replay(limit({ on: 'violation' }), [
      { ...bad, at: 0 },
      { ...bad, at: 1 },
      { at: 2 },
    ])
    expect(codes).toEqual(['INVALID_JSON', 'INVALID_JSON', 'RATE_LIMITED'])
  })

  test('that looks into bodies says how many it did not see', async () => {
    const { limits } = await replay(limit({ key: ['contract'] }), [
      { ...push, at: 0 },
      { at: 0 },
      { ...push, at: 0, target: '/v1/producer/pause' },
    ])
    expect(limits).toMatchObject([{ rejected: 0, unjudged: { body: 1 } }])
  })

  test('does not count requests without a time, and says so', async () => {
    const specs = [{ at: null }, { at: null }, { at: null }]
    const { codes, limits } = await replay(limit({}), specs)
    expect(codes).toEqual([undefined, undefined, undefined])
    expect(limits).toMatchObject([{ unjudged: { time: 3 } }])
  })
})

describe('bans', () => {
  const bans = {
    bans: { findTime: 60, banTime: 300, maxBanTime: 3600, maxRetry: { malformed: 2, failed: 2 } },
  }
  const junk = { target: '/v1/chain/send_transaction', body: '{' }

  test('begin with strikes and end by the time of the log', async () => {
    const specs = [
      { ...junk, at: 0 },
      { ...junk, at: 10 },
      { at: 11 },
      { at: 11, from: '203.0.113.10' },
      { at: 309 },
      { at: 311 },
    ]
    const { codes, bans: found } = await replay(bans, specs)
    expect(codes).toEqual(['INVALID_JSON', 'INVALID_JSON', 'BANNED', undefined, 'BANNED', undefined])
    expect(found).toEqual({
      begun: 1,
      first: [{ network: '203.0.113.9', class: 'malformed', at: START + 10_000, seconds: 300 }],
      unjudged: {},
    })
  })

  test('begin with failures, with what was no request, and in mode "monitor" as well', async () => {
    const specs = [
      { ...push, at: 0, answer: FAILED },
      { ...push, at: 1, answer: FAILED },
      { at: 2 },
      { at: 3, from: '203.0.113.10', refused: { status: 400, detail: 'No Host' } },
      { at: 3, from: '203.0.113.10', refused: { status: 400, detail: 'No Host' } },
      { at: 4, from: '203.0.113.10' },
      { ...push, at: 5, from: '203.0.113.11' },
      { ...push, at: 5, from: '203.0.113.12', found: undefined, answer: SUCCESS },
    ]
    const { codes, bans: found } = await replay({ ...bans, mode: 'monitor' }, specs)
    expect(codes.slice(0, 6)).toEqual([
      undefined,
      undefined,
      'BANNED',
      'INVALID_HTTP',
      'INVALID_HTTP',
      'BANNED',
    ])
    expect(found).toMatchObject({ begun: 2, unjudged: { answer: 1, body: 1 } })
  })

  test('do not concern an address that is let through', async () => {
    const settings = { ...bans, ipAllowList: ['203.0.113.9/32'] }
    const { codes } = await replay(settings, [{ ...junk, at: 0 }, { ...junk, at: 1 }, { at: 2 }])
    expect(codes).toEqual(['INVALID_JSON', 'INVALID_JSON', undefined])
  })
})

test('the clock never goes back', async () => {
  const { codes, late } = await replay(limit({}), [{ at: 100 }, { at: 100 }, { at: 10 }, { at: 99.5 }])
  expect(codes).toEqual([undefined, undefined, 'RATE_LIMITED', 'RATE_LIMITED'])
  expect(late).toBe(1)
})
