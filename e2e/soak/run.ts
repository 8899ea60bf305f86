// Everything at once, for long, and broken piece by piece: `npm run soak -- --minutes 30`. Counts what clients notice, what
// of the violations arrives in each log, how far limits are overshot, and what memory and descriptors do. Ends with a line
// `N passed, N failed`. `--short` takes three minutes, `--picture FILE` draws it.
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Alone } from './alone.ts'
import { drawSoak, isFailure } from './draw.ts'
import { LIMITED, type Sent, startLoad } from './load.ts'
import { LIMIT, startWorld, type World } from './world.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    short: { type: 'boolean', default: false },
    picture: { type: 'string' },
  },
})
const minutes = values.short ? 3 : Number(values.minutes)
if (!(minutes >= 3))
  throw new Error(`--minutes is ${values.minutes}: at least 3 are needed to break every part once`)

interface Fault {
  name: string
  /** Requests that were in flight on what is broken may fail. */
  mayFail: boolean
  /** The filter that is killed: reports that it holds in memory go with it. */
  losesReportsOf?: string
  /** Filters count for themselves meanwhile. */
  countsAlone?: boolean
  break(world: World): Promise<void> | void
  mend(world: World): Promise<void> | void
}

const faults: Fault[] = [
  {
    name: 'filter killed',
    mayFail: true,
    losesReportsOf: 'filter-1',
    break: ({ filters }) => filters[0]!.kill(),
    mend: ({ filters }) => filters[0]!.start(),
  },
  {
    name: 'filter stopped',
    mayFail: false,
    break: ({ filters }) => filters[1]!.signal('SIGSTOP'),
    mend: ({ filters }) => filters[1]!.signal('SIGCONT'),
  },
  {
    name: 'filter restarted',
    mayFail: false,
    break: ({ filters }) => filters[2]!.kill('SIGTERM'),
    mend: ({ filters }) => filters[2]!.start(),
  },
  {
    name: 'filter without descriptors',
    mayFail: false,
    break: ({ filters }) => filters[1]!.allowDescriptors(0),
    mend: ({ filters }) => filters[1]!.allowDescriptors(undefined),
  },
  {
    name: 'relay killed',
    mayFail: false,
    break: ({ relays }) => relays[0]!.kill(),
    mend: ({ relays }) => relays[0]!.start(),
  },
  {
    name: 'relay stopped',
    mayFail: false,
    break: ({ relays }) => relays[1]!.signal('SIGSTOP'),
    mend: ({ relays }) => relays[1]!.signal('SIGCONT'),
  },
  {
    name: 'relay without disk',
    mayFail: false,
    break: ({ disk }) => disk?.fill(),
    mend: ({ disk }) => disk?.free(),
  },
  {
    name: 'relay without descriptors',
    mayFail: false,
    break: ({ relays }) => relays[1]!.allowDescriptors(0),
    mend: ({ relays }) => relays[1]!.allowDescriptors(undefined),
  },
  {
    name: 'Redis killed',
    mayFail: false,
    countsAlone: true,
    break: ({ redis }) => redis.kill(),
    mend: ({ redis }) => redis.start(),
  },
  {
    name: 'Redis stopped',
    mayFail: false,
    countsAlone: true,
    break: ({ redis }) => redis.signal('SIGSTOP'),
    mend: ({ redis }) => redis.signal('SIGCONT'),
  },
  {
    name: 'node killed',
    mayFail: true,
    break: ({ nodes }) => nodes[0]!.break('killed'),
    mend: ({ nodes }) => nodes[0]!.mend('killed'),
  },
  {
    name: 'node stopped',
    // A push that it was sent is not asked of another one.
    mayFail: true,
    break: ({ nodes }) => nodes[1]!.break('stopped'),
    mend: ({ nodes }) => nodes[1]!.mend('stopped'),
  },
  {
    name: 'node behind',
    mayFail: false,
    break: ({ nodes }) => nodes[2]!.break('behind'),
    mend: ({ nodes }) => nodes[2]!.mend('behind'),
  },
  {
    name: 'HAProxy reloaded',
    mayFail: false,
    break: ({ haproxy }) => haproxy.signal('SIGUSR2'),
    mend: () => {},
  },
]

/** The share of the time in which parts are broken; a long soak is then left in peace, to see what grows. */
const slot = (minutes * 60_000 * (minutes >= 10 ? 0.6 : 0.92)) / faults.length
const brokenFor = Math.min(10_000, slot * 0.4)

interface Phase {
  fault: Fault
  began: number
  mended: number
  ended: number
}

/** Milliseconds between two looks at the parts, and that one may be late. */
const LOOK = 1_000
const STALL = 500

interface Sample {
  at: number
  name: string
  pid: number
  memory: number
  descriptors: number
}

const world = await startWorld()
if (!world.disk) console.log('!! NOT RUN: a relay without disk: this needs root, to mount a file system')
const samples: Sample[] = []
const decidedAlone = new Alone(world.metricsUrls)
const watched = [...world.filters, ...world.relays]
/** When this very process had to wait for the machine: then what fails says nothing. */
const stalls: number[] = []
let lastLook = Date.now()
const watching = setInterval(() => {
  const now = Date.now()
  if (now - lastLook > LOOK + STALL) stalls.push(now)
  lastLook = now
  for (const part of watched)
    if (part.isAlive)
      samples.push({
        at: Date.now(),
        name: part.name,
        pid: part.pid,
        memory: part.memory(),
        descriptors: part.descriptors(),
      })
  for (const node of world.nodes) node.ask()
  void decidedAlone.look()
}, LOOK)
const phases: Phase[] = []
let sent: readonly Sent[] = []
let hosts: string[][] = []
try {
  await sleep(3_000)
  const began = Date.now()
  const load = startLoad(world.port)
  sent = load.sent
  await sleep(5_000)
  for (const fault of faults) {
    if (fault.name === 'relay without disk' && !world.disk) continue
    const phase = { fault, began: Date.now(), mended: 0, ended: 0 }
    await fault.break(world)
    await sleep(brokenFor)
    phase.mended = Date.now()
    await fault.mend(world)
    await sleep(Math.max(1_000, slot - (Date.now() - phase.began)))
    phase.ended = Date.now()
    phases.push(phase)
  }
  await sleep(Math.max(0, minutes * 60_000 - (Date.now() - began)))
  await load.stop()
  hosts = await logged(world.logs, violationsOf(sent))
} finally {
  clearInterval(watching)
  await world.stop()
}

/** The clients in each log whose violations are known by them, once all of them are there or nothing more comes. */
async function logged(logs: string[], expected: readonly Sent[]): Promise<string[][]> {
  const read = () => logs.map((log) => readFileSync(log, 'utf8').match(/(?<= )10(?:\.\d+){3}(?= )/g) ?? [])
  const isWhole = (clients: string[]) => {
    const known = new Set(clients)
    return expected.every(({ client }) => known.has(client))
  }
  let found = read()
  for (let quiet = 0; quiet < 15 && !found.every(isWhole); quiet++) {
    await sleep(1_000)
    const next = read()
    if (next.some((one, at) => one.length !== found[at]!.length)) quiet = 0
    found = next
  }
  return found
}

function violationsOf(all: readonly Sent[]): Sent[] {
  return all.filter(({ kind, status }) => kind === 'bad' && status === 400)
}

/** The most of a limited client's requests that were surely let through within one window, beside those that are excused. */
function mostAdmitted(
  all: readonly Sent[],
  isCounted: (one: Sent) => boolean,
  excused: (from: number, until: number) => number = () => 0,
): { most: number; at: number } {
  const admitted = all
    .filter(({ client, status }) => client === LIMITED && status !== 429)
    .sort((a, b) => a.began - b.began)
  let most = 0
  let began = 0
  for (const [at, first] of admitted.entries()) {
    if (!isCounted(first)) continue
    const until = first.began + LIMIT.window * 1000
    let within = -excused(first.began, until)
    for (let next = at; next < admitted.length && admitted[next]!.began < until; next++)
      if (admitted[next]!.ended < until) within++
    if (within <= most) continue
    most = within
    began = first.began
  }
  return { most, at: began }
}

/** Milliseconds for which a filter may hold a report: until it is sent off, and taken. */
const HELD = 1_000

/** Its report may have gone with the filter that was killed just then: which had answered, but perhaps not the client yet. */
function isLost({ filter, began, ended }: Sent): boolean {
  return phases.some(
    ({ fault, began: killed }) => fault.losesReportsOf === filter && began < killed && ended > killed - HELD,
  )
}

let passed = 0
const failures: string[] = []
const check = (what: string, holds: boolean, found: unknown) => {
  if (holds) passed++
  else failures.push(`${what}: ${JSON.stringify(found)}`)
}
const good = sent.filter(({ kind }) => kind === 'read' || kind === 'push')
const failed = good.filter(({ status }) => isFailure(status))
const violations = violationsOf(sent)
const missing = (at: number, from: readonly Sent[]) => {
  const known = new Set(hosts[at])
  return from.filter(({ client }) => !known.has(client))
}

console.log(
  '| | what was broken | good requests | failed | slowest | last failure after | violations | missing in a log |',
)
console.log('|---|---|---|---|---|---|---|---|')
for (const [at, { fault, began, ended }] of phases.entries()) {
  const isDuring = (one: Sent) => one.began >= began && one.began < ended
  const during = good.filter(isDuring)
  const lost = during.filter(({ status }) => isFailure(status))
  const sentThen = violations.filter(isDuring)
  const absent = Math.max(...hosts.map((_, log) => missing(log, sentThen).length))
  const slowest = Math.max(...during.map((one) => one.ended - one.began))
  const last = lost.length > 0 ? `${Math.max(...lost.map((one) => one.ended)) - began} ms` : ''
  console.log(
    `| ${at + 1} | ${fault.name} | ${during.length} | ${lost.length} | ${slowest} ms | ${last} | ${sentThen.length} | ${absent} |`,
  )
  const holds = lost.length <= (fault.mayFail ? 10 : 0)
  if (!holds && stalls.some((stall) => stall > began && stall < ended + LOOK))
    console.log(`!! NOT JUDGED: ${fault.name}: the machine stood still for more than ${STALL} ms`)
  else
    check(
      `${fault.name}: ${fault.mayFail ? 'few requests fail' : 'no request fails'}`,
      holds,
      lost.slice(0, 3),
    )
}
for (const [log, found] of hosts.entries()) {
  const absent = missing(log, violations)
  for (const one of absent) {
    const phase = phases.findLast(({ began }) => began - HELD < one.ended)
    const when = phase
      ? `${one.ended - phase.began} ms after: ${phase.fault.name}`
      : 'before anything was broken'
    console.log(`missing in log ${log + 1}: ${one.client}, answered by ${one.filter}, ${when}`)
  }
  const others = absent.filter((one) => !isLost(one))
  check(`log ${log + 1}: every violation, but for what a killed filter held`, others.length === 0, others)
  check(`log ${log + 1}: no violation twice`, new Set(found).size === found.length, found.length)
}
const alone = phases.filter(({ fault }) => fault.countsAlone)
const isAlone = (one: Sent) =>
  alone.some(({ began, mended }) => one.began > began - LIMIT.window * 1000 && one.began < mended + 2_000)
const together = mostAdmitted(sent, (one) => !isAlone(one))
const apart = mostAdmitted(sent, isAlone)
const percentOver = ({ most, at }: { most: number; at: number }) => {
  const phase = phases.find(({ began, ended }) => at >= began && at < ended)
  return `${(100 * Math.max(0, most / LIMIT.limit - 1)).toFixed(1)} %${phase ? ` (${phase.fault.name})` : ''}`
}
console.log(
  `\nrequests: ${sent.length}, answered ${sent.filter(({ status }) => !isFailure(status)).length}; good ones ${good.length}, failed ${failed.length}`,
)
console.log(
  `violations answered: ${violations.length}; in the logs ${hosts.map((one) => one.length).join(' and ')}, twice ${hosts.map((one) => one.length - new Set(one).size).join(' and ')}, missing ${hosts.map((_, at) => missing(at, violations).length).join(' and ')}`,
)
console.log(
  `overshoot of a limit of ${LIMIT.limit} in ${LIMIT.window} s over three filters: ${percentOver(together)}; while Redis was away: ${percentOver(apart)}`,
)
console.log(`requests that filters decided by their own counts: ${decidedAlone.all}`)
const executed = world.nodes.flatMap((node) => node.executed)
const twice = executed.length - new Set(executed).size
console.log(`transactions executed: ${executed.length} as far as known, ${twice} twice`)
const surely = mostAdmitted(sent, (one) => !isAlone(one), decidedAlone.between)
check('limits are overshot by less than 2 % where Redis is asked', surely.most < LIMIT.limit * 1.02, surely)
check('limits hold for each filter while Redis is away', apart.most <= LIMIT.limit * 3, apart)
check('no transaction is executed twice', twice === 0, twice)

console.log(
  '\n| process | memory after five minutes | at the end | growth | descriptors then | at the end |\n|---|---|---|---|---|---|',
)
for (const { name, pid } of watched) {
  const own = samples.filter((sample) => sample.pid === pid)
  const since = own[0]!.at
  const mean = (some: Sample[]) => some.reduce((sum, { memory }) => sum + memory, 0) / some.length
  const after = own.filter(({ at }) => at - since > 300_000 && at - since < 420_000)
  const last = own.slice(-60)
  if (after.length === 0 || own.length < 480) {
    console.log(
      `| ${name} | ran for ${own.length} s only | ${mean(last).toFixed(0)} MB | | | ${last.at(-1)!.descriptors} |`,
    )
    continue
  }
  const growth = mean(last) / mean(after) - 1
  console.log(
    `| ${name} | ${mean(after).toFixed(0)} MB | ${mean(last).toFixed(0)} MB | ${(100 * growth).toFixed(1)} % | ${after[0]!.descriptors} | ${last.at(-1)!.descriptors} |`,
  )
  check(`${name}: memory grows by less than 5 %`, growth < 0.05, growth)
}
if (values.picture) {
  const bands = phases.map(({ fault, began, mended }) => ({ name: fault.name, began, ended: mended }))
  writeFileSync(values.picture, drawSoak(good, bands))
}
for (const failure of failures) console.error(`FAILED ${failure}`)
console.log(`${passed} passed, ${failures.length} failed`)
process.exitCode = failures.length === 0 ? 0 : 1
