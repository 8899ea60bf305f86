// What parts of the filter cost: CPU time a request with a part on, against the same filter with it off.
//
// All filters run side by side and are loaded in turns, a second each, round after round in another order: what the machine
// does meanwhile meets all of them alike. Each round gives one ratio of on and off; the median of them is what counts, with
// its interval. Of two processes that do the same one may be faster all its life, so there are several generations of
// processes, and a control: two filters with everything off.
//
//   node bench/cost.ts [--minutes 4] [--generations 2] [--seconds 1] [CASE...]
import { parseArgs } from 'node:util'
import { pushBody } from '../e2e/fuzz/transactions.ts'
import { NODE_OPTIONS } from '../e2e/npm-start.ts'
import { measure } from './measure.ts'
import { stopPid } from './processes.ts'
import { type RunningProxy, startFilter } from './proxies.ts'
import { medianInterval, spreadOf } from './statistics.ts'
import { startUpstream } from './upstream.ts'
import { getInfo, packedPush, type Request, wrkScript } from './workloads.ts'

const limits = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    name: `limit ${at}`,
    key: at % 2 === 0 ? ['ip'] : ['ip', 'contract'],
    on: (['attempt', 'failure', 'violation', 'time'] as const)[at % 4],
    limit: 1_000_000_000,
    window: 60,
  }))

/** Everything off that can be; and whoever asks is no proxy, so that limits are counted. */
const OFF = { cache: { paths: {} }, repeats: 0, console: false, trustedProxies: [] }
const LISTS = { console: true }
const VIOLATIONS = { accessLog: { log: 'violations', file: '/dev/null' } }
const EVERY = { accessLog: { log: 'all', file: '/dev/null' } }
const FAIRNESS = { fairness: {} }
const TEN = { rateLimits: limits(10) }
const REPEATS = { repeats: 2 }

const filters: Record<string, { config: object; isUncounted?: boolean }> = {
  uncounted: { config: OFF, isUncounted: true },
  off: { config: OFF },
  control: { config: OFF },
  lists: { config: LISTS },
  violations: { config: VIOLATIONS },
  every: { config: EVERY },
  fairness: { config: FAIRNESS },
  ten: { config: TEN },
  repeats: { config: REPEATS },
  seen: { config: { ...LISTS, ...VIOLATIONS } },
  all: { config: { ...LISTS, ...EVERY, ...FAIRNESS, ...TEN, ...REPEATS } },
}

/** Each by the filters that have it on and off. */
const cases: Record<string, { on: string; off: string }> = {
  control: { on: 'control', off: 'off' },
  'metrics with histograms': { on: 'off', off: 'uncounted' },
  'top lists': { on: 'lists', off: 'off' },
  'access log, violations': { on: 'violations', off: 'off' },
  'access log, all': { on: 'every', off: 'off' },
  fairness: { on: 'fairness', off: 'off' },
  'ten limits': { on: 'ten', off: 'off' },
  repeats: { on: 'repeats', off: 'off' },
  'metrics, top lists, access log of violations': { on: 'seen', off: 'uncounted' },
  'all of these': { on: 'all', off: 'uncounted' },
}

/** So many that none is sent again while it is under way. */
const PUSHES = 500

/** Four in ten are transactions, each another one, four are table reads, one is get_info, and one is refused. */
function mix(): { request: Request; share: number }[] {
  const authorization = [{ actor: 'alice', permission: 'active' }]
  const pushes = Array.from({ length: PUSHES }, (_, at) => {
    const data = at.toString(16).padStart(66, '0')
    return packedPush(
      pushBody({ actions: [{ account: 'eosio.token', name: 'transfer', authorization, data }] }),
    )
  })
  const rows: Request = {
    method: 'POST',
    path: '/v1/chain/get_table_rows',
    body: '{"json":true,"code":"eosio.token","scope":"alice","table":"accounts","limit":10}',
  }
  return [
    ...pushes.map((request) => ({ request, share: 1 })),
    { request: rows, share: PUSHES },
    { request: getInfo, share: PUSHES / 4 },
    { request: packedPush('{c}'), share: PUSHES / 4 },
  ]
}

/** Of the requests of the mix, those that the upstream has to have. */
const FORWARDED = 0.9

const { values, positionals } = parseArgs({
  options: {
    minutes: { type: 'string', default: '4' },
    generations: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '1' },
  },
  allowPositionals: true,
})
const chosen = positionals.length > 0 ? [...new Set(['control', ...positionals])] : Object.keys(cases)
for (const name of chosen)
  if (!cases[name]) throw new Error(`there is no case "${name}"; there are ${Object.keys(cases).join(', ')}`)
const names = [...new Set(chosen.flatMap((name) => [cases[name]!.off, cases[name]!.on]))]
const [minutes, generations, seconds] = [
  Number(values.minutes),
  Number(values.generations),
  Number(values.seconds),
]

const program = new URL('../worker/runtimes/node.ts', import.meta.url).pathname
const preload = new URL('./without-metrics.ts', import.meta.url).href
const upstream = await startUpstream()
const script = wrkScript({ name: 'cost', requests: mix() })

const startOne = (name: string) => {
  const { config, isUncounted } = filters[name]!
  const options = [...NODE_OPTIONS, ...(isUncounted ? ['--import', preload] : [])]
  const settings = { nodeosPort: upstream.port, ...OFF, ...config }
  return startFilter([process.execPath, ...options, program], `cost-${name}`, settings)
}

const CONNECTIONS = 64

/** Microseconds of CPU a request. */
async function cpuOf(filter: RunningProxy, time: number): Promise<number> {
  const load = { script, connections: CONNECTIONS, seconds: time }
  const { cpu, errors, forwarded, requestsPerSecond } = await measure(filter, load, upstream)
  if (errors > 0) throw new Error(`${errors} requests failed`)
  // Those that were under way when wrk ended, now and the time before, are not among its requests.
  const tolerance = 0.02 + (3 * CONNECTIONS) / (requestsPerSecond * time)
  if (Math.abs(forwarded - FORWARDED) > tolerance)
    throw new Error(`${forwarded} of the requests were forwarded`)
  return cpu! * 1000
}

/** Seconds until a process has its code compiled. */
const WARM_UP = 3

/** By filter, a value a round. */
const took: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]))
const began = performance.now()
for (let generation = 1; generation <= generations; generation++) {
  /** By performance.now(). */
  const end = began + (generation * minutes * 60_000) / generations
  const running: (readonly [string, RunningProxy])[] = []
  // One after another: they start on one core.
  for (const name of names) running.push([name, await startOne(name)])
  for (const [, filter] of running) await cpuOf(filter, WARM_UP)
  let lasted = 0
  for (let round = 0; round === 0 || performance.now() + lasted < end; round++) {
    console.error(`generation ${generation} of ${generations}, round ${round + 1}`)
    const start = performance.now()
    const first = (round * 3) % running.length
    const turns = [...running.slice(first), ...running.slice(0, first)]
    for (const [name, filter] of round % 2 === 0 ? turns : turns.toReversed())
      took[name]!.push(await cpuOf(filter, seconds))
    lasted = performance.now() - start
  }
  for (const [, { pid }] of running) stopPid(pid)
}

/** Of the filters with everything off, one may be slower all its life; the mean of both is less so. */
const valuesOf = (name: string, isControl: boolean) =>
  name === 'off' && !isControl ? took.off!.map((value, at) => (value + took.control![at]!) / 2) : took[name]!

console.log(`CPU time a request in µs, and off against on: what is left of the throughput, as the median of
${took.off!.length} rounds with its interval of 95 %. The control says what two filters differ that do the same.

| part | off | on | off against on |
|---|---|---|---|`)
for (const name of chosen) {
  const { on, off } = cases[name]!
  const [without, having] = [valuesOf(off, name === 'control'), valuesOf(on, name === 'control')]
  const ratios = without.map((value, at) => value / having[at]!)
  const [least, most] = medianInterval(ratios)
  const [a, b, ratio] = [without, having, ratios].map((each) => spreadOf(each).median) as [
    number,
    number,
    number,
  ]
  console.log(
    `| ${name} | ${a.toFixed(1)} | ${b.toFixed(1)} | ${ratio.toFixed(3)} (${least.toFixed(3)}-${most.toFixed(3)}) |`,
  )
}
process.exit()
