// What a check says is what the filter does, and why.

import { PackedTransaction } from '@wharfkit/antelope'
import { describe, expect, test } from 'vitest'
import { parseCheckRequest, type WholeRequest } from '../../shared/check-request.ts'
import { filterConfigSchema } from '../../shared/config/filter.ts'
import { createConfigApi } from '../../shared/config-api.ts'
import { memoryConfigStore } from '../../shared/config-store.ts'
import { strikeClassOf, violations } from '../../shared/violations.ts'
import { Nodes } from '../nodes/nodes.ts'
import { signWithWharfkit, transfer } from '../testing/clients.ts'
import { ask, filterConfig, startBoth } from '../testing/harness.ts'
import { rejectedAlone } from '../testing/rejected.ts'
import { silentLogger } from '../testing/silent.ts'
import { FROM, wholeOf } from '../testing/whole-request.ts'
import { loadAddressLists } from './address-lists.ts'
import { type CheckResult, checkRequest } from './check.ts'
import { checkRoutes } from './check-api.ts'

async function check(request: WholeRequest, settings: object = {}): Promise<CheckResult> {
  const config = filterConfig(settings)
  return checkRequest(config, request, { addresses: (await loadAddressLists(config)).lists })
}

describe('a request that the filter rejects', () => {
  test.each(rejectedAlone)('$what: $code', async ({ ask: request, settings, code, reported, detail }) => {
    const told = reported ?? code
    const strike = strikeClassOf(told)
    const found = await check(wholeOf(request), settings)
    expect(found).toMatchObject({
      verdict: 'reject',
      violation: {
        code,
        status: violations[code].status,
        detail,
        reported: strike === null ? null : told,
        strike,
      },
      forwarded: null,
      answer: { status: violations[code].status, headers: { 'x-rejected-by': 'patroneos' } },
    })
    // The last step taken is the one that decides, and no other one does.
    expect(found.steps.map(({ result }) => result).indexOf('rejected')).toBe(found.steps.length - 1)
    expect(found.steps.at(-1)?.detail).toBe(detail)
  })

  test.each(rejectedAlone)(
    '$what is forwarded all the same in monitor mode',
    async ({ ask: request, ...row }) => {
      const found = await check(wholeOf(request), { ...row.settings, mode: 'monitor' })
      expect(found).toMatchObject({
        verdict: 'forward',
        mode: 'monitor',
        violation: { code: row.code, detail: row.detail },
        forwarded: { rebuilt: false },
      })
    },
  )
})

const packed = PackedTransaction.fromSigned(signWithWharfkit({ actions: [transfer('alice', 'bob')] }), 1)
const push = wholeOf({ target: '/v1/chain/push_transaction?x=1', body: JSON.stringify(packed) })

test('a request that passes: what the node gets is what it gets of the filter', async () => {
  const { nodeos, filter } = await startBoth()
  await ask(filter.port, { target: push.target, body: push.body })
  const { forwarded, verdict, violation, transactions, steps } = await check(push)
  const [received] = nodeos.received
  expect({ verdict, violation }).toEqual({ verdict: 'forward', violation: null })
  expect(forwarded).toMatchObject({
    method: received!.method,
    path: received!.target,
    bodyBytes: Buffer.byteLength(received!.body),
    rebuilt: true,
    headers: { 'x-forwarded-for': FROM },
  })
  expect(transactions).toMatchObject([
    { id: String(packed.getTransaction().id), actions: [{ account: 'eosio.token' }] },
  ])
  expect(steps.map(({ step }) => step)).toEqual([
    'client',
    'endpoint',
    'headers',
    'bodySize',
    'json',
    'transactionCount',
    'transactions',
    'transactionSize',
    'signatures',
    'contracts',
    'actions',
    'authorizers',
    'actionCount',
    'authorizationCount',
    'unpacked',
    'authorized',
    'expiration',
  ])
  expect(steps.filter(({ result }) => result === 'off').map(({ step }) => step)).toEqual([
    'contracts',
    'actions',
    'authorizers',
    'actionCount',
    'authorizationCount',
  ])
})

test('a transaction expires by the time at which its request came', async () => {
  const later = Date.now() + 3_600_000
  expect((await check({ ...push, time: later })).violation?.code).toBe('EXPIRED_TRANSACTION')
})

test('what the filter answers itself is neither forwarded nor rejected', async () => {
  const health = wholeOf({ target: '/patroneos/health' })
  expect(await check(health)).toMatchObject({ verdict: 'answer', violation: null, answer: { status: 200 } })
})

test('of several nodes, one that serves the path', async () => {
  const nodes = [
    { name: 'api', url: 'http://10.0.0.1:8888', serves: ['read'] },
    { name: 'push', url: 'http://10.0.0.2:8888', serves: ['push'] },
  ]
  expect((await check(push, { nodes })).forwarded).toMatchObject({
    node: 'push',
    url: 'http://10.0.0.2:8888',
  })
})

test('names the rate limits in which it counts', async () => {
  const rateLimits = [
    {
      name: 'transfers',
      key: ['ip'],
      on: 'attempt',
      limit: 1,
      window: 60,
      where: { contracts: ['eosio.token'] },
    },
    {
      name: 'reads',
      key: ['ip'],
      on: 'attempt',
      limit: 1,
      window: 60,
      where: { paths: ['/v1/chain/get_info'] },
    },
  ]
  expect((await check({ ...push, from: '192.0.2.1' }, { rateLimits })).rateLimits).toEqual(['transfers'])
})

describe('POST /patroneos/check', () => {
  const serve = (settings: object = {}) => {
    const nodes = new Nodes({ logger: silentLogger })
    const store = memoryConfigStore(filterConfig(settings), () => {}, 'a test')
    nodes.configure(store.current())
    const ban = { network: '203.0.113.9', until: Date.now() + 60_000, times: 1 }
    const routes = checkRoutes({ config: store.current, nodes, bans: { list: async () => [ban] } })
    const app = createConfigApi({ schema: filterConfigSchema, store, token: 'secret', routes })
    return (body: unknown, headers: Record<string, string> = {}) =>
      app.request('http://127.0.0.1/patroneos/check', {
        method: 'POST',
        headers: { authorization: 'Bearer secret', 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
  }
  const request = { path: '/v1/chain/push_transaction', body: JSON.parse(JSON.stringify(packed)) }

  test('answers as the check of a configuration does', async () => {
    const settings = { contractBlackList: { 'eosio.token': true } }
    const answer = await serve(settings)(request)
    expect(answer.status).toBe(200)
    const parsed = parseCheckRequest(request)
    if ('issues' in parsed) throw new Error('not parsed')
    expect(await answer.json()).toEqual(JSON.parse(JSON.stringify(await check(parsed.request, settings))))
  })

  test('knows the bans in force', async () => {
    const answer = await serve({ bans: {} })({ ...request, from: '203.0.113.9' })
    expect(await answer.json()).toMatchObject({ verdict: 'reject', violation: { code: 'BANNED' } })
  })

  test.each([
    ['no JSON', '{', 400, 'the body must be a JSON object'],
    ['no path', {}, 400, 'path: found ""; allowed: a path and query such as /v1/chain/get_info'],
    [
      'an unknown key',
      { path: '/', target: '/' },
      400,
      'target: found an unknown key; allowed: body, bodyBase64',
    ],
    ['no address', { path: '/', from: 'me' }, 400, 'from: found "me"; allowed: an IP address'],
    ['no time', { path: '/', time: 'now' }, 400, 'time: found "now"; allowed: a time such as'],
  ])('refuses %s, and says what is allowed', async (_what, body, status, detail) => {
    const answer = await serve()(body)
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(JSON.stringify(detail).slice(1, -1))
  })

  test('takes JSON only, and the token', async () => {
    expect((await serve()(request, { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await serve()(request, { authorization: 'Bearer wrong' })).status).toBe(401)
  })
})
