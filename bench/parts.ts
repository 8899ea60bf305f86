// The parts of the bench beside throughput: latency at a fixed rate, what a banned client costs, workers, judging.
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { freePort } from '../e2e/http/wire.ts'
import { NODE_OPTIONS } from '../e2e/npm-start.ts'
import type { GeneratorJob, Latency } from './generator.ts'
import type { Judging } from './judge.ts'
import { measure } from './measure.ts'
import { cpuTime, LOAD_CORE, PROXY_CORE, run, stopPid } from './processes.ts'
import { type Contender, noProxy, type RunningProxy, startFilter } from './proxies.ts'
import { type Spread, spreadOf } from './statistics.ts'
import type { Upstream } from './upstream.ts'
import { getInfo, pushOf, workloads, wrkScript } from './workloads.ts'

/** Requests a second, and seconds, of a latency run. */
const RATE = 500
const RATE_SECONDS = 4

/** Connections of one request each. */
const CONNECTIONS = 3_000

/** Where connections come from that are served, and that are not. */
const SERVED = '127.0.0.1'
const BANNED = '127.0.0.2'

const program = (name: string) => join(import.meta.dirname, name)

async function generate<T>(job: GeneratorJob): Promise<T> {
  return JSON.parse(await run(LOAD_CORE, [process.execPath, program('generator.ts'), JSON.stringify(job)]))
}

export interface AddedLatency {
  proxy: string
  /** Milliseconds more than without a proxy, in the same round. */
  p50: Spread
  p99: Spread
  errors: number
}

/** Pushes at a fixed rate through each filter, against none. */
export async function measureLatency(
  chosen: Contender[],
  rounds: number,
  upstream: Upstream,
): Promise<AddedLatency[]> {
  const { method, path, body } = pushOf(500)
  const job = (url: string): GeneratorJob => ({
    kind: 'rate',
    url,
    perSecond: RATE,
    seconds: RATE_SECONDS,
    method,
    path,
    body,
  })
  const plain = { port: upstream.port, relay: '' }
  const { url: direct } = (await noProxy.start('plain', plain))!
  const proxies: { name: string; running: RunningProxy; p50: number[]; p99: number[]; errors: number }[] = []
  for (const proxy of chosen) {
    const running = await proxy.start('plain', plain)
    if (running) proxies.push({ name: proxy.name, running, p50: [], p99: [], errors: 0 })
  }
  for (const { running } of proxies) await generate<Latency>(job(running.url))
  for (let round = 1; round <= rounds; round++) {
    console.error(`latency: round ${round} of ${rounds}`)
    const none = await generate<Latency>(job(direct))
    for (const proxy of proxies) {
      const { p50, p99, errors } = await generate<Latency>(job(proxy.running.url))
      proxy.p50.push(p50 - none.p50)
      proxy.p99.push(p99 - none.p99)
      proxy.errors += errors
    }
  }
  for (const { running } of proxies) stopPid(running.pid)
  return proxies.map(({ name, p50, p99, errors }) => ({
    proxy: name,
    p50: spreadOf(p50),
    p99: spreadOf(p99),
    errors,
  }))
}

/** Milliseconds that a health check waits while 50 connections send transactions of 500 kB. */
export async function measureLoopDelay(
  chosen: Contender[],
  upstream: Upstream,
): Promise<Record<string, Latency>> {
  const large = workloads.find(({ name }) => name === 'push 500 kB')!
  const results: Record<string, Latency> = {}
  for (const proxy of chosen) {
    const running = await proxy.start('plain', { port: upstream.port, relay: '' })
    if (!running) continue
    console.error(`event loop: ${proxy.name}`)
    const load = measure(running, { script: wrkScript(large), connections: 50, seconds: 6 }, upstream)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    results[proxy.name] = await generate<Latency>({
      kind: 'rate',
      url: running.url,
      perSecond: 50,
      seconds: 3,
      method: 'GET',
      path: '/patroneos/health',
      body: '',
    })
    await load
    stopPid(running.pid)
  }
  return results
}

export interface ConnectionCost {
  proxy: string
  /** Microseconds of the filter's CPU for a connection with one request. */
  served: Spread
  banned: Spread
  ratio: Spread
}

/** What a client costs that the filter has banned, against one that is served, each on new connections. */
export async function measureConnections(
  chosen: Contender[],
  rounds: number,
  upstream: Upstream,
): Promise<ConnectionCost[]> {
  const results: ConnectionCost[] = []
  for (const proxy of chosen) {
    const running = await proxy.start('bans', { port: upstream.port, relay: '' })
    if (!running?.pid) continue
    console.error(`connections: ${proxy.name}`)
    const port = Number(new URL(running.url).port)
    const cost = async (from: string, count: number, body = '') => {
      const before = cpuTime(running.pid!)
      const job: GeneratorJob = { kind: 'connections', port, from, count, parallel: 32, body }
      const { answered } = await generate<{ answered: number }>(job)
      if (from === SERVED && answered < count)
        throw new Error(`${proxy.name} answered ${answered} of ${count}`)
      return ((cpuTime(running.pid!) - before) * 1000) / count
    }
    await cost(SERVED, CONNECTIONS)
    await cost(BANNED, 10, '{')
    await cost(BANNED, 10)
    const served: number[] = []
    const banned: number[] = []
    for (let round = 0; round < rounds; round++) {
      served.push(await cost(SERVED, CONNECTIONS))
      banned.push(await cost(BANNED, CONNECTIONS))
    }
    stopPid(running.pid)
    results.push({
      proxy: proxy.name,
      served: spreadOf(served),
      banned: spreadOf(banned),
      ratio: spreadOf(banned.map((one, round) => one / served[round]!)),
    })
  }
  return results
}

/** The filter on Node with so many workers. */
function startWorkers(workers: number, settings: object): Promise<RunningProxy> {
  const command = [process.execPath, ...NODE_OPTIONS, program('../worker/runtimes/node.ts')]
  return startFilter(command, `workers-${workers}`, { ...settings, workers })
}

/** Milliseconds of CPU a push with one worker and with two, all on the proxy's core. */
export async function measureWorkers(
  rounds: number,
  seconds: number,
  upstream: Upstream,
): Promise<{ one: Spread; two: Spread; ratio: Spread }> {
  const load = workloads.find(({ name }) => name === 'push 0.5 kB')!
  const script = wrkScript(load)
  const settings = { nodeosPort: upstream.port, cache: { paths: {} }, repeats: 0 }
  const [single, double] = [await startWorkers(1, settings), await startWorkers(2, settings)]
  const cpu = async (running: RunningProxy, seconds: number) =>
    (await measure(running, { script, connections: load.connections, seconds }, upstream)).cpu!
  // Each process has its own code to get warm, and two share the requests.
  for (const running of [single, double, double]) await cpu(running, 4)
  const one: number[] = []
  const two: number[] = []
  for (let round = 1; round <= rounds; round++) {
    console.error(`workers: round ${round} of ${rounds}`)
    one.push(await cpu(single, seconds))
    two.push(await cpu(double, seconds))
  }
  for (const { pid } of [single, double]) stopPid(pid)
  return {
    one: spreadOf(one),
    two: spreadOf(two),
    ratio: spreadOf(one.map((cost, round) => cost / two[round]!)),
  }
}

/** Changes of the configuration, and milliseconds for which each is looked for. */
const CHANGES = 10
const LOOKED_FOR = 300

/** Milliseconds from the answer to a configuration change until the last answer that knows nothing of it. */
export async function measureConfigChange(upstream: Upstream): Promise<Spread> {
  console.error('configuration change')
  const configPort = await freePort()
  const running = await startWorkers(2, { nodeosPort: upstream.port, configListenPort: configPort })
  const took: number[] = []
  for (let change = 1; change <= CHANGES; change++) {
    const answer = await fetch(`http://127.0.0.1:${configPort}/patroneos/config`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ headers: { 'x-change': String(change) } }),
    })
    const changed = performance.now()
    if (answer.status !== 200) throw new Error(`configuration change: ${await answer.text()}`)
    let last = 0
    for (let elapsed = 0; elapsed < LOOKED_FOR; elapsed = performance.now() - changed) {
      // A connection each, which the kernel gives to any of the workers.
      const { headers } = await get(`${running.url}/patroneos/health`)
      if (headers['x-change'] !== String(change)) last = elapsed
    }
    took.push(last)
  }
  stopPid(running.pid)
  return spreadOf(took)
}

/** A GET on a connection of its own. */
function get(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent: false }, (response) => {
      response.resume().on('end', () => resolve(response))
    })
    outgoing.on('error', reject).end()
  })
}

const READS_PER_SECOND = 5_000
const READ_SECONDS = 4

/** Upstream requests a client request under so many get_info a second, answered from memory. */
export async function measureSparing(
  chosen: Contender[],
  upstream: Upstream,
): Promise<Record<string, Latency & { forwarded: number }>> {
  const results: Record<string, Latency & { forwarded: number }> = {}
  for (const proxy of chosen) {
    const running = await proxy.start('cached', { port: upstream.port, relay: '' })
    if (!running) continue
    console.error(`reads from memory: ${proxy.name}`)
    const job: GeneratorJob = {
      kind: 'rate',
      url: running.url,
      perSecond: READS_PER_SECOND,
      seconds: READ_SECONDS,
      ...getInfo,
    }
    await generate<Latency>(job)
    const before = await upstream.requests()
    const latency = await generate<Latency>(job)
    // Each look at the upstream is a request of its own.
    const forwarded = (await upstream.requests()) - before - 1
    results[proxy.name] = { ...latency, forwarded: forwarded / latency.sent }
    stopPid(running.pid)
  }
  return results
}

export interface JudgingOn extends Judging {
  proxy: string
  ratio: Spread
}

/** How the cost of judging grows, and its speed against that of JSON.parse. */
export async function measureJudging(chosen: Contender[]): Promise<JudgingOn[]> {
  const results: JudgingOn[] = []
  for (const { name, command } of chosen) {
    if (!command) continue
    console.error(`judging: ${name}`)
    const judging: Judging = JSON.parse(await run(PROXY_CORE, [...command, program('judge.ts')]))
    results.push({
      proxy: name,
      ...judging,
      ratio: spreadOf(judging.large.map(({ judged, parsed }) => judged / parsed)),
    })
  }
  return results
}
