// What an operator is told of clients and requests, of a real filter in front of a stand-in.
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import type { InsightAnswers } from './insight.ts'
import { packedBody } from './testing/bodies.ts'
import { signWithWharfkit, transfer } from './testing/clients.ts'
import { type Ask, ask, filterConfig, startBoth } from './testing/harness.ts'
import { answerWith, type Respond } from './testing/nodeos-stand-in.ts'
import { type TopList, topRoutes } from './top/top-api.ts'

const PUSH = '/v1/chain/push_transaction'
const ROWS = '/v1/chain/get_table_rows'
const from = (client: string, request: Ask): Ask => ({
  ...request,
  headers: ['x-forwarded-for', client, 'user-agent', 'loadtest/1', 'content-type', 'application/json'],
})
const transaction = packedBody(signWithWharfkit({ actions: [transfer('alice', 'bob')] }))
const push: Ask = { target: PUSH, body: transaction }
const scan: Ask = { target: ROWS, body: '{"code":"eosio","scope":"eosio","table":"voters"}' }

/** Fails transactions, and takes its time for reads. */
const respond: Respond = ({ target }, outgoing) => {
  if (target === PUSH) answerWith(500, { error: { code: 3050003 } })({} as never, outgoing)
  else setTimeout(() => answerWith(200, {})({} as never, outgoing), 20)
}

function api(insight: InsightAnswers) {
  const app = new Hono()
  for (const { method, path, handle } of topRoutes(insight)) app.on(method, path, handle)
  return async (target: string) => {
    const answer = await app.request(`/patroneos/${target}`)
    return { status: answer.status, body: await answer.json() }
  }
}

async function topOf(insight: InsightAnswers, of: string, by: string): Promise<TopList> {
  const { body } = await api(insight)(`top?of=${of}&by=${by}`)
  return body.lists[0]
}

describe('top lists', () => {
  test('name who violates rules, and how', async () => {
    const { filter } = await startBoth()
    for (let n = 0; n < 3; n++) await ask(filter.port, from('203.0.113.9', { target: PUSH, body: '{' }))
    await ask(filter.port, from('198.51.100.1', { target: '/v1/producer/pause' }))
    const { total, top, unit } = await topOf(filter.insight, 'networks', 'violations')
    expect({ total, unit }).toEqual({ total: 4, unit: 'requests' })
    expect(top).toEqual([
      {
        key: '203.0.113.9',
        count: 3,
        error: 0,
        share: 0.75,
        doing: [{ what: `INVALID_JSON POST ${PUSH}`, count: 3 }],
      },
      {
        key: '198.51.100.1',
        count: 1,
        error: 0,
        share: 0.25,
        doing: [{ what: 'ENDPOINT_NOT_ALLOWED GET /v1/producer/pause', count: 1 }],
      },
    ])
    expect((await topOf(filter.insight, 'agents', 'violations')).top[0]).toMatchObject({
      key: 'loadtest/1',
      count: 4,
    })
  })

  test('name whose transactions fail, by account and contract', async () => {
    const { filter } = await startBoth({}, respond)
    await ask(filter.port, from('2001:db8:1:2::9', push))
    expect((await topOf(filter.insight, 'networks', 'failures')).top).toMatchObject([
      { key: '2001:db8:1:2::/64', doing: [{ what: 'TRANSACTION_FAILED eosio.token::transfer' }] },
    ])
    expect((await topOf(filter.insight, 'accounts', 'failures')).top[0]!.key).toBe('alice')
    expect((await topOf(filter.insight, 'contracts', 'failures')).top[0]!.key).toBe('eosio.token')
  })

  test("name who uses nodeos's time, and for which table", async () => {
    const { filter } = await startBoth({}, respond)
    for (let n = 0; n < 3; n++) await ask(filter.port, from('203.0.113.9', scan))
    const { unit, top } = await topOf(filter.insight, 'networks', 'time')
    expect(unit).toBe('milliseconds')
    expect(top).toMatchObject([
      { key: '203.0.113.9', share: 1, doing: [{ what: `POST ${ROWS} eosio::voters` }] },
    ])
    expect(top[0]!.count).toBeGreaterThan(50)
    expect((await topOf(filter.insight, 'tables', 'time')).top[0]!.key).toBe('eosio::voters')
  })

  test('are empty where there is no console', async () => {
    const { filter } = await startBoth({ console: false }, respond)
    await ask(filter.port, from('203.0.113.9', { target: PUSH, body: '{' }))
    await ask(filter.port, from('203.0.113.9', push))
    await ask(filter.port, from('203.0.113.9', scan))
    const { body } = await api(filter.insight)('top')
    expect(body.lists).toHaveLength(15)
    expect(body.lists.map(({ total }: TopList) => total)).toEqual(Array(15).fill(0))
  })

  test.each([
    ['window=2m', 'window: found "2m"; allowed: 1m, 10m, 1h'],
    ['of=users', 'of: found "users"; allowed: networks, accounts, contracts, tables, agents'],
    ['by=bytes', 'by: found "bytes"; allowed: violations, failures, time'],
    ['limit=0', 'limit: found "0"; allowed: a whole number from 1 to 100'],
    ['size=1', 'parameter: found "size"; allowed: window, of, by, limit'],
  ])('refuse ?%s and say what is allowed', async (query, detail) => {
    const { filter } = await startBoth()
    const { status, body } = await api(filter.insight)(`top?${query}`)
    expect(status).toBe(400)
    expect(body).toMatchObject({ message: 'INVALID_PARAMETER', error: { what: detail } })
  })
})

describe('the last verdicts against a network', () => {
  test('have their reasons, the newest first', async () => {
    const { filter } = await startBoth({}, respond)
    await ask(filter.port, from('2001:db8:1:2::9', { target: PUSH, body: '{' }))
    await ask(filter.port, from('2001:db8:1:2::7', push))
    const { body } = await api(filter.insight)('verdicts?network=2001:db8:1:2::7')
    expect(body).toMatchObject({
      network: '2001:db8:1:2::/64',
      verdicts: [
        { client: '2001:db8:1:2::7', code: 'TRANSACTION_FAILED', request: `POST ${PUSH}`, enforced: false },
        { client: '2001:db8:1:2::9', code: 'INVALID_JSON', agent: 'loadtest/1', enforced: true },
      ],
    })
  })

  test('are bounded for each network', async () => {
    const { filter } = await startBoth()
    for (let n = 0; n < 25; n++) await ask(filter.port, from('203.0.113.9', { target: PUSH, body: '{' }))
    const { body } = await api(filter.insight)('verdicts?network=203.0.113.9')
    expect(body.verdicts).toHaveLength(20)
  })

  test('are asked for by an address only', async () => {
    const { filter } = await startBoth()
    const { status, body } = await api(filter.insight)('verdicts?network=example.com')
    expect(status).toBe(400)
    expect(body.error.what).toBe('network: found "example.com"; allowed: an address, or a network as listed')
  })
})

describe('a change', () => {
  const send = async (port: number, request: Ask) => {
    await ask(port, request)
    // Requests that follow at once are not all kept.
    await new Promise((resolve) => setTimeout(resolve, 10))
  }

  test('is tried on the last requests: what it would refuse, of whom, and why', async () => {
    const { filter } = await startBoth()
    await send(filter.port, from('203.0.113.9', push))
    await send(filter.port, from('198.51.100.1', { target: PUSH, body: '{' }))
    await send(filter.port, from('198.51.100.1', {}))
    await send(filter.port, from('198.51.100.1', { target: '/v1/producer/pause' }))
    const next = { contractBlackList: { 'eosio.token': true }, ipBlockList: ['198.51.100.0/24'] }
    const trial = await filter.insight.trial(filterConfig(next))
    expect(trial).toMatchObject({ requests: 4, before: 2, after: 4, passing: 0 })
    expect(trial.refused).toEqual([
      {
        code: 'BLACKLISTED_CONTRACT',
        requests: 1,
        networks: ['203.0.113.9'],
        request: `POST ${PUSH}`,
        detail: expect.stringContaining('eosio.token'),
      },
      {
        code: 'BLOCKED_ADDRESS',
        requests: 1,
        networks: ['198.51.100.1'],
        request: 'GET /v1/chain/get_info',
        detail: '198.51.100.1 is on the list of blocked addresses',
      },
    ])
  })

  test('that allows more is said to let requests pass', async () => {
    const { filter } = await startBoth()
    await send(filter.port, from('198.51.100.1', { target: '/v1/producer/pause' }))
    const trial = await filter.insight.trial(filterConfig({ endpoints: { allow: ['/v1/producer/*'] } }))
    expect(trial).toMatchObject({ requests: 1, before: 1, after: 0, passing: 1, refused: [] })
  })
})
