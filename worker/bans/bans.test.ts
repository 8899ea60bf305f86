// Bans as clients and operators meet them, through the filter on Node.
import net from 'node:net'
import { describe, expect, it } from 'vitest'
import { filterConfigSchema } from '../../shared/config/filter.ts'
import { createConfigApi } from '../../shared/config-api.ts'
import { memoryConfigStore } from '../../shared/config-store.ts'
import { packedBody } from '../testing/bodies.ts'
import { signWithWharfkit, transfer } from '../testing/clients.ts'
import { ask, filterConfig, startBoth } from '../testing/harness.ts'
import { answerWith } from '../testing/nodeos-stand-in.ts'
import { bansRoutes, handBanRoute } from './bans-api.ts'

const push = '/v1/chain/push_transaction'
const from = (client: string) => ['x-forwarded-for', client]
const offend = { target: push, body: '{' }
const packed = JSON.parse(packedBody(signWithWharfkit({ actions: [transfer('alice', 'bob')] })))
const failed = { error: { code: 3050003 } }

describe('a client that is banned', () => {
  it('is answered 403 BANNED with Retry-After before its body is read; others go on', async () => {
    const { nodeos, filter } = await startBoth({ bans: { maxRetry: { malformed: 3 } } })
    for (let strikes = 0; strikes < 3; strikes++) {
      const { status, text } = await ask(filter.port, { ...offend, headers: from('203.0.113.9') })
      expect([status, JSON.parse(text).message]).toEqual([400, 'INVALID_JSON'])
    }
    const socket = net.connect(filter.port, '127.0.0.1')
    // A body is announced and never sent.
    socket.write(
      `POST ${push} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\nContent-Length: 99\r\n\r\n`,
    )
    const answer = await new Promise<string>((resolve) =>
      socket.once('data', (data) => resolve(String(data))),
    )
    socket.destroy()
    expect(answer).toMatch(/^HTTP\/1\.1 403 /)
    expect(answer).toMatch(/\r\nretry-after: (?:300|299)\r\n/i)
    expect(answer).toMatch(/\r\nx-rejected-by: patroneos\r\n/i)
    expect(answer).toContain('"message":"BANNED"')
    expect((await ask(filter.port, { headers: from('203.0.113.10') })).status).toBe(200)
    expect(nodeos.received).toHaveLength(1)
    // Neither its requests nor the ban itself are reported: the relays have had the strikes.
    expect(filter.reports).toHaveLength(3)
    expect(filter.log.filter((line) => line.includes('"message":"banned"'))).toHaveLength(1)
    expect(filter.verdicts.counts().get('BANNED')).toBe(1)
  })

  it('is shut out at accept after its second such request, where it connects itself', async () => {
    const { filter } = await startBoth({ bans: { maxRetry: { malformed: 1 } }, trustedProxies: [] })
    expect((await ask(filter.port, offend)).status).toBe(400)
    for (const _ of [1, 2]) {
      const { status, headers } = await ask(filter.port, {})
      expect([status, headers.connection]).toEqual([403, 'close'])
    }
    await expect(ask(filter.port, {})).rejects.toThrow(/socket hang up|ECONNRESET/)
    filter.configure({ bans: null, trustedProxies: [] })
    expect((await ask(filter.port, {})).status).toBe(200)
  })

  it('does not close the connection of a proxy, which others share', async () => {
    const { filter } = await startBoth({ bans: { maxRetry: { malformed: 1 } } })
    await ask(filter.port, { ...offend, headers: from('203.0.113.9') })
    for (const _ of [1, 2, 3]) {
      const { status, headers } = await fetch(filter.url, { headers: { 'x-forwarded-for': '203.0.113.9' } })
      expect([status, headers.get('connection')]).toEqual([403, 'keep-alive'])
    }
  })

  it('is not the proxy that names nobody', async () => {
    const { filter } = await startBoth({ bans: { maxRetry: { malformed: 1 } } })
    for (const headers of [[], from('unknown'), from('127.0.0.2')])
      for (const _ of [1, 2]) expect((await ask(filter.port, { ...offend, headers })).status).toBe(400)
  })
})

describe('a ban', () => {
  it('comes of transactions that failed through their sender, each counted', async () => {
    const { filter } = await startBoth({ bans: { maxRetry: { failed: 2 } } }, answerWith(500, failed))
    const request = { target: push, headers: from('203.0.113.9'), body: JSON.stringify(packed) }
    expect((await ask(filter.port, request)).status).toBe(500)
    expect((await ask(filter.port, request)).status).toBe(500)
    expect((await ask(filter.port, request)).status).toBe(403)
    expect(filter.reports.map(({ code }) => code)).toEqual(['TRANSACTION_FAILED', 'TRANSACTION_FAILED'])
  })

  it.each([
    ['without a policy', {}],
    ['in monitor mode', { mode: 'monitor', bans: { maxRetry: { endpoints: 1 } } }],
  ])('does not come %s', async (_case, settings) => {
    const { filter } = await startBoth(settings)
    for (let left = 30; left > 0; left--)
      await ask(filter.port, { target: '/v1/producer/pause', headers: from('203.0.113.9') })
    const { status } = await ask(filter.port, { headers: from('203.0.113.9') })
    expect(status).toBe(200)
  })

  it('does not come of trouble with nodeos, and a 429 or 503 passes with its Retry-After', async () => {
    for (const status of [429, 503]) {
      const { filter } = await startBoth(
        { bans: { maxRetry: { failed: 1, endpoints: 1, malformed: 1 } } },
        answerWith(status, {}, { 'retry-after': '7' }),
      )
      for (const target of [push, '/v1/chain/get_info'])
        for (const _ of [1, 2]) {
          const body = target === push ? JSON.stringify(packed) : '{}'
          const answer = await ask(filter.port, { target, headers: from('203.0.113.9'), body })
          expect([answer.status, answer.headers['retry-after']]).toEqual([status, '7'])
        }
      expect(filter.reports).toEqual([])
    }
  })
})

describe('an operator', () => {
  it('sees the bans and lifts one by hand', async () => {
    const { filter } = await startBoth({ bans: { maxRetry: { malformed: 1 } } })
    const store = memoryConfigStore(filterConfig(), () => {}, '')
    const routes = bansRoutes(filter.bans)
    const api = createConfigApi({ schema: filterConfigSchema, store, token: 'letmein', routes })
    const call = async (method: string, path = '', token = 'letmein') => {
      const response = await api.request(`http://localhost/patroneos/bans${path}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
      })
      const text = await response.text()
      return { status: response.status, body: text && JSON.parse(text) }
    }
    for (const client of ['203.0.113.9', '2001:db8::5'])
      await ask(filter.port, { ...offend, headers: from(client) })

    expect((await call('GET', '', 'guess')).status).toBe(401)
    const { body } = await call('GET')
    expect(body).toMatchObject([
      { network: '203.0.113.9', times: 1 },
      { network: '2001:db8:0:0::/64', times: 1 },
    ])
    expect(Date.parse(body[0].until)).toBeGreaterThan(Date.now())
    expect(await call('DELETE', '/203.0.113.9')).toEqual({ status: 204, body: '' })
    expect((await ask(filter.port, { headers: from('203.0.113.9') })).status).toBe(200)
    expect((await call('DELETE', '/203.0.113.9')).body.message).toBe('NOT_BANNED')
    expect((await call('DELETE', `/${body[1].network}`)).status).toBe(204)
    expect((await call('DELETE', '/example.com')).body.message).toBe('INVALID_ADDRESS')
    expect((await call('GET')).body).toEqual([])
  })

  it('bans by hand, with or without a policy, for as long as wanted', async () => {
    const { filter } = await startBoth()
    const config = filterConfig({ ipAllowList: ['192.0.2.0/24'] })
    const store = memoryConfigStore(config, () => {}, '')
    const routes = [...bansRoutes(filter.bans), handBanRoute(filter.bans, store.current)]
    const api = createConfigApi({ schema: filterConfigSchema, store, routes })
    const post = async (body: unknown) => {
      const response = await api.request('http://localhost/patroneos/bans', {
        method: 'POST',
        headers: { 'content-type': 'application/json', host: 'localhost' },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: await response.json() }
    }
    const banned = await post({ client: '203.0.113.9', seconds: 60 })
    expect(banned).toMatchObject({ status: 201, body: { network: '203.0.113.9' } })
    expect(Date.parse(banned.body.until) - Date.now()).toBeLessThanOrEqual(60_000)
    const { status, headers } = await ask(filter.port, { headers: from('203.0.113.9') })
    expect([status, headers['retry-after']]).toEqual([403, '60'])
    // Another change of the configuration leaves it in force.
    filter.configure({ maxSignatures: 5 })
    expect((await ask(filter.port, { headers: from('203.0.113.9') })).status).toBe(403)
    const longer = await post({ client: '203.0.113.9', seconds: 7200 })
    expect(Date.parse(longer.body.until) - Date.now()).toBeGreaterThan(7_000_000)
    expect((await post({ client: '2001:db8::5' })).body.network).toBe('2001:db8:0:0::/64')
    filter.configure({ mode: 'monitor' })
    expect((await ask(filter.port, { headers: from('203.0.113.9') })).status).toBe(200)

    const refused = async (body: unknown) => (await post(body)).body.error.what
    expect(await refused({ client: 'example.com' })).toBe(
      'client: allowed: an address, or a network as listed',
    )
    expect(await refused({ client: '203.0.113.9', seconds: 0 })).toBe(
      'seconds: allowed: a whole number from 1 to 31536000 (seconds)',
    )
    expect(await refused({ client: '127.0.0.1' })).toBe(
      '127.0.0.1 is among trustedProxies, which are never banned',
    )
    expect(await refused({ client: '192.0.2.1' })).toBe('192.0.2.1 is on ipAllowList, which is never banned')
  })

  it('is told what a policy may hold', async () => {
    const api = createConfigApi({
      schema: filterConfigSchema,
      store: memoryConfigStore(filterConfig(), () => {}, ''),
    })
    const post = async (bans: unknown) => {
      const response = await api.request('http://localhost/patroneos/config', {
        method: 'POST',
        headers: { 'content-type': 'application/json', host: 'localhost' },
        body: JSON.stringify({ bans }),
      })
      return (await response.json()) as { bans?: unknown; issues?: unknown }
    }
    expect((await post({ maxRetry: { spam: 1 } })).issues).toEqual([
      {
        path: 'bans.maxRetry.spam',
        found: 'an unknown key',
        allowed: 'batch, contracts, endpoints, failed, malformed, reads, signatures, size',
      },
    ])
    expect((await post({ bantime: 1 })).issues).toMatchObject([
      { path: 'bans.bantime', allowed: 'banTime, findTime, maxBanTime, maxRetry' },
    ])
    expect((await post({ maxRetry: { failed: 5 } })).bans).toEqual({
      findTime: 60,
      maxRetry: {
        malformed: 3,
        signatures: 3,
        contracts: 3,
        size: 3,
        batch: 3,
        endpoints: 20,
        reads: 20,
        failed: 5,
      },
      banTime: 300,
      maxBanTime: 604_800,
    })
    expect((await post(null)).bans).toBeNull()
  })
})
