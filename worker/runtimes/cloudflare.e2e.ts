// What only Cloudflare has: isolates that share bans and configuration through Durable Objects and KV, in real
// workerd, with every call of a store counted.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { FLUSH_DELAY } from '../report.ts'
import { startRelay, startUpstream, type Upstream } from './testing/endpoints.ts'
import { type Bundle, bundleWorker, type RunningWorkerd, startWorkerd, TOKEN } from './testing/runtimes.ts'

/** Seconds after which an isolate reads configuration and bans anew. */
const REFRESH = 10

const relaySecret = `whsec_${randomBytes(32).toString('base64')}`
const authorization = { authorization: `Bearer ${TOKEN}` }
let bundle: Bundle
let entry: string
let upstream: Upstream
let filter: RunningWorkerd

beforeAll(async () => {
  bundle = await bundleWorker('')
  entry = await readFile(new URL('testing/counting-entry.js', import.meta.url), 'utf8')
}, 60_000)
afterEach(async () => {
  await filter?.stop()
  upstream?.close()
})

async function start(isolates: number, config: object = {}, limit?: number) {
  upstream = await startUpstream()
  const nodeos = { nodeosUrl: '127.0.0.1', nodeosPort: upstream.port }
  filter = await startWorkerd(
    bundle,
    { config: { ...nodeos, ...config }, relaySecret },
    { isolates, entry, ...(limit && { limit }) },
  )
}

/** Answered before what is left behind is done. */
const atOnce = { 'x-at-once': 'yes' }

const ask = (isolate: number, client: string, headers: Record<string, string> = {}) =>
  filter.ask(isolate, '/v1/chain/get_info', { headers: { 'cf-connecting-ip': client, ...headers } })
const offend = (isolate: number, client: string, headers: Record<string, string> = {}) =>
  filter.ask(isolate, '/v1/chain/push_transaction', {
    method: 'POST',
    headers: { 'cf-connecting-ip': client, ...headers },
    body: '{',
  })
const operate = (isolate: number, method: string, path: string, body?: object) =>
  filter.ask(isolate, `/patroneos/${path}`, {
    method,
    headers: { ...authorization, 'content-type': 'application/json', ...atOnce },
    ...(body && { body: JSON.stringify(body) }),
  })
const set = (isolate: number, what: string) => filter.ask(isolate, `/-/set?${what}`, {})
const countsOf = async (isolate: number) =>
  (await (await filter.ask(isolate, '/-/counts', {})).json()) as Record<string, number>
const isolates = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('what an operator sees', () => {
  it('counts each request by its outcome, and writes it to the log', async () => {
    await start(1, { accessLog: { log: 'all' } })
    await ask(0, '203.0.113.9')
    await offend(0, '203.0.113.10')
    const metrics = await (await operate(0, 'GET', 'metrics')).text()
    expect(metrics).toContain('patroneos_http_requests_total{endpoint="info",outcome="success"} 1\n')
    expect(metrics).toContain('patroneos_http_requests_total{endpoint="push",outcome="rejected"} 1\n')
    expect(metrics).toContain('patroneos_http_requests_under_way 0\n')
    expect(metrics).toContain('runtime="cloudflare"')
    const lines = filter.log().match(/^203\.0\.113\.\d+ - - \[.*/gm)
    expect(lines).toHaveLength(2)
    expect(lines![1]).toMatch(/^203\.0\.113\.10 .* "POST \/v1\/chain\/push_transaction HTTP\/1\.1" 400 \d+ /)
  })

  it('has no file for the access log', async () => {
    await start(1)
    const answer = await operate(0, 'POST', 'config', { accessLog: { log: 'all', file: '/tmp/access.log' } })
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('there are no files here')
  })
})

describe('rate limits of twenty isolates', () => {
  const limit = (more: object) => ({
    rateLimits: [{ name: 'few', key: ['ip'], on: 'attempt', limit: 30, window: 60, ...more }],
  })

  it('let through exactly as many together as one would', async () => {
    await start(20, limit({}))
    const answers = await Promise.all(isolates(60).map((index) => ask(index % 20, '203.0.113.20')))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(30)
    const refused = answers.find(({ status }) => status === 429)!
    expect(refused.headers.get('ratelimit-policy')).toBe('"few";q=30;w=60')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50)
    expect((await ask(0, '203.0.113.21')).status).toBe(200)
  })

  it('know of violations that others counted', async () => {
    await start(3, limit({ on: 'violation', limit: 6 }))
    for (const index of isolates(6)) expect((await offend(index % 2, '203.0.113.22')).status).toBe(400)
    expect((await ask(2, '203.0.113.22')).status).toBe(429)
    expect((await ask(2, '203.0.113.23')).status).toBe(200)
  })
})

describe('bans of twenty isolates', () => {
  it('begin with exactly the strike that reaches the threshold, and stop all but the requests under way', async () => {
    const threshold = 60
    await start(20, { bans: { maxRetry: { malformed: threshold } } })
    const offender = '203.0.113.9'
    // Three from each at the same time, but for one that stays one short.
    const first = await Promise.all(
      isolates(threshold - 1).map(async (index) => (await offend(index % 20, offender)).status),
    )
    expect(first.every((status) => status === 400)).toBe(true)
    const passed = await Promise.all(isolates(20).map(async (index) => (await ask(index, offender)).status))
    expect(passed.every((status) => status === 200)).toBe(true)
    expect(await (await operate(0, 'GET', 'bans')).json()).toEqual([])
    expect((await offend(19, offender)).status).toBe(400)
    expect((await ask(19, offender)).status).toBe(403)
    expect(await (await operate(0, 'GET', 'bans')).json()).toMatchObject([{ network: offender, times: 1 }])

    // Without pause: each isolate has one request under way at any time, until it knows of the ban.
    let offences = 0
    await Promise.all(
      isolates(20).map(async (isolate) => {
        while ((await offend(isolate, '203.0.113.11')).status === 400) offences++
      }),
    )
    console.log(`ban at ${threshold} strikes from 20 isolates: ${offences} offences until all knew`)
    expect(offences).toBeGreaterThanOrEqual(threshold)
    expect(offences).toBeLessThanOrEqual(threshold + 19)
    const bystanders = await Promise.all(isolates(20).map((isolate) => ask(isolate, '203.0.113.10')))
    expect(bystanders.every(({ status }) => status === 200)).toBe(true)
  })

  it('reach isolates that had no part in them with their next look at the list, and so does their end', async () => {
    await start(3, { bans: { maxRetry: { malformed: 3 } } })
    const offender = '2001:db8::1'
    for (const isolate of isolates(3)) expect((await ask(isolate, offender)).status).toBe(200)
    for (const _ of isolates(3)) await offend(0, offender)
    // The list is written a second after the ban, and read by the others behind a request.
    await vi.waitUntil(async () => (await countsOf(0))['KV.put'], { timeout: 15_000 })
    await set(1, `seconds=${REFRESH}`)
    await ask(1, '203.0.113.10')
    const banned = await ask(1, '2001:db8::ffff')
    expect(banned.status).toBe(403)
    expect(Number(banned.headers.get('retry-after'))).toBeGreaterThan(200)
    // Not yet known there; it is with the first strike, whichever isolate counts it.
    expect((await ask(2, offender)).status).toBe(200)
    await offend(2, offender)
    expect((await ask(2, offender)).status).toBe(403)

    expect((await operate(1, 'DELETE', `bans/${offender}`)).status).toBe(204)
    expect((await ask(1, offender)).status).toBe(200)
    await vi.waitUntil(async () => (await countsOf(0))['KV.put']! > 1, { timeout: 15_000 })
    // An isolate that counted it believes its own count for a minute, as KV may lag behind.
    await set(2, 'seconds=61')
    await ask(2, '203.0.113.10')
    expect((await ask(2, offender)).status).toBe(200)
  })

  it('are none where the store is in trouble: requests pass, trouble is counted and said once', async () => {
    await start(1, { bans: { maxRetry: { malformed: 1 } } })
    await set(0, 'broken')
    for (const _ of isolates(5)) expect((await offend(0, '203.0.113.9')).status).toBe(400)
    expect((await ask(0, '203.0.113.9')).status).toBe(200)
    await set(0, '')
    expect(await (await operate(0, 'GET', 'metrics')).text()).toContain('patroneos_ban_store_errors_total 6')
    const lines = filter.log().match(/requests pass as if there were no ban/g)
    expect(lines).toHaveLength(1)
  })

  it('keep nobody waiting where the store hangs from the start', async () => {
    await start(1, { bans: {} })
    await set(0, 'hanging')
    // Which is longer than this test may take.
    expect((await ask(0, '203.0.113.9', atOnce)).status).toBe(200)
  })
})

describe('the configuration at the edge', () => {
  it('is changed through one isolate, seen by the others within their next look, and kept', async () => {
    await start(3)
    for (const isolate of isolates(3)) expect((await ask(isolate, '203.0.113.9')).status).toBe(200)
    const endpoints = { allow: ['/v1/chain/*'], deny: ['/v1/chain/get_info'] }
    const changed = await operate(0, 'POST', 'config', { endpoints })
    expect(await changed.json()).toMatchObject({ endpoints })
    expect((await ask(0, '203.0.113.9')).status).toBe(403)
    expect((await ask(1, '203.0.113.9')).status).toBe(200)
    await set(1, `seconds=${REFRESH}`)
    await ask(1, '203.0.113.9')
    expect((await ask(1, '203.0.113.9')).status).toBe(403)
    // The API itself is never behind: a change on top of the change, through an isolate that has not looked.
    const more = await operate(2, 'POST', 'config', { maxSignatures: 5 })
    expect(await more.json()).toMatchObject({ endpoints, maxSignatures: 5 })
    // What the earlier change left alone still follows PATRONEOS_CONFIG.
    expect(await (await operate(2, 'GET', 'config')).json()).toMatchObject({ nodeosPort: upstream.port })
  })

  it('answers as on Node: 401 without the token, 412 for an old tag, 400 for what is not allowed', async () => {
    await start(1)
    expect((await filter.ask(0, '/patroneos/config', {})).status).toBe(401)
    const headers = { ...authorization, 'content-type': 'application/json', 'if-match': '"old"' }
    expect((await filter.ask(0, '/patroneos/config', { method: 'PUT', headers, body: '{}' })).status).toBe(
      412,
    )
    const invalid = await operate(0, 'PUT', 'config', { maxSignature: 1 })
    expect(await invalid.json()).toMatchObject({
      message: 'INVALID_CONFIG',
      issues: [{ path: 'maxSignature' }],
    })
  })
})

describe('the rate limit of the location', () => {
  it('is the first line where it is bound', async () => {
    await start(1, {}, 5)
    const answers: Response[] = []
    for (const _ of isolates(6)) answers.push(await ask(0, '203.0.113.9'))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429])
    expect(answers[5]!.headers.get('retry-after')).toBe('10')
    expect((await ask(0, '203.0.113.10')).status).toBe(200)
  })
})

describe('reports from the edge', () => {
  it('are sent in batches behind the responses', async () => {
    const relay = await startRelay(relaySecret)
    onTestFinished(() => relay.close())
    await start(1, { logEndpoints: [relay.url] })
    const since = Date.now()
    await Promise.all(isolates(150).map(() => offend(0, '203.0.113.9', atOnce)))
    await vi.waitUntil(() => relay.events.length === 150, { timeout: 20_000 })
    // One for each pause at the most, so that only a busy machine, which takes seconds for them, may send more.
    expect(relay.messages.length).toBeLessThan(Math.max(15, (Date.now() - since) / FLUSH_DELAY))
  })

  it('wait for a relay that is away, without a response waiting for them', async () => {
    const relay = await startRelay(relaySecret)
    relay.close()
    await start(1, { logEndpoints: [relay.url] })
    for (const _ of isolates(20)) expect((await offend(0, '203.0.113.9', atOnce)).status).toBe(400)
    const metrics = await (await operate(0, 'GET', 'metrics')).text()
    expect(metrics).toMatch(/patroneos_reports_queued\{.*\} 20\n/)
  })
})

describe('calls of the stores', () => {
  it('follow time and violations, not requests', async () => {
    await start(1, { bans: {} })
    await ask(0, '203.0.113.9')
    let before = await countsOf(0)
    const thousand = async (query: string) => {
      const after = (await (await filter.ask(0, `/-/thousand?${query}`, {})).json()) as typeof before
      const calls = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
      before = after
      return Object.fromEntries(calls.filter(([, count]) => count > 0))
    }
    const rows = {
      '1,000 good requests of 1,000 clients, at once': await thousand('clients=1000&seconds=0'),
      '1,000 good requests of 1,000 clients, one a second': await thousand('clients=1000&seconds=1'),
      '1,000 violations of one client': await thousand('bad&clients=1&seconds=0'),
      '1,000 violations of 100 clients': await thousand('bad&clients=100&seconds=0'),
    }
    console.log(JSON.stringify(rows, null, 2))
    const [atOnce, slow, one, hundred] = Object.values(rows)
    // Two keys every ten seconds, and that only: no Durable Object, no write.
    expect({ 'KV.get': 0, ...atOnce }).toEqual({ 'KV.get': expect.toSatisfy((count) => count <= 20) })
    expect(slow).toEqual({ 'KV.get': expect.toSatisfy((count) => count >= 190 && count <= 220) })
    // Three strikes, and those under way with them.
    expect(one!['BAN_COUNTERS.strike']).toBeLessThanOrEqual(20)
    expect(one!['BAN_LIST.add']).toBe(1)
    expect(hundred!['BAN_COUNTERS.strike']).toBe(297)
    expect(hundred!['BAN_LIST.add']).toBe(99)
  })
})
