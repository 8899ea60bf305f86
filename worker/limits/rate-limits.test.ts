// Limits on the running filter, and what of a request each counts.
import { describe, expect, it, vi } from 'vitest'
import type { Address } from '../../shared/address.ts'
import type { RateLimit } from '../../shared/config/rate-limits.ts'
import { createJudge } from '../judge.ts'
import { packedBody } from '../testing/bodies.ts'
import { type ActionSpec, signWithWharfkit, transfer } from '../testing/clients.ts'
import { ask, filterConfig, startBoth } from '../testing/harness.ts'
import { answerWith } from '../testing/nodeos-stand-in.ts'
import { createBuckets } from './buckets.ts'
import { createRateLimits, type Over } from './rate-limits.ts'

const PUSH = '/v1/chain/push_transaction'
const ROWS = '/v1/chain/get_table_rows'
const base = { name: 'test', limit: 2, window: 60 }
const limited = (...rateLimits: object[]) => ({
  rateLimits: rateLimits.map((limit) => ({ ...base, ...limit })),
})
const from = (client: string) => ['x-forwarded-for', client]
const pushOf = (...actions: ActionSpec[]) => packedBody(signWithWharfkit({ actions }))

describe('attempts', () => {
  it('over a limit are 429, with when to come again and by which limit', async () => {
    const { filter, nodeos } = await startBoth(limited({ name: 'reads', key: ['ip'], on: 'attempt' }))
    for (const expected of [200, 200, 429])
      expect((await ask(filter.port, { headers: from('203.0.113.1') })).status).toBe(expected)
    const { headers, text } = await ask(filter.port, { headers: from('203.0.113.1') })
    expect(headers['ratelimit-policy']).toBe('"reads";q=2;w=60')
    expect(headers.ratelimit).toMatch(/^"reads";r=0;t=(?:59|60|61)$/)
    expect(headers.ratelimit).toContain(`t=${headers['retry-after']}`)
    expect(JSON.parse(text).error.details[0].message).toBe(
      'RATE_LIMITED: Limit "reads": 2 requests in 60 s for 203.0.113.1; at most 2 are allowed',
    )
    expect((await ask(filter.port, { headers: from('203.0.113.2') })).status).toBe(200)
    expect(nodeos.received).toHaveLength(3)
  })

  it('are those of one IPv6 /64 together', async () => {
    const { filter } = await startBoth(limited({ key: ['ip'], on: 'attempt' }))
    const statuses: number[] = []
    for (const client of ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1'])
      statuses.push((await ask(filter.port, { headers: from(client) })).status)
    expect(statuses).toEqual([200, 200, 429, 200])
  })

  it('of a trusted proxy itself are not limited by address', async () => {
    const { filter } = await startBoth(limited({ key: ['ip'], on: 'attempt' }))
    for (let asked = 0; asked < 4; asked++) expect((await ask(filter.port, {})).status).toBe(200)
  })

  it('of an address on the allow list are not limited at all', async () => {
    const { filter } = await startBoth({
      ...limited({ key: ['path'], on: 'attempt', limit: 0 }),
      ipAllowList: ['203.0.113.1'],
    })
    expect((await ask(filter.port, { headers: from('203.0.113.1') })).status).toBe(200)
    expect((await ask(filter.port, { headers: from('203.0.113.2') })).status).toBe(429)
  })

  it('are only counted with "answer": "monitor", and in monitor mode', async () => {
    for (const settings of [
      limited({ key: ['ip'], on: 'attempt', answer: 'monitor' }),
      { ...limited({ key: ['ip'], on: 'attempt' }), mode: 'monitor' },
    ]) {
      const { filter } = await startBoth(settings)
      for (let asked = 0; asked < 4; asked++)
        expect((await ask(filter.port, { headers: from('203.0.113.1') })).status).toBe(200)
      expect(filter.verdicts.counts().get('RATE_LIMITED')).toBe(2)
      expect(filter.reports).toEqual([])
    }
  })
})

describe('failures', () => {
  const failing = answerWith(500, { code: 500, error: { code: 3050003 } })

  it('beyond five a minute are refused before nodeos', async () => {
    const { filter, nodeos } = await startBoth(
      limited({ name: 'failed', key: ['ip'], on: 'failure', limit: 5 }),
      failing,
    )
    const request = { target: PUSH, body: pushOf(transfer('alice', 'bob')), headers: from('203.0.113.1') }
    const statuses: number[] = []
    for (let asked = 0; asked < 7; asked++) statuses.push((await ask(filter.port, request)).status)
    expect(statuses).toEqual([500, 500, 500, 500, 500, 429, 429])
    expect(nodeos.received).toHaveLength(5)
    expect((await ask(filter.port, { ...request, headers: from('203.0.113.2') })).status).toBe(500)
  })

  it('are counted for each authorizer', async () => {
    const { filter } = await startBoth(limited({ key: ['authorizer'], on: 'failure', limit: 1 }), failing)
    const push = async (actor: string) =>
      (await ask(filter.port, { target: PUSH, body: pushOf(transfer(actor, 'bob')) })).status
    expect([await push('alice'), await push('alice'), await push('carol')]).toEqual([500, 429, 500])
  })
})

it('violations beyond a limit have whatever else is asked refused', async () => {
  const { filter } = await startBoth(limited({ key: ['ip'], on: 'violation' }))
  const headers = from('203.0.113.1')
  const statuses: number[] = []
  for (const body of [undefined, '{', '{', undefined])
    statuses.push((await ask(filter.port, { headers, ...(body && { target: PUSH, body }) })).status)
  expect(statuses).toEqual([200, 400, 400, 429])
})

it("nodeos's time beyond a limit is refused", async () => {
  const { filter } = await startBoth(
    limited({ key: ['ip'], on: 'time', limit: 100, window: 10 }),
    (_, outgoing) => {
      setTimeout(() => outgoing.end('{}'), 70)
    },
  )
  const headers = from('203.0.113.1')
  const statuses: number[] = []
  for (let asked = 0; asked < 3; asked++) statuses.push((await ask(filter.port, { headers })).status)
  expect(statuses).toEqual([200, 200, 429])
})

it('tables are told apart, by the body of a read', async () => {
  const { filter } = await startBoth(
    limited({
      key: ['ip', 'table'],
      on: 'attempt',
      where: { tables: ['eosio::voters', 'eosio::rammarket'] },
    }),
  )
  const read = async (table: string) =>
    (
      await ask(filter.port, {
        target: ROWS,
        body: JSON.stringify({ code: 'eosio', scope: 'eosio', table }),
        headers: from('203.0.113.1'),
      })
    ).status
  const statuses: number[] = []
  for (const table of ['voters', 'voters', 'voters', 'rammarket', 'producers', 'producers', 'producers'])
    statuses.push(await read(table))
  expect(statuses).toEqual([200, 200, 429, 200, 200, 200, 200])
})

describe('the keys of a request', () => {
  const judge = createJudge(filterConfig())
  const head = { method: 'POST', target: PUSH, headers: [] }
  const { transactions } = judge.body(
    head,
    new TextEncoder().encode(pushOf(transfer('alice', 'bob'), transfer('carol', 'bob', 'other.token'))),
  )
  const facts = { client: '203.0.113.1' as Address, isOne: true, path: PUSH, transactions, tables: ['a::b'] }
  const keysOf = (limit: Partial<RateLimit>) =>
    createBuckets([{ ...base, on: 'attempt', answer: 'reject', key: ['ip'], ...limit } as RateLimit])(
      facts,
    ).map(({ key }) => key)

  it.each<[Partial<RateLimit>, string[]]>([
    [{ key: ['ip'] }, ['203.0.113.1']],
    [{ key: ['path'] }, [PUSH]],
    [{ key: ['authorizer'] }, ['alice', 'carol']],
    [{ key: ['contract'] }, ['eosio.token', 'other.token']],
    [{ key: ['action'] }, ['eosio.token::transfer', 'other.token::transfer']],
    [{ key: ['table'] }, ['a::b']],
    [{ key: ['ip', 'contract'] }, ['203.0.113.1 eosio.token', '203.0.113.1 other.token']],
    [
      { key: ['authorizer', 'contract'] },
      ['alice eosio.token', 'alice other.token', 'carol eosio.token', 'carol other.token'],
    ],
    [{ key: ['contract'], where: { contracts: ['other.token'] } }, ['other.token']],
    [{ key: ['ip'], where: { contracts: ['other.token'] } }, ['203.0.113.1']],
    [{ key: ['ip'], where: { contracts: ['third.token'] } }, []],
    [{ key: ['ip'], where: { paths: ['/v1/chain/*'], authorizers: ['alice'] } }, ['203.0.113.1']],
    [{ key: ['ip'], where: { paths: ['/v1/history/*'], authorizers: ['alice'] } }, []],
    [{ key: ['ip'], where: { actions: ['eosio.token::transfer'] } }, ['203.0.113.1']],
    [{ key: ['ip'], where: { tables: ['a::c'] } }, []],
  ])('%j: %j', (limit, keys) => {
    expect(keysOf(limit)).toEqual(keys)
  })
})

it('of several limits the longest wait is told, and a request that is refused counts in none', () => {
  vi.useFakeTimers()
  const limits = createRateLimits([
    { ...base, name: 'short', key: ['ip'], on: 'attempt', limit: 1, window: 10, answer: 'reject' },
    { ...base, name: 'long', key: ['ip'], on: 'attempt', limit: 2, window: 100, answer: 'reject' },
  ])
  const buckets = limits.concern({
    client: '203.0.113.1' as Address,
    isOne: true,
    path: '/',
    transactions: [],
    tables: [],
  })
  const waits: (number | undefined)[] = []
  for (const seconds of [0, 1, 11, 12, 90])
    waits.push((limits.attempt(buckets, seconds * 1000) as Over | undefined)?.retryAfter)
  vi.useRealTimers()
  expect(waits).toEqual([undefined, 10, undefined, 89, 11])
  expect(limits.counts()).toEqual({
    short: { rejected: 1, monitored: 0 },
    long: { rejected: 2, monitored: 0 },
  })
})
