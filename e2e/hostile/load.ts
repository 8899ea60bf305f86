// Hostile load against the filter on Node, one kind at a time, while a good client sends 20 requests a second:
// prints the table of the security page. `npm run hostile -- --seconds 20`, and `--only nesting` for the attacks
// with that in their name; needs slowhttptest (Debian). `--short` takes a minute and a half on any machine: three
// seconds an attack, without a judgement on latency.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { pushBody } from '../fuzz/transactions.ts'
import { startNodeosStandIn } from '../nodeos-stand-in.ts'
import { NODE_OPTIONS } from '../npm-start.ts'
import { runTime } from './time.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    only: { type: 'string', default: '' },
    short: { type: 'boolean', default: false },
    nodeos: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds ?? (values.short ? 3 : 20))
if (values.nodeos) {
  const missed = await runTime(seconds, values.only)
  for (const failure of missed) console.log(`missed: ${failure}`)
  process.exit(0)
}

/** What the filter promises under load. A short run may be on a machine that is busy. */
const MAX_RSS = 400
const MAX_DESCRIPTORS = 5
const MAX_P99_OVER_IDLE = values.short ? Number.POSITIVE_INFINITY : 100
const LEAST_GOOD = values.short ? 0.95 : 1
const folder = mkdtempSync(join(tmpdir(), 'patroneos-hostile-'))

const slow =
  (mode: string, ...more: string[]) =>
  (port: number) => {
    const url = `http://127.0.0.1:${port}/v1/chain/${mode === '-B' ? 'push_transaction' : 'get_info'}`
    return spawn(
      'slowhttptest',
      [mode, '-c', '4000', '-r', '1000', '-l', String(seconds), '-u', url, ...more],
      { stdio: 'ignore' },
    )
  }
const attacker = (kind: string) => (port: number) =>
  spawn(process.execPath, [join(import.meta.dirname, 'attacker.ts'), kind, '127.0.0.1', String(port)], {
    stdio: 'inherit',
  })

/** A transaction of one transfer, as a wallet packs and signs it. */
const transaction = pushBody({
  actions: [
    {
      account: 'eosio.token',
      name: 'transfer',
      authorization: [{ actor: 'alice', permission: 'active' }],
      data: '00'.repeat(40),
    },
  ],
})

const attacks: [string, ((port: number) => ChildProcess) | undefined][] = [
  ['none', undefined],
  ['slow headers, 4,000 connections', slow('-H', '-i', '5', '-t', 'GET')],
  ['slow bodies, 4,000 connections', slow('-B', '-i', '5', '-s', '8192', '-t', 'POST')],
  ['slow reading, 4,000 connections', slow('-X', '-w', '1', '-y', '4', '-n', '5', '-z', '4', '-k', '3')],
  ['5,000 idle connections', attacker('idle')],
  ['zlib bombs of 100 MB, 50 at a time', attacker('zlib bombs')],
  ['bodies of 2 MiB, 50 at a time', attacker('bodies of 2 MiB')],
  ['1,000,000 levels of nesting, 50 at a time', attacker('deep nesting')],
  ['aborting clients, 100 at a time', attacker('aborting clients')],
  ['1,400 requests sent ahead, on 50 connections', attacker('requests sent ahead')],
]

interface Row {
  name: string
  sent: number
  good: number
  p50: number
  p99: number
  peakRss: number
  descriptors: number
}

const nodeos = await startNodeosStandIn(0)
const rows: Row[] = []
for (const [name, attack] of attacks)
  if (!attack || name.includes(values.only)) rows.push(await run(name, attack))
nodeos.server.closeAllConnections()
nodeos.server.close()
rmSync(folder, { recursive: true })

const idle = rows[0]!
console.log(
  '| attack | good requests answered | p50 / p99 ms | p99 over idle ms | peak RSS MiB | descriptors left over |',
)
console.log('|---|---|---|---|---|---|')
for (const { name, sent, good, p50, p99, peakRss, descriptors } of rows)
  console.log(
    `| ${name} | ${good} of ${sent} | ${p50.toFixed(1)} / ${p99.toFixed(1)} | ${(p99 - idle.p99).toFixed(1)} | ${peakRss} | ${descriptors} |`,
  )
const missed = rows.filter(
  ({ good, sent, p99, peakRss, descriptors }) =>
    good < sent * LEAST_GOOD ||
    p99 - idle.p99 > MAX_P99_OVER_IDLE ||
    peakRss > MAX_RSS ||
    descriptors > MAX_DESCRIPTORS,
)
console.log(`\n${rows.length - missed.length} passed, ${missed.length} failed`)
process.exitCode = missed.length > 0 ? 1 : 0

/** One attack against a filter of its own. */
async function run(name: string, attack?: (port: number) => ChildProcess): Promise<Row> {
  const { child, port } = await startFilter()
  const end = () => void child.kill('SIGKILL')
  process.once('exit', end)
  const proc = `/proc/${child.pid}`
  const countDescriptors = () => readdirSync(`${proc}/fd`).length
  await measure(port, 2)
  const before = countDescriptors()
  const attacking = attack?.(port)
  if (attacking) await sleep(2_000)
  const { sent, times } = await measure(port, seconds)
  if (attacking) {
    attacking.kill('SIGKILL')
    if (attacking.exitCode === null) await once(attacking, 'exit')
  }
  const peakRss = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`${proc}/status`, 'utf8'))![1])
  // Connections of the attack that nobody closed yet run into their time limits.
  for (let left = 40; left > 0 && countDescriptors() > before + 5; left--) await sleep(1_000)
  const descriptors = Math.max(0, countDescriptors() - before)
  child.kill('SIGTERM')
  await once(child, 'exit')
  process.off('exit', end)
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN
  return {
    name,
    sent,
    good: times.length,
    p50: at(0.5),
    p99: at(0.99),
    peakRss: Math.round(peakRss / 1024),
    descriptors,
  }
}

async function startFilter(): Promise<{ child: ChildProcess; port: number }> {
  const config = {
    listenIP: '127.0.0.1',
    listenPort: 0,
    configListenPort: 0,
    nodeosUrl: '127.0.0.1',
    nodeosPort: nodeos.port,
    // Most attacks come from here, as if through a proxy, so that no limit on connections per client eases them.
    trustedProxies: ['127.0.0.1/32'],
  }
  const file = join(folder, 'config.json')
  writeFileSync(file, JSON.stringify(config))
  const program = join(import.meta.dirname, '../../worker/runtimes/node.ts')
  const child = spawn(process.execPath, [...NODE_OPTIONS, program, '--configFile', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve) => {
    child.stdout!.on('data', (text) => {
      const found = /listening on 127\.0\.0\.1:(\d+),/.exec(String(text))?.[1]
      if (found) resolve(Number(found))
    })
  })
  return { child, port }
}

/**
 * A good client's 20 requests a second: reads and transactions, over new connections and kept ones. Times in ms,
 * sorted, of those that were answered as they should be.
 */
async function measure(port: number, duration: number): Promise<{ sent: number; times: number[] }> {
  const kept = new Agent({ keepAlive: true, maxSockets: 4 })
  const times: number[] = []
  const pending: Promise<void>[] = []
  for (let n = 0; n < duration * 20; n++) {
    const push = n % 4 < 2
    pending.push(
      new Promise((resolve) => {
        const start = performance.now()
        const asked = request(
          {
            host: '127.0.0.1',
            localAddress: '127.0.0.2',
            port,
            method: push ? 'POST' : 'GET',
            path: `/v1/chain/${push ? 'push_transaction' : 'get_info'}`,
            agent: n % 2 ? kept : false,
            timeout: 5_000,
          },
          (response) => {
            response.resume()
            response.on('end', () => {
              if (response.statusCode === (push ? 202 : 200)) times.push(performance.now() - start)
              resolve()
            })
          },
        )
        asked.on('timeout', () => asked.destroy())
        asked.on('error', () => resolve())
        asked.end(push ? transaction : undefined)
      }),
    )
    await sleep(50)
  }
  await Promise.all(pending)
  kept.destroy()
  return { sent: pending.length, times: times.toSorted((a, b) => a - b) }
}
