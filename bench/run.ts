// npm run bench: proxies side by side under the same load, each alone on one core, in interleaved rounds.
// Prints a table, writes bench/results/<time>.json, and with a full run draws bench/bench.svg.
//   --rounds N     rounds (5)             --seconds N   seconds a run (3)
//   --only A,B     proxies and workloads whose name holds one of these
//   --peer N=URL   another proxy that runs already, before an upstream on --upstream-port; N=URL,PID has its CPU too
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { drawBench } from './draw.ts'
import { type Measurement, measure } from './measure.ts'
import { isInstalled, LOAD_CORE, PROXY_CORE, residentMemory } from './processes.ts'
import { type Contender, filters, haproxy, modsecurity, noProxy, peer, type RunningProxy } from './proxies.ts'
import { startRelay } from './relay.ts'
import { formatSpread, type Spread, spreadOf } from './statistics.ts'
import { formatTable } from './table.ts'
import { startUpstream } from './upstream.ts'
import { type Workload, workloads, wrkScript } from './workloads.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    peer: { type: 'string', multiple: true, default: [] },
    'upstream-port': { type: 'string' },
  },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)

for (const program of ['taskset', 'wrk', 'nginx', 'haproxy'])
  if (!isInstalled(program))
    throw new Error(`${program} is not installed; on Debian: apt install wrk nginx haproxy`)
if (PROXY_CORE === LOAD_CORE)
  throw new Error('the bench needs two cores: one for the proxy, one for its load')

/** Those whose name holds one of --only's words; all where none does. */
function chosen<T extends { name: string }>(all: T[]): T[] {
  const words = options.only.toLowerCase().split(',').filter(Boolean)
  const some = all.filter(({ name }) => words.some((word) => name.toLowerCase().includes(word.trim())))
  return some.length > 0 ? some : all
}

const upstream = await startUpstream(options['upstream-port'])
const relay = await startRelay()
const proxies = chosen([noProxy, haproxy, modsecurity, ...filters, ...options.peer.map(peer)])
// Ratios need HAProxy, whatever was chosen.
if (!proxies.includes(haproxy)) proxies.unshift(haproxy)
const runs = chosen(workloads)
for (const { baseline } of [...runs])
  if (!runs.some(({ name }) => name === baseline))
    runs.unshift(workloads.find(({ name }) => name === baseline)!)

interface Entrant {
  proxy: Contender
  workload: Workload
  running: RunningProxy
  script: string
  measurements: Measurement[]
}

const running = new Map<string, RunningProxy | undefined>()
const idle = new Map<string, number>()
async function runningProxy(proxy: Contender, { setup }: Workload): Promise<RunningProxy | undefined> {
  const key = `${proxy.name}, ${setup}`
  if (!running.has(key)) {
    const started = await proxy.start(setup, { port: upstream.port, relay })
    running.set(key, started)
    if (started?.pid) {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      idle.set(key, residentMemory(started.pid))
    }
  }
  return running.get(key)
}

const entrants: Entrant[] = []
for (const workload of runs) {
  const script = wrkScript(workload)
  for (const proxy of proxies) {
    // Only this repository's filters have setups; the others run once.
    if (workload.setup !== 'plain' && !filters.includes(proxy)) continue
    const started = await runningProxy(proxy, workload)
    if (started) entrants.push({ proxy, workload, running: started, script, measurements: [] })
  }
}

for (const { running, script, workload } of entrants)
  await measure(running, { script, connections: workload.connections, seconds: 1 }, upstream)
for (let round = 1; round <= rounds; round++) {
  console.error(`round ${round} of ${rounds}`)
  for (const { running, script, workload, measurements } of entrants)
    measurements.push(
      await measure(running, { script, connections: workload.connections, seconds }, upstream),
    )
}

export interface Result {
  proxy: string
  workload: string
  requestsPerSecond: Spread
  /** Against HAProxy in the same round. */
  ratio: Spread
  p50: Spread
  p99: Spread
  cpu: Spread | undefined
  /** HAProxy's CPU a request as a share of this one's. */
  cpuRatio: Spread | undefined
  forwarded: Spread
  errors: number
}

function baselineOf({ workload }: Entrant): Entrant {
  return entrants.find(({ proxy, workload: { name } }) => proxy === haproxy && name === workload.baseline)!
}

const results = entrants.map((entrant): Result => {
  const { proxy, workload, measurements } = entrant
  const baseline = baselineOf(entrant).measurements
  const spread = (pick: (one: Measurement, index: number) => number) => spreadOf(measurements.map(pick))
  const measured = measurements[0]?.cpu !== undefined
  return {
    proxy: proxy.name,
    workload: workload.name,
    requestsPerSecond: spread((one) => one.requestsPerSecond),
    ratio: spread((one, round) => one.requestsPerSecond / baseline[round]!.requestsPerSecond),
    p50: spread((one) => one.p50),
    p99: spread((one) => one.p99),
    cpu: measured ? spread((one) => one.cpu!) : undefined,
    cpuRatio: measured ? spread((one, round) => baseline[round]!.cpu! / one.cpu!) : undefined,
    forwarded: spread((one) => one.forwarded),
    errors: measurements.reduce((sum, { errors }) => sum + errors, 0),
  }
})
const memory = [...idle].map(([name, before]) => ({
  name,
  idle: before,
  after: residentMemory(running.get(name)!.pid!),
}))

const header = [
  '',
  'requests/s',
  'of HAProxy',
  'p50 ms',
  'p99 ms',
  'CPU ms/request',
  'HAProxy CPU',
  'forwarded',
  'errors',
]
for (const { name } of runs) {
  const rows = results
    .filter(({ workload }) => workload === name)
    .map((result) => [
      result.proxy,
      formatSpread(result.requestsPerSecond, 0),
      formatSpread(result.ratio, 2),
      formatSpread(result.p50, 1),
      formatSpread(result.p99, 1),
      result.cpu ? formatSpread(result.cpu, 3) : '-',
      result.cpuRatio ? formatSpread(result.cpuRatio, 2) : '-',
      result.forwarded.median.toFixed(3),
      String(result.errors),
    ])
  console.log(`\n${formatTable([[name, ...header.slice(1)], ...rows])}`)
}
console.log(
  `\n${formatTable([
    ['RSS in MB', 'idle', 'after'],
    ...memory.map(({ name, idle, after }) => [name, idle.toFixed(0), after.toFixed(0)]),
  ])}`,
)

const folder = join(import.meta.dirname, 'results')
mkdirSync(folder, { recursive: true })
const file = join(folder, `${new Date().toISOString().replaceAll(':', '-')}.json`)
writeFileSync(file, `${JSON.stringify({ rounds, seconds, results, memory }, null, 2)}\n`)
console.log(`\n${file}`)
if (options.only === '') writeFileSync(join(import.meta.dirname, 'bench.svg'), drawBench(results))
process.exit()
