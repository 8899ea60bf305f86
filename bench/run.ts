// npm run bench: proxies side by side under the same load, each alone on one core, in interleaved rounds.
// Prints a table, writes bench/results/<time>.json, and with a full run draws bench/bench.svg and growth.svg.
//   --rounds N     rounds (5)             --seconds N   seconds a run (2)
//   --only A,B     proxies, workloads and parts (throughput, latency, connections, workers, reads, judging) whose
//                  name holds one of these
//   --peer N=URL   another proxy that runs already, before an upstream on --upstream-port; N=URL,PID has its CPU too
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { drawBench, drawGrowth } from './draw.ts'
import { type Findings, goalRows } from './goals.ts'
import {
  measureConfigChange,
  measureConnections,
  measureJudging,
  measureLatency,
  measureLoopDelay,
  measureSparing,
  measureWorkers,
} from './parts.ts'
import { isInstalled, LOAD_CORE, PROXY_CORE, run } from './processes.ts'
import { filters, haproxy, limits, modsecurity, noProxy, peer } from './proxies.ts'
import { startRelay } from './relay.ts'
import { formatSpread } from './statistics.ts'
import { formatTable } from './table.ts'
import { measureThroughput } from './throughput.ts'
import { startUpstream } from './upstream.ts'
import { workloads } from './workloads.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
    peer: { type: 'string', multiple: true, default: [] },
    'upstream-port': { type: 'string' },
  },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
for (const [name, value] of Object.entries({ rounds, seconds }))
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name}: found "${options[name as 'rounds']}"; allowed: a whole number from 1 on`)

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

// As npm start has it: without it the compiler that strips types stays in memory.
process.env.NODE_COMPILE_CACHE = join(import.meta.dirname, '../node_modules/.cache/node')
await run(PROXY_CORE, [process.execPath, join(import.meta.dirname, '../worker/runtimes/node.ts'), '-h'])

const upstream = await startUpstream(options['upstream-port'])
const relay = await startRelay()
const proxies = chosen([noProxy, haproxy, modsecurity, ...filters, ...limits, ...options.peer.map(peer)])
const chosenFilters = filters.filter((filter) => proxies.includes(filter))
// Ratios need HAProxy, whatever was chosen.
if (!proxies.includes(haproxy)) proxies.unshift(haproxy)
const runs = chosen(workloads)
for (const { baseline } of [...runs])
  if (!runs.some(({ name }) => name === baseline))
    runs.unshift(workloads.find(({ name }) => name === baseline)!)
const parts = chosen(
  ['throughput', 'latency', 'connections', 'workers', 'reads', 'judging'].map((name) => ({ name })),
).map(({ name }) => name)

const nothing = { results: [], memory: [] }
const { results, memory } = parts.includes('throughput')
  ? await measureThroughput({ proxies, workloads: runs, rounds, seconds, upstream, relay })
  : nothing
const findings: Findings = {
  results,
  memory,
  latency: parts.includes('latency') ? await measureLatency(chosenFilters, rounds, upstream) : [],
  connections: parts.includes('connections') ? await measureConnections(chosenFilters, rounds, upstream) : [],
  workers: parts.includes('workers') ? await measureWorkers(rounds, seconds, upstream) : undefined,
  configChange: parts.includes('workers') ? await measureConfigChange(upstream) : undefined,
  judging: parts.includes('judging') ? await measureJudging(chosenFilters) : [],
}
const sparing = parts.includes('reads') ? await measureSparing(chosenFilters, upstream) : {}
const loopDelay = parts.includes('latency') ? await measureLoopDelay(chosenFilters, upstream) : {}

const print = (rows: string[][]) => {
  if (rows.length > 1) console.log(`\n${formatTable(rows)}`)
}

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
  print([[name, ...header.slice(1)], ...rows])
}
print([
  ['memory in MB', 'idle', 'after'],
  ...memory.map(({ proxy, setup, idle, after }) => [`${proxy}, ${setup}`, idle.toFixed(0), after.toFixed(0)]),
])
print([
  ['pushes at 500/s', 'added p50 ms', 'added p99 ms', 'errors'],
  ...findings.latency.map(({ proxy, p50, p99, errors }) => [
    proxy,
    formatSpread(p50, 2),
    formatSpread(p99, 2),
    String(errors),
  ]),
])
print([
  ['health check beside 50 pushes of 500 kB', 'p50 ms', 'p99 ms', 'errors'],
  ...Object.entries(loopDelay).map(([proxy, { p50, p99, errors }]) => [
    proxy,
    p50.toFixed(1),
    p99.toFixed(1),
    String(errors),
  ]),
])
print([
  ['CPU us a connection', 'served', 'banned', 'ratio'],
  ...findings.connections.map(({ proxy, served, banned, ratio }) => [
    proxy,
    formatSpread(served, 0),
    formatSpread(banned, 0),
    formatSpread(ratio, 2),
  ]),
])
if (findings.workers) {
  const { one, two, ratio } = findings.workers
  print([
    ['CPU ms a push', 'one worker', 'two workers', 'ratio'],
    ['Patroneos on Node', formatSpread(one, 3), formatSpread(two, 3), formatSpread(ratio, 2)],
  ])
}
print([
  ['5,000 get_info a second from memory', 'sent', 'p50 ms', 'p99 ms', 'forwarded', 'errors'],
  ...Object.entries(sparing).map(([proxy, { sent, p50, p99, forwarded, errors }]) => [
    proxy,
    String(sent),
    p50.toFixed(1),
    p99.toFixed(1),
    forwarded.toFixed(5),
    String(errors),
  ]),
])
for (const { proxy, growth } of findings.judging)
  print([
    [`judging, ${proxy}`, 'size', 'us'],
    ...growth.flatMap(({ name, points }) =>
      points.map(({ size, microseconds }) => [name, String(size), microseconds.toFixed(1)]),
    ),
  ])
print(goalRows(findings))

const folder = join(import.meta.dirname, 'results')
mkdirSync(folder, { recursive: true })
const file = join(folder, `${new Date().toISOString().replaceAll(':', '-')}.json`)
writeFileSync(file, `${JSON.stringify({ rounds, seconds, ...findings, sparing, loopDelay }, null, 2)}\n`)
console.log(`\n${file}`)
if (options.only === '') {
  writeFileSync(join(import.meta.dirname, 'bench.svg'), drawBench(results))
  writeFileSync(join(import.meta.dirname, 'growth.svg'), drawGrowth(findings.judging))
}
process.exit()
