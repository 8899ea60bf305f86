// Several workers on one port, as an operator meets them: one program that is started, changed, restarted and ended.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Ask, ask, nodeosForTest } from '../testing/harness.ts'
import { answerWith, type Respond } from '../testing/nodeos-stand-in.ts'
import { infoBody } from '../testing/nodes.ts'

const PROGRAM = join(import.meta.dirname, 'node.ts')
const push = '/v1/chain/push_transaction'
const eventually = { timeout: 60_000, interval: 20 }

interface Running {
  child: ChildProcess
  port: number
  configUrl: string
  log(): string
  /** Process ids of the workers that live. */
  workers(): number[]
  exit: Promise<number | null>
}

async function startProgram(settings: object): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'patroneos-workers-'))
  const file = join(folder, 'config.json')
  writeFileSync(file, JSON.stringify(settings))
  const child = spawn(process.execPath, [PROGRAM, '--configFile', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
    rmSync(folder, { recursive: true })
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  const running = {
    child,
    exit,
    log: () => output,
    workers: () =>
      readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number),
  }
  const startLine = () => /listening on \S+:(\d+), config on (\S+),/.exec(output)
  await vi.waitUntil(() => startLine() || child.exitCode !== null, eventually)
  const [, port, config] = startLine() ?? []
  return { ...running, port: Number(port), configUrl: `http://${config}/patroneos` }
}

/** A nodeos and a filter of two workers in front of it. */
async function startBoth(settings: object = {}, respond?: Respond) {
  const nodeos = await nodeosForTest(respond)
  const base = { listenIP: '127.0.0.1', listenPort: 0, configListenPort: 0, nodeosUrl: '127.0.0.1' }
  const filter = await startProgram({
    ...base,
    nodeosPort: nodeos.port,
    workers: 2,
    cache: { paths: {} },
    repeats: 0,
    ...settings,
  })
  return { nodeos, filter }
}

/** The same request on connections of its own, so that every worker has some. */
const everywhere = (port: number, request: Ask) =>
  Promise.all(Array.from({ length: 8 }, () => ask(port, request)))

async function metric(filter: Running, name: string): Promise<number> {
  const text = await (await fetch(`${filter.configUrl}/metrics`)).text()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
  return Number(line?.split(' ').at(-1) ?? 0)
}
const SUCCESS = 'patroneos_requests_total{verdict="SUCCESS"}'

describe('several workers', { timeout: 120_000 }, () => {
  it('serve one port, and their counters are summed up', async () => {
    const { filter } = await startBoth()
    expect(filter.workers()).toHaveLength(2)
    const answers = await everywhere(filter.port, {})
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(await metric(filter, SUCCESS)).toBe(8)
    expect(await metric(filter, 'patroneos_http_requests_total{endpoint="info",outcome="success"}')).toBe(8)
    expect(await metric(filter, 'patroneos_http_request_duration_seconds_count{endpoint="info"}')).toBe(8)
    expect(await metric(filter, 'patroneos_http_requests_under_way')).toBe(0)
    // The two and the one that they are below.
    expect(await metric(filter, 'patroneos_processes')).toBe(3)
    expect(filter.log().match(/"message":"patroneos .* filter: listening/g)).toHaveLength(1)
  })

  it('answer together what is asked of clients and requests', async () => {
    const { filter } = await startBoth()
    const headers = ['x-forwarded-for', '203.0.113.9']
    await everywhere(filter.port, { target: push, body: '{', headers })
    const top = await fetch(`${filter.configUrl}/top?of=networks&by=violations`)
    expect(await top.json()).toMatchObject({
      lists: [{ total: 8, top: [{ key: '203.0.113.9', count: 8, share: 1 }] }],
    })
    const last = await fetch(`${filter.configUrl}/verdicts?network=203.0.113.9`)
    expect((await last.json()).verdicts).toHaveLength(8)
  })

  it('all take a changed configuration', async () => {
    const { filter } = await startBoth()
    const response = await fetch(`${filter.configUrl}/config`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"endpoints":{"deny":["/v1/chain/get_info"]}}',
    })
    expect(response.status).toBe(200)
    await vi.waitFor(async () => {
      const answers = await everywhere(filter.port, {})
      expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(403))
    }, eventually)
  })

  it('share strikes and bans, and what lifts them', async () => {
    const { filter } = await startBoth({ bans: { maxRetry: { malformed: 4 } } })
    const headers = ['x-forwarded-for', '203.0.113.9']
    for (let strikes = 0; strikes < 4; strikes++)
      expect((await ask(filter.port, { target: push, body: '{', headers })).status).toBe(400)
    await vi.waitFor(async () => {
      const answers = await everywhere(filter.port, { headers })
      expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(403))
    }, eventually)
    expect(await metric(filter, 'patroneos_bans')).toBe(1)
    expect(filter.log().match(/"message":"banned"/g)).toHaveLength(1)
    expect((await fetch(`${filter.configUrl}/bans/203.0.113.9`, { method: 'DELETE' })).status).toBe(204)
    await vi.waitFor(async () => {
      const answers = await everywhere(filter.port, { headers })
      expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    }, eventually)
  })

  it('count rate limits as one', async () => {
    const rateLimits = [{ name: 'few', key: ['ip'], on: 'attempt', limit: 8, window: 60 }]
    const { filter } = await startBoth({ rateLimits })
    const headers = ['x-forwarded-for', '203.0.113.10']
    await everywhere(filter.port, { headers })
    await vi.waitFor(async () => {
      const answers = await everywhere(filter.port, { headers })
      expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(429))
    }, eventually)
    expect((await ask(filter.port, { headers: ['x-forwarded-for', '203.0.113.11'] })).status).toBe(200)
  })

  it('know what the looks of one process found, and the log says it once', async () => {
    const looks: string[] = []
    const standIn = await nodeosForTest((received, outgoing) => {
      if (received.headers['user-agent'] === 'patroneos') looks.push(received.target)
      answerWith(200, infoBody({}))(received, outgoing)
    })
    const url = `http://127.0.0.1:${standIn.port}`
    const dead = { name: 'dead', url: 'http://127.0.0.1:1' }
    const nodes = [{ name: 'good', url }, dead]
    const { filter } = await startBoth({ nodes, healthInterval: 1, workers: 3, balance: 'round-robin' })
    const began = Date.now()
    for (let round = 0; round < 3; round++)
      for (const { status } of await everywhere(filter.port, {})) expect(status).toBe(200)
    await vi.waitUntil(() => looks.length >= 4, eventually)
    // One in a second, and the first.
    expect(looks.length).toBeLessThanOrEqual((Date.now() - began) / 900 + 2)
    const listed = (await (await fetch(`${filter.configUrl}/nodes`)).json()) as {
      state: string
      requests: number
    }[]
    expect(listed.map(({ state }) => state)).toEqual(['in', 'out'])
    expect(listed[0]!.requests).toBe(24)
    expect(filter.log().match(/dead is out: http/g)).toHaveLength(1)
    expect(filter.log().match(/dead is out for/g)?.length ?? 0).toBeLessThanOrEqual(1)
    // All out, as every worker knows.
    await fetch(`${filter.configUrl}/config`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ nodes: [dead] }),
    })
    await vi.waitFor(async () => {
      for (const { status, text } of await everywhere(filter.port, {})) {
        expect(status).toBe(503)
        expect(text).toContain('No node is fit to answer')
      }
    }, eventually)
  })

  it('are replaced when they crash', async () => {
    const { filter } = await startBoth()
    await everywhere(filter.port, {})
    const counted = await metric(filter, SUCCESS)
    const [victim, other] = filter.workers()
    process.kill(victim!, 'SIGKILL')
    await vi.waitFor(async () => {
      expect(filter.workers()).toHaveLength(2)
      expect(filter.workers()).not.toContain(victim)
    }, eventually)
    expect(filter.workers()).toContain(other)
    expect(filter.log()).toContain('"message":"a worker ended; starting another"')
    await vi.waitFor(async () => {
      for (const { status } of await everywhere(filter.port, {})) expect(status).toBe(200)
    }, eventually)
    // What the dead one had told is not forgotten.
    expect(await metric(filter, SUCCESS)).toBeGreaterThanOrEqual(counted)
    await vi.waitFor(async () => expect(await metric(filter, 'patroneos_processes')).toBe(3), eventually)
  })

  it('are replaced on SIGHUP without a failed request', async () => {
    const { filter } = await startBoth()
    const before = filter.workers()
    let served = 0
    const failed: string[] = []
    let over = false
    const agent = new Agent({ keepAlive: true, maxSockets: 8 })
    const clients = Array.from({ length: 8 }, async () => {
      while (!over)
        await new Promise<void>((resolve) => {
          const request = get({ port: filter.port, host: '127.0.0.1', path: '/v1/chain/get_info', agent })
          request.on('response', (response) => {
            if (response.statusCode === 200) served++
            else failed.push(String(response.statusCode))
            response.resume().on('end', () => setTimeout(resolve, 5))
          })
          request.on('error', (error) => {
            failed.push(error.message)
            resolve()
          })
        })
    })
    await vi.waitUntil(() => served > 50, eventually)
    filter.child.kill('SIGHUP')
    await vi.waitUntil(() => filter.log().includes('the workers are replaced'), eventually)
    const atEnd = served
    await vi.waitUntil(() => served > atEnd + 50, eventually)
    over = true
    await Promise.all(clients)
    agent.destroy()
    expect(failed).toEqual([])
    const after = filter.workers()
    expect(after).toHaveLength(2)
    expect(after.filter((pid) => before.includes(pid))).toEqual([])
    expect(await metric(filter, SUCCESS)).toBe(served)
  })

  it('finish what is under way on SIGTERM', async () => {
    const { nodeos, filter } = await startBoth({}, (_, outgoing) => {
      setTimeout(() => outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{}'), 1_000)
    })
    const answers = everywhere(filter.port, {})
    // Not counting the program's own look at nodeos when it starts.
    const underWay = () => nodeos.received.filter(({ headers }) => 'x-forwarded-for' in headers)
    await vi.waitUntil(() => underWay().length === 8, eventually)
    filter.child.kill('SIGTERM')
    expect((await answers).map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(await filter.exit).toBe(0)
  })
})

it('A port that is taken ends the program with one line that says so', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  onTestFinished(() => void taken.close())
  const { port } = taken.address() as AddressInfo
  const { filter } = await startBoth({ listenPort: port })
  expect(await filter.exit).toBe(1)
  expect(filter.log().trim().split('\n')).toHaveLength(1)
  expect(filter.log()).toContain(`cannot listen on 127.0.0.1:${port} (listenPort): the port is in use`)
})
