// The pool against a real HAProxy with the shipped configuration, on loopback.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createHaproxyProcess,
  type HaproxyProcess,
  skipWithoutHaproxy,
} from '../docker/haproxy/testing/haproxy-process.ts'
import { freePort } from '../e2e/http/wire.ts'
import { createLogger } from '../shared/logger.ts'
import { createFilterPool, type FilterPool, type FilterPoolConfig } from './haproxy.ts'
import { haproxyFamilies } from './haproxy-metrics.ts'
import { createFilter, type Filter, get } from './testing/behind-haproxy.ts'
import { createRelayProcess } from './testing/relay-process.ts'

describe.skipIf(skipWithoutHaproxy('relay/haproxy.ts'))('filters in HAProxy', { timeout: 30_000 }, () => {
  let directory: string
  let haproxy: HaproxyProcess
  let socket: string
  let port: number
  let pool: FilterPool
  let log: string[]
  let cleanUp: (() => unknown)[]

  beforeEach(async () => {
    cleanUp = []
    directory = mkdtempSync(join(tmpdir(), 'patroneos-haproxy-'))
    haproxy = await createHaproxyProcess(directory)
    ;({ socket, port } = haproxy)
    log = []
    pool = createFilterPool({
      logger: createLogger({ readable: true, write: (line) => log.push(line) }),
      interval: 100,
      settleTime: 2500,
      drainTime: 2000,
    })
  })

  afterEach(async () => {
    await pool.close()
    await haproxy.stop()
    for (const end of cleanUp) await end()
    rmSync(directory, { recursive: true })
  })

  const startHaproxy = async (firstFilter: Filter) => {
    await haproxy.start({ PATRONEOS_FILTER: firstFilter.address })
    await until(() => get(port).then(({ status }) => status === 200))
  }

  async function startFilter(delay = 0): Promise<Filter> {
    const filter = await createFilter(delay)
    cleanUp.push(filter.stop)
    return filter
  }

  const config = (...filters: (Filter | string)[]): FilterPoolConfig => ({
    haproxySocket: socket,
    haproxyBackend: 'filters',
    filterEndpoints: filters.map((filter) => (typeof filter === 'string' ? filter : filter.url)),
  })

  it('adds a filter that then takes traffic, and keeps the one that HAProxy began with', async () => {
    const [a, b] = [await startFilter(), await startFilter()]
    await startHaproxy(a)
    expect(await pool.apply(config(a, b))).toEqual([])
    expect(await answering(port)).toEqual(new Set([a.name, b.name]))
  })

  it('tells Prometheus of its servers and of its certificate', async () => {
    const [a, b] = [await startFilter(), await startFilter()]
    await startHaproxy(a)
    await pool.apply(config(a, b))
    const settings = { haproxySocket: socket, haproxyBackend: 'filters' }
    const text = (await haproxyFamilies(settings)).join('')
    expect(text).toContain('patroneos_relay_haproxy_up 1\n')
    expect(text).toContain('patroneos_relay_haproxy_servers{state="up"} 2\n')
    const [, expiry] = /_certificate_expiry_timestamp_seconds\{certificate="\/.*"\} (\d+)\n/.exec(text)!
    expect(Number(expiry)).toBeGreaterThan(Date.now() / 1000)
    await haproxy.stop()
    expect((await haproxyFamilies(settings)).join('')).toMatch(/^patroneos_relay_haproxy_up 0$/m)
  })

  it('adds and removes under load without a failed request, and requests under way end well', async () => {
    const [a, b] = [await startFilter(300), await startFilter(300)]
    await startHaproxy(a)
    const load = startLoad(port, 50)
    await sleep(500)
    expect(await pool.apply(config(a, b))).toEqual([])
    await sleep(500)
    expect(await pool.apply(config(b))).toEqual([])
    await until(async () => (await servers(socket)).length === 1)
    await a.stop()
    await sleep(500)
    const results = await load.stop()
    expect(results.length).toBeGreaterThan(50)
    expect(results.filter((status) => status !== 200)).toEqual([])
    expect(await answering(port)).toEqual(new Set([b.name]))
  })

  it('sends no request to an added filter that is not healthy, names it, and takes it in when it is', async () => {
    const a = await startFilter()
    await startHaproxy(a)
    const later = await freePort()
    const [problem, ...others] = await pool.apply(config(a, `http://127.0.0.1:${later}`))
    expect(problem).toContain(`http://127.0.0.1:${later}: health check failed`)
    expect(others).toEqual([])
    expect(await answering(port)).toEqual(new Set([a.name]))
    const b = await createFilter(0, later)
    cleanUp.push(b.stop)
    await until(async () => (await answering(port)).size === 2)
    expect(log.join('')).toContain('in force again')
  })

  it('keeps the filters in use while no listed one is healthy', async () => {
    const a = await startFilter()
    await startHaproxy(a)
    const problems = await pool.apply(config(`http://127.0.0.1:${await freePort()}`))
    expect(problems.join()).toContain('no listed filter takes traffic yet')
    expect(await answering(port)).toEqual(new Set([a.name]))
  })

  it('leaves HAProxy alone when the list is empty', async () => {
    const a = await startFilter()
    await startHaproxy(a)
    expect(await pool.apply(config())).toEqual([])
    expect(await answering(port)).toEqual(new Set([a.name]))
  })

  it('sets a restarted HAProxy right again', async () => {
    const [a, b] = [await startFilter(), await startFilter()]
    await startHaproxy(a)
    expect(await pool.apply(config(b))).toEqual([])
    await until(async () => (await servers(socket)).length === 1)
    await haproxy.stop()
    await until(() => log.some((line) => line.includes('not reached')))
    await startHaproxy(a)
    await until(async () => (await answering(port)).has(b.name) && (await servers(socket)).length === 1)
    expect(await answering(port)).toEqual(new Set([b.name]))
    expect(log.join('')).toContain('HAProxy was restarted')
  })

  it('says that the socket is gone, and applies the list once it is back', async () => {
    const [a, b] = [await startFilter(), await startFilter()]
    await startHaproxy(a)
    await haproxy.stop()
    expect((await pool.apply(config(a, b))).join()).toContain(`HAProxy: not reached at ${socket}`)
    await startHaproxy(a)
    await until(async () => (await answering(port)).size === 2)
  })

  it('names an unknown backend, a name without address and an https address, and applies the rest', async () => {
    const [a, b] = [await startFilter(), await startFilter()]
    await startHaproxy(a)
    const problems = await pool.apply(config(a, b, 'http://no-such-host.invalid:1', 'https://127.0.0.1:2'))
    expect(problems).toHaveLength(2)
    expect(problems.join()).toContain('http://no-such-host.invalid:1: ')
    expect(problems.join()).toContain('https://127.0.0.1:2: not used')
    expect(await answering(port)).toEqual(new Set([a.name, b.name]))
    expect((await pool.apply({ ...config(a), haproxyBackend: 'nowhere' })).join()).toContain(
      'backend nowhere',
    )
  })

  it('cuts what still runs on a removed filter after the time to drain', async () => {
    const [a, b] = [await startFilter(60_000), await startFilter()]
    await startHaproxy(b)
    expect(await pool.apply(config(a, b))).toEqual([])
    const stuck = startLoad(port, 20)
    await until(async () => (await servers(socket)).some((line) => sessionsOf(line) > 0))
    await pool.apply(config(b))
    await until(async () => (await servers(socket)).length === 1, 10_000)
    await stuck.stop()
  })

  it('adds an IPv6 filter', async () => {
    const a = await startFilter()
    await startHaproxy(a)
    const b = await createFilter(0, 0, '::1')
    cleanUp.push(b.stop)
    expect(await pool.apply(config(a, b))).toEqual([])
    expect(await answering(port)).toEqual(new Set([a.name, b.name]))
    expect(await pool.apply(config(a))).toEqual([])
    await until(async () => (await servers(socket)).length === 1)
  })

  it('is what the relay does at its start and on each change of its configuration', async () => {
    const [a, b, c] = [await startFilter(), await startFilter(), await startFilter()]
    await startHaproxy(a)
    const relay = await createRelayProcess(
      directory,
      { ...config(a, b), logFileLocation: join(directory, 'fail2ban.log') },
      { PATRONEOS_RELAY_SECRET: '' },
    )
    await relay.start()
    cleanUp.push(relay.stop)
    await until(async () => (await answering(port)).size === 2)

    const nobody = `http://127.0.0.1:${await freePort()}`
    const change = (filterEndpoints: string[]) =>
      fetch(`${relay.configUrl()}/patroneos/config`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ filterEndpoints }),
      })
    const partly = await change([b.url, c.url, nobody])
    expect(partly.status).toBe(200)
    expect(partly.headers.get('x-patroneos-warning')).toContain(`${nobody}: health check failed`)
    expect(await answering(port)).toEqual(new Set([b.name, c.name]))
    const wholly = await change([c.url])
    expect(wholly.headers.get('x-patroneos-warning')).toBeNull()
    await until(async () => (await servers(socket)).length === 1)
    expect(await relay.stop()).toBe(0)
    expect(await answering(port)).toEqual(new Set([c.name]))
  })

  it('can be handed an HAProxy that refuses', async () => {
    writeFileSync(join(directory, 'not-a-socket'), '')
    const a = await startFilter()
    await startHaproxy(a)
    const refused = await pool.apply({ ...config(a), haproxySocket: join(directory, 'not-a-socket') })
    expect(refused.join()).toContain('HAProxy: not reached')
  })
})

/** Names of the filters that answer twenty requests. */
async function answering(port: number): Promise<Set<string>> {
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(port)))
  return new Set(answers.map(({ filter }) => filter))
}

function startLoad(port: number, perSecond: number): { stop: () => Promise<number[]> } {
  const under: Promise<number>[] = []
  const timer = setInterval(() => {
    under.push(
      get(port).then(
        ({ status }) => status,
        () => 0,
      ),
    )
  }, 1000 / perSecond)
  return {
    stop: () => {
      clearInterval(timer)
      return Promise.race([Promise.all(under), sleep(5000).then(() => [])])
    },
  }
}

async function servers(socketPath: string): Promise<string[]> {
  const socket = connect(socketPath)
  socket.write('show stat filters 4 -1\n')
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('filters,'))
}

function sessionsOf(line: string): number {
  return Number(line.split(',')[4])
}

async function until(condition: () => unknown, time = 8000): Promise<void> {
  const deadline = Date.now() + time
  for (;;) {
    const holds = await Promise.resolve()
      .then(condition)
      .catch(() => false)
    if (holds) return
    if (Date.now() > deadline) throw new Error(`not true within ${time} ms: ${condition}`)
    await sleep(50)
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}
