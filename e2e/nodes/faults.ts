// Clients of three nodes of which one is killed, stopped, behind, on another chain, busy, mute, or resets connections, in
// turn: what the clients notice. `npm run e2e:nodes -- --seconds 15` for each fault; `--short` takes a minute in all.
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { pushBody } from '../fuzz/transactions.ts'
import { type AnyFault, type Fleet, type FleetNode, faults, startFleet } from './fleet.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, short: { type: 'boolean', default: false } },
})
const seconds = Number(values.seconds ?? (values.short ? 4 : 15))

const RATE = 300
const PUSHES = 0.2
const INTERVAL = 1
const MAX_LAG = 20
/** Milliseconds in which a bad node is found: an interval and a tenth, and the time that a look may take. */
const FOUND_WITHIN = INTERVAL * 1_100 + INTERVAL * 1_000 + 500

interface Result {
  isPush: boolean
  began: number
  took: number
  /** 0: no answer at all. */
  status: number
  /** Blocks that the answer to a read was behind the clock; undefined for pushes. */
  lag: number | undefined
  chain: string | undefined
}

const agent = new Agent({ keepAlive: true, maxSockets: 2_000 })
let sent = 0

function body(index: number): string {
  const data = index.toString(16).padStart(16, '0')
  const authorization = [{ actor: 'alice', permission: 'active' }]
  return pushBody({ actions: [{ account: 'eosio.token', name: 'transfer', authorization, data }] })
}

function send(port: number): Promise<Result> {
  const index = sent++
  const isPush = index % (1 / PUSHES) === 0
  const began = Date.now()
  return new Promise((resolve) => {
    const done = (status: number, text: string) => {
      const json = isPush || status !== 200 ? undefined : JSON.parse(text)
      const lag = json && Math.floor(Date.now() / 500) - json.head_block_num
      resolve({ isPush, began, took: Date.now() - began, status, lag, chain: json?.chain_id })
    }
    const path = `/v1/chain/${isPush ? 'push_transaction' : index % 3 ? 'get_table_rows' : 'get_info'}`
    const method = isPush || index % 3 ? 'POST' : 'GET'
    const headers = { 'content-type': 'application/json' }
    const outgoing = request({ host: '127.0.0.1', port, path, method, agent, headers, timeout: 60_000 })
    outgoing.on('response', (incoming) => {
      let text = ''
      incoming.on('data', (chunk) => (text += chunk))
      incoming.on('end', () => done(incoming.statusCode!, text))
      incoming.on('error', () => done(0, ''))
    })
    outgoing.on('error', () => done(0, ''))
    outgoing.end(isPush ? body(index) : method === 'POST' ? `{"code":"eosio","limit":${index}}` : undefined)
  })
}

/** Sends at a steady rate until stopped; late ticks are made up for. */
function startLoad(port: number) {
  const all: Promise<Result>[] = []
  const began = performance.now()
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * RATE
    while (all.length < due) all.push(send(port))
  }, 5)
  return {
    stop: async () => {
      clearInterval(timer)
      return Promise.all(all)
    },
  }
}

interface Phase {
  fault: AnyFault
  node: FleetNode
  began: number
  ended: number
  /** Milliseconds until it was out, and in again. */
  out: number
  in: number
  reason: string
}

async function breakOne(fleet: Fleet, fault: AnyFault, node: FleetNode): Promise<Phase> {
  const began = Date.now()
  node.break(fault)
  await fleet.until(node.name, 'out')
  const out = Date.now() - began
  await sleep(Math.max(0, seconds * 1000 - out))
  const reason = (await fleet.states())[node.name]!
  const mended = Date.now()
  await node.mend(fault)
  await fleet.until(node.name, 'in')
  const ended = Date.now()
  await sleep(500)
  return { fault, node, began, ended, out, in: ended - mended, reason }
}

const fleet = await startFleet({ healthInterval: INTERVAL, maxHeadLag: MAX_LAG, nodeosTimeout: 10 })
const asking = setInterval(() => fleet.nodes.map((node) => node.ask()), 20)
const phases: Phase[] = []
let results: Result[] = []
try {
  for (const { name } of fleet.nodes) await fleet.until(name, 'in')
  const load = startLoad(fleet.filter.port)
  await sleep(1_000)
  for (const [at, fault] of faults.entries()) phases.push(await breakOne(fleet, fault, fleet.nodes[at % 3]!))
  results = await load.stop()
  for (const node of fleet.nodes) node.ask()
  await sleep(200)
} finally {
  clearInterval(asking)
  await fleet.stop()
  agent.destroy()
}

/** Where a push that a node has may be lost with it. */
const loses = new Set<AnyFault>(['killed', 'mute', 'resets'])
const chains = new Set(results.map(({ chain }) => chain).filter((chain) => chain?.startsWith('aca3')))
const failures: string[] = []
let passed = 0
const check = (what: string, holds: boolean, found: unknown) => {
  if (holds) passed++
  else failures.push(`${what}: ${JSON.stringify(found)}`)
}

console.log(
  [
    'fault',
    'out after',
    'in after',
    'requests',
    'reads failed',
    'pushes failed',
    'p99',
    'stale reads',
    'reason',
  ].join(' | '),
)
for (const { fault, began, ended, out, in: again, reason } of phases) {
  const during = results.filter((one) => one.began >= began && one.began < ended)
  const failed = during.filter(({ status }) => status !== 200 && status !== 202)
  const reads = failed.filter(({ isPush }) => !isPush)
  const pushes = failed.filter(({ isPush }) => isPush)
  const late = during.filter((one) => one.began > began + FOUND_WITHIN)
  const stale = late.filter(
    ({ lag, chain }) => (lag ?? 0) > MAX_LAG + 4 || (chain !== undefined && !chains.has(chain)),
  )
  const times = during.map(({ took }) => took).sort((a, b) => a - b)
  const p99 = times[Math.floor(times.length * 0.99)]
  console.log(
    [
      fault,
      `${out} ms`,
      `${again} ms`,
      during.length,
      reads.length,
      pushes.length,
      `${p99} ms`,
      stale.length,
      reason,
    ].join(' | '),
  )
  check(`${fault}: out in time`, out <= FOUND_WITHIN + 500, out)
  check(`${fault}: no read fails`, reads.length === 0, reads.slice(0, 3))
  // Those that were in flight; a fault that is found at once has few.
  const most = loses.has(fault) ? RATE * PUSHES : 0
  check(`${fault}: at most ${most} pushes in flight fail`, pushes.length <= most, pushes.slice(0, 3))
  const afterFound = pushes.filter((one) => one.began > began + FOUND_WITHIN)
  check(`${fault}: no push fails once it is found`, afterFound.length === 0, afterFound.slice(0, 3))
  check(`${fault}: no stale read once it is found`, stale.length === 0, stale.slice(0, 3))
}
const executed = fleet.nodes.flatMap((node) => node.executed)
const twice = executed.length - new Set(executed).size
const accepted = results.filter(({ isPush, status }) => isPush && status === 202).length
console.log(`pushes: ${accepted} accepted, ${executed.length} executed as far as known, ${twice} twice`)
check('no transaction is executed twice', twice === 0, twice)
check('the load was as meant', results.length > RATE * seconds * faults.length * 0.9, results.length)
for (const failure of failures) console.error(`FAILED ${failure}`)
console.log(`${passed} passed, ${failures.length} failed`)
process.exitCode = failures.length === 0 ? 0 : 1
