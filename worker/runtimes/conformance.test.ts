// One suite for all runtimes: the same rejections, the same bytes to nodeos, the same reports.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ask } from '../testing/harness.ts'
import { CASE_CONFIG, type Case, cases } from './testing/cases.ts'
import { type Relay, startRelay, startUpstream, type Upstream } from './testing/endpoints.ts'
import {
  type Bundle,
  bundleWorker,
  COMPATIBILITY,
  type RunningRuntime,
  type StartRuntime,
  startBun,
  startDeno,
  startNode,
  startWorkerd,
} from './testing/runtimes.ts'

const bundled: Promise<Bundle> = bundleWorker('')
const stagingBundled = bundleWorker('staging')

const runtimes: Record<string, StartRuntime> = {
  Node: startNode,
  Bun: startBun,
  Deno: startDeno,
  Cloudflare: async (settings) => startWorkerd(await bundled, settings, { isolates: 1 }),
}

/** Case -> runtime -> whether it held; printed when all have run. */
const table = new Map<string, Record<string, string>>()
const clientOf = (index: number) => `203.0.113.${index + 1}`

describe.each(Object.entries(runtimes))('the filter on %s', (name, start) => {
  const relaySecret = `whsec_${randomBytes(32).toString('base64')}`
  let upstream: Upstream
  let relay: Relay
  let filter: RunningRuntime

  beforeAll(async () => {
    upstream = await startUpstream()
    relay = await startRelay(relaySecret)
    const config = {
      nodeosUrl: '127.0.0.1',
      nodeosPort: upstream.port,
      logEndpoints: [relay.url],
      ...CASE_CONFIG,
    }
    filter = await start({ config, relaySecret })
  }, 60_000)
  afterAll(async () => {
    await filter?.stop()
    upstream?.close()
    relay?.close()
  })

  const send = (client: string, { headers = [], ...request }: Partial<Case>) =>
    ask(filter.port, { ...request, headers: [filter.clientHeader, client, ...headers] })

  const reportsOn = (client: string) =>
    relay.events.filter(({ host }) => host === client).map(({ message }) => message)

  it.each(cases.map((one, index) => [one.what, one, clientOf(index)] as const))(
    '%s',
    async (what, expected, client) => {
      const row = table.get(what) ?? {}
      table.set(what, { ...row, [name]: 'FAILED' })
      if (expected.answer) upstream.answer(client, expected.answer)

      const answer = await send(client, expected)
      expect(answer.status).toBe(expected.status)
      if (expected.code) expect(JSON.parse(answer.text).message).toBe(expected.code)
      if (expected.text !== undefined) expect(answer.text).toBe(expected.text)
      for (const [header, value] of Object.entries(expected.answered ?? {}))
        expect(answer.headers[header], header).toBe(value)

      const received = upstream.received(client)
      expect(received.map(({ method, target, body }) => ({ method, target, body }))).toEqual(
        expected.upstream ? [expected.upstream] : [],
      )
      if (received[0]) expect(received[0].headers.host).toBe(`127.0.0.1:${upstream.port}`)
      for (const [header, value] of Object.entries(expected.upstreamHeaders ?? {}))
        expect(received[0]!.headers[header], header).toBe(value)
      table.set(what, { ...row, [name]: 'ok' })
    },
  )

  it('reports each verdict once, in signed messages of many', async () => {
    const expected = cases.map(({ reports = [] }) => reports)
    const total = expected.flat().length
    await vi.waitUntil(() => relay.events.length >= total, { timeout: 20_000 })
    expect(cases.map((_, index) => reportsOn(clientOf(index)))).toEqual(expected)
    expect(relay.events).toHaveLength(total)
    expect(relay.messages.length).toBeLessThan(total)
  })

  it('takes a change of its configuration at once, bans by it, and lifts the bans with it', async () => {
    const offender = '198.51.100.1'
    const bystander = '198.51.100.2'
    const offence = { target: '/v1/chain/push_transaction', body: '{' }
    const invalid = await filter.operate('POST', 'config', { bans: { maxRetry: { malformed: -1 } } })
    expect([invalid.status, ((await invalid.json()) as { message: string }).message]).toEqual([
      400,
      'INVALID_CONFIG',
    ])
    expect((await filter.operate('POST', 'config', { bans: { maxRetry: { malformed: 3 } } })).status).toBe(
      200,
    )
    for (let strikes = 0; strikes < 3; strikes++) expect((await send(offender, offence)).status).toBe(400)
    await vi.waitUntil(async () => (await send(offender, {})).status === 403, 10_000)
    const answer = await send(offender, {})
    expect(JSON.parse(answer.text).message).toBe('BANNED')
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(200)
    expect((await send(bystander, {})).status).toBe(200)
    const listed = await filter.operate('GET', 'bans')
    expect(await listed.json()).toMatchObject([{ network: offender, times: 1 }])
    expect((await filter.operate('POST', 'config', { bans: null })).status).toBe(200)
    await vi.waitUntil(async () => (await send(offender, {}).catch(() => answer)).status === 200, 10_000)
  })

  it('answers 503 with Retry-After where nodeos does not, without a strike', async () => {
    const client = '198.51.100.3'
    expect((await filter.operate('POST', 'config', { nodeosPort: 1 })).status).toBe(200)
    const answer = await send(client, {})
    expect([answer.status, JSON.parse(answer.text).message]).toEqual([503, 'NODEOS_UNREACHABLE'])
    expect(answer.headers['retry-after']).toBe('1')
    expect((await filter.operate('POST', 'config', { nodeosPort: upstream.port })).status).toBe(200)
    expect((await send(client, {})).status).toBe(200)
    expect(reportsOn(client)).toEqual([])
  })

  it('keeps a dead node out of the way of clients, and answers 503 at once where all are dead', async () => {
    const client = '198.51.100.6'
    // A name with two addresses, at one of which nobody listens.
    const origin = `http://localhost:${upstream.port}`
    const dead = { name: 'dead', url: 'http://127.0.0.1:1' }
    const nodes = [{ name: 'good', url: origin }, dead]
    const configured = await filter.operate('POST', 'config', {
      nodes,
      healthInterval: 1,
      balance: 'round-robin',
    })
    expect(configured.status).toBe(200)
    const statuses: number[] = []
    for (let index = 0; index < 20; index++) statuses.push((await send(client, {})).status)
    expect(statuses).toEqual(Array(20).fill(200))
    // Where nothing runs between requests, requests bring the looks.
    const stateOf = async () => {
      await send(client, {})
      const listed = (await (await filter.operate('GET', 'nodes')).json()) as {
        name: string
        state: string
      }[]
      return Object.fromEntries(listed.map(({ name: node, state }) => [node, state]))
    }
    await vi.waitFor(async () => expect(await stateOf()).toEqual({ good: 'in', dead: 'out' }), 10_000)
    const metrics = await (await filter.operate('GET', 'metrics')).text()
    expect(metrics).toContain('patroneos_node_in{node="dead"} 0')
    expect(metrics).toContain('patroneos_node_in{node="good"} 1')
    expect((await filter.operate('POST', 'config', { nodes: [dead] })).status).toBe(200)
    await vi.waitFor(async () => {
      const answer = await send(client, {})
      expect(JSON.parse(answer.text).error.details[0].message).toContain('No node is fit to answer')
    }, 10_000)
    expect((await filter.operate('POST', 'config', { nodes: [] })).status).toBe(200)
    expect((await send(client, {})).status).toBe(200)
    expect(reportsOn(client)).toEqual([])
  })

  it('has its console where it has a config listener, every screen, the first one live', async () => {
    const paths = ['', '/console/offenders', '/console/network?network=198.51.100.1', '/console/nodes']
    paths.push('/console/relays', '/console/limits', '/console/configuration')
    const pages = await Promise.all(paths.map((path) => filter.operate('GET', `../patroneos${path}`)))
    const status = name === 'Cloudflare' ? 404 : 200
    expect(pages.map((page) => page.status)).toEqual(paths.map(() => status))
    const texts = await Promise.all(pages.map((page) => page.text()))
    if (status === 404) return
    for (const [at, text] of texts.entries()) expect(text, paths[at]).toMatch(/<h1>.*<\/main>/s)
    const live = await filter.operate('GET', 'console/live?screen=/patroneos')
    const reader = live.body!.getReader()
    const { value } = await reader.read()
    expect(new TextDecoder().decode(value)).toMatch(/^event: screen\ndata: <h1>Now /)
    await reader.cancel()
  })

  it('forwards no path but the one that it judged, however that was written', async () => {
    const targets = [
      '/v1/chain/./push_block',
      '/v1/chain/%2e%2e/producer/pause',
      '/v1/chain/../producer/pause',
    ]
    for (const target of [...targets, '/v1/chain\\..\\producer\\pause', '/v1/chain/push_block#'])
      expect((await send('198.51.100.4', { target })).status, target).not.toBe(200)
    // A broken transaction, so that it is refused wherever the path is taken for the one that carries it.
    const answer = await send('198.51.100.4', { target: '/v1/chain/./push_transaction', body: '{"a":1}' })
    expect([400, 403]).toContain(answer.status)
    expect(upstream.received('198.51.100.4')).toEqual([])
  })

  it('lets no body of a GET reach nodeos unjudged', async () => {
    const client = '198.51.100.5'
    await send(client, { method: 'GET', target: '/v1/chain/push_transaction', body: '{"a":1}' })
    for (const { body } of upstream.received(client)) expect(body).toBe('')
    expect((await send(client, {})).status).toBe(200)
  })
})

describe('wrangler', () => {
  it('bundles the Worker and its staging environment, at most 150 kB of them compressed', async () => {
    const { gzipped } = await bundled
    expect(Number.parseFloat(gzipped)).toBeLessThan(150)
    expect((await stagingBundled).gzipped).toBe(gzipped)
  })

  it('is told the compatibility date and flags that are tested here', async () => {
    const toml = await readFile(new URL('../../wrangler.toml', import.meta.url), 'utf8')
    expect(toml).toContain(`compatibility_date = "${COMPATIBILITY.date}"`)
    expect(toml).toContain(`compatibility_flags = ${JSON.stringify(COMPATIBILITY.flags)}`)
  })
})

afterAll(() => {
  const names = Object.keys(runtimes)
  const lines = [...table].map(([what, row]) =>
    [what.padEnd(76), ...names.map((name) => (row[name] ?? '-').padEnd(11))].join(''),
  )
  console.log([['case'.padEnd(76), ...names.map((name) => name.padEnd(11))].join(''), ...lines].join('\n'))
})
