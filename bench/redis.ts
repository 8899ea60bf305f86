// npm run bench:redis: what limits cost a filter on memory and on Redis, against none, in interleaved rounds; how many
// requests and filters one Redis carries by that; how many decisions it makes; and how long requests wait when it goes away.
//   --rounds N   rounds (3)   --seconds N   seconds a run (3)
import { request } from 'node:http'
import { parseArgs } from 'node:util'
import { NODE_OPTIONS } from '../e2e/npm-start.ts'
import { windowArguments, windowScript } from '../worker/limits/window-script.ts'
import { createRedisServer, type RedisServer } from '../worker/store/testing/redis-server.ts'
import { type Measurement, measure } from './measure.ts'
import { cpuTime, isInstalled, LOAD_CORE, run, temporaryFile } from './processes.ts'
import { type RunningProxy, startFilter } from './proxies.ts'
import { formatSpread, spreadOf } from './statistics.ts'
import { formatTable } from './table.ts'
import { startUpstream } from './upstream.ts'
import { WRK_RESULT } from './workloads.ts'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '3' } },
})
const [rounds, seconds] = [Number(options.rounds), Number(options.seconds)]

for (const program of ['taskset', 'wrk', 'nginx', 'redis-server', 'redis-benchmark'])
  if (!isInstalled(program)) throw new Error(`${program} is not installed`)

/** Decisions in one run of Redis's own bench. */
const DECISIONS = 40_000

/** Networks from which requests come, each as often as the others. */
const CLIENTS = 10_000
const PROGRAM = new URL('../worker/runtimes/node.ts', import.meta.url).pathname

type Limit = Record<string, unknown>
const ten = (limits: (index: number) => Limit): Limit[] =>
  Array.from({ length: 10 }, (_, index) => ({
    name: `limit ${index}`,
    key: ['ip'],
    on: 'attempt',
    limit: 1_000_000,
    window: 10 * (index + 1),
    ...limits(index),
  }))
const events = ['attempt', 'failure', 'violation', 'time', 'attempt'] as const

const setups: Record<string, Limit[]> = {
  'no limits': [],
  'one of attempts': ten(() => ({})).slice(0, 1),
  'ten: 4 of attempts, 6 of what comes of them': ten((index) => ({ on: events[index % 5] })),
  'ten of attempts': ten(() => ({})),
  'ten of attempts, all over': ten(() => ({ limit: 1 })),
}

/** Each request from one of many clients. */
const script = temporaryFile(
  'clients.lua',
  `
local made = {}
init = function()
  for at = 1, ${CLIENTS} do
    local client = string.format('10.%d.%d.7', math.floor(at / 256), at % 256)
    made[at] = wrk.format('GET', '/v1/chain/get_info', { ['X-Forwarded-For'] = client })
  end
end
request = function()
  return made[math.random(${CLIENTS})]
end
${WRK_RESULT}`,
)

interface Contender {
  name: string
  running: RunningProxy
  isShared: boolean
  found: (Measurement & { redis: number })[]
}

const redis = await createRedisServer()
await redis.start()
await run(LOAD_CORE, ['taskset', '-pc', `${LOAD_CORE}`, `${redis.pid()}`])
const upstream = await startUpstream()
try {
  await compareStores()
  await measureDecisions(redis)
  await measureLoss(redis)
} finally {
  await redis.stop()
}
process.exit(0)

async function startNode(name: string, rateLimits: Limit[], store: string): Promise<RunningProxy> {
  process.env.PATRONEOS_REDIS_URL = redis.url
  return startFilter([process.execPath, ...NODE_OPTIONS, PROGRAM], name, {
    nodeosPort: upstream.port,
    cache: { paths: {} },
    rateLimits,
    store,
  })
}

async function compareStores(): Promise<void> {
  const contenders: Contender[] = []
  for (const [name, limits] of Object.entries(setups))
    for (const store of limits.length > 0 ? ['memory', 'redis'] : ['memory'])
      contenders.push({
        name: limits.length > 0 ? `${name}, on ${store}` : name,
        running: await startNode(`${name}-${store}`.replaceAll(/\W/g, '-'), limits, store),
        isShared: store === 'redis',
        found: [],
      })
  const load = { script, connections: 64, seconds }
  for (const { running } of contenders) await measure(running, { ...load, seconds: 2 }, upstream)
  for (let round = 0; round < rounds; round++)
    for (const { running, isShared, found } of contenders) {
      const before = cpuTime(redis.pid())
      const measured = await measure(running, load, upstream)
      const used = isShared ? cpuTime(redis.pid()) - before : 0
      found.push({ ...measured, redis: used / (measured.requestsPerSecond * seconds) })
    }
  const rows = contenders.map(({ name, found, isShared }) => {
    const of = (value: (one: Contender['found'][0]) => number, digits: number) =>
      formatSpread(spreadOf(found.map(value)), digits)
    return [
      name,
      of(({ requestsPerSecond }) => requestsPerSecond, 0),
      of(({ p50 }) => p50, 1),
      of(({ p99 }) => p99, 1),
      of(({ cpu }) => (cpu ?? 0) * 1000, 0),
      ...(isShared
        ? [
            of((one) => one.redis * 1000, 0),
            of((one) => 1000 / one.redis, 0),
            of((one) => (one.cpu ?? 0) / one.redis, 1),
          ]
        : ['', '', '']),
    ]
  })
  console.log(
    formatTable([
      [
        'limits',
        'requests/s',
        'p50 ms',
        'p99 ms',
        'CPU of the filter, µs a request',
        'CPU of Redis, µs',
        'one core of Redis carries, requests/s',
        'and filters, each with a core',
      ],
      ...rows,
    ]),
  )
}

/**
 * Decisions a second of one Redis on one core, asked by its own bench on fifty connections: one at a time on each, and
 * sixteen, as many as wait at a busy filter. What it would make of a whole core follows from its CPU time.
 */
async function measureDecisions({ cli, port, pid }: RedisServer): Promise<void> {
  await cli('SCRIPT', 'LOAD', windowScript.text)
  const rows: string[][] = []
  for (const keys of [1, 3, 10])
    for (const atATime of [1, 16]) {
      const before = cpuTime(pid())
      const output = await run(0, [
        'redis-benchmark',
        ...['-p', `${port}`, '-n', `${DECISIONS}`, '-r', '10000', '-P', `${atATime}`, '-c', '50', '-q'],
        ...decisionOf(keys),
      ])
      const microseconds = ((cpuTime(pid()) - before) * 1000) / DECISIONS
      const found = [...output.matchAll(/([\d.]+) requests per second/g)].at(-1)?.[1]
      rows.push([
        `${keys}`,
        `${atATime}`,
        Number(found).toFixed(0),
        microseconds.toFixed(1),
        (1e6 / microseconds).toFixed(0),
      ])
    }
  const head = [
    'keys',
    'at a time',
    'decisions/s',
    'CPU of Redis, µs a decision',
    'decisions/s of a whole core',
  ]
  console.log(formatTable([head, ...rows]))
}

/** The command for one decision on so many keys of one client, each time another one. */
function decisionOf(keys: number): string[] {
  const counts = Array.from({ length: keys }, (_, index) => ({
    key: `patroneos:limit:{__rand_int__}:60:${index}`,
    limit: 1_000_000,
    least: 1,
    window: 60_000,
    amount: 1,
    age: 0,
  }))
  const names = counts.map(({ key }) => key)
  return ['EVALSHA', windowScript.sha1, `${keys}`, ...names, ...windowArguments('decide', counts)]
}

/** One request after another, as fast as they are answered, while Redis goes away. */
async function measureLoss(server: RedisServer): Promise<void> {
  const filter = await startNode(
    'away',
    ten(() => ({})),
    'redis',
  )
  const ask = () =>
    new Promise<number>((resolve, reject) => {
      const began = performance.now()
      const headers = { 'x-forwarded-for': '203.0.113.1' }
      request(`${filter.url}/v1/chain/get_info`, { headers }, (answer) => {
        answer.resume()
        answer.on('end', () => resolve(performance.now() - began))
      })
        .on('error', reject)
        .end()
    })
  for (let warm = 0; warm < 500; warm++) await ask()
  for (const [what, begin, end] of [
    ['SIGSTOP', () => server.signal('SIGSTOP'), () => server.signal('SIGCONT')],
    ['SIGKILL', () => server.kill(), () => server.start()],
  ] as const) {
    const normal = await waits(ask, 1_000)
    await begin()
    const away = await waits(ask, 2_000)
    await end()
    const longest = (found: Waits) => Math.max(0, ...found.map(({ wait }) => wait)).toFixed(0)
    const [first, then] = [away.filter(({ at }) => at < 100), away.filter(({ at }) => at >= 100)]
    console.log(
      `${what}: longest wait ${longest(first)} ms in the first 100 ms, ${longest(then)} ms in the two seconds ` +
        `after them, ${longest(normal)} ms in the second before`,
    )
    await new Promise((resolve) => setTimeout(resolve, 3_000))
  }
}

type Waits = { at: number; wait: number }[]

async function waits(ask: () => Promise<number>, milliseconds: number): Promise<Waits> {
  const found: Waits = []
  for (const start = performance.now(); performance.now() - start < milliseconds; ) {
    const at = performance.now() - start
    found.push({ at, wait: await ask() })
  }
  return found
}
