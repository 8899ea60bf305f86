// nodeos's time under attack: what a good client gets of it, and what attackers do, with and without the filter. Called by
// `npm run hostile -- --nodeos`.
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { pushBody } from '../fuzz/transactions.ts'
import { startFilter } from '../http/filter.ts'
import { freePort } from '../http/wire.ts'
import { hasHaproxy, startHaproxy } from './haproxy.ts'
import { startOneThread } from './one-thread.ts'

type Kind = 'info' | 'read' | 'push' | 'failing' | 'scan' | 'large'

const GOOD = '203.0.113.1'
const GOOD_KINDS: Kind[] = ['info', 'read', 'push']
const GOOD_RATE = 20

let pushes = 0
function bodyOf(kind: Kind, isSame: boolean): string | undefined {
  if (kind === 'info') return undefined
  if (kind === 'read') return `{"code":"eosio","table":"global","limit":1,"n":${pushes++}}`
  if (kind === 'scan') return `{"code":"eosio","table":"voters","limit":1000,"n":${pushes++}}`
  if (kind === 'large') return `{"block_num_or_id":${pushes++}}`
  const data = (isSame ? 7 : pushes++).toString(16).padStart(16, '0')
  const authorization = [{ actor: 'alice', permission: 'active' }]
  const account = kind === 'failing' ? 'failing' : 'eosio.token'
  return pushBody({ actions: [{ account, name: 'transfer', authorization, data }] })
}
const paths: Record<Kind, string> = {
  info: '/v1/chain/get_info',
  read: '/v1/chain/get_table_rows',
  scan: '/v1/chain/get_table_rows',
  push: '/v1/chain/push_transaction',
  failing: '/v1/chain/push_transaction',
  large: '/v1/chain/get_block',
}

/** Resolves to the status; 0 where there is no answer. A slow reader takes its answer in small pieces. */
function send(
  agent: Agent,
  port: number,
  client: string,
  kind: Kind,
  how: { same?: boolean; slow?: boolean } = {},
) {
  return new Promise<number>((resolve) => {
    const body = bodyOf(kind, how.same ?? false)
    const headers = { 'x-forwarded-for': client, 'content-type': 'application/json' }
    const method = body === undefined ? 'GET' : 'POST'
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path: paths[kind],
      method,
      headers,
      agent,
      timeout: 30_000,
    })
    outgoing.on('response', (incoming) => {
      incoming.on('error', () => resolve(0))
      incoming.on('end', () => resolve(incoming.statusCode!))
      if (!how.slow) incoming.resume()
      else
        incoming.on('data', () => {
          incoming.pause()
          setTimeout(() => incoming.resume(), 100)
        })
    })
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.on('error', () => resolve(0))
    outgoing.end(body)
  })
}

interface Attack {
  name: string
  addresses: number
  /** Requests that each address has under way at one time. */
  each: number
  kind: Kind
  same?: boolean
  slow?: boolean
}

const attacks: Attack[] = [
  { name: 'none', addresses: 0, each: 0, kind: 'scan' },
  { name: 'scans, 50 addresses', addresses: 50, each: 4, kind: 'scan' },
  { name: 'scans, 200 addresses', addresses: 200, each: 2, kind: 'scan' },
  { name: 'scans, one address with 256 connections', addresses: 1, each: 256, kind: 'scan' },
  { name: 'failing pushes, 50 addresses', addresses: 50, each: 4, kind: 'failing' },
  { name: 'one failing push again and again', addresses: 1, each: 32, kind: 'failing', same: true },
  { name: 'slow readers of large answers, 50 addresses', addresses: 50, each: 4, kind: 'large', slow: true },
]

interface Row {
  attack: string
  good: number
  p50: number
  p99: number
  busy: number
  attackers: number
  /** The most that one attacking address had, as a multiple of its fair share. */
  most: number
}

async function run(
  port: number,
  attack: Attack,
  seconds: number,
  used: () => Map<string, number>,
): Promise<Row> {
  let isOver = false
  const agent = new Agent({ keepAlive: true, maxSockets: 4_096 })
  const attackers = Array.from({ length: attack.addresses * attack.each }, async (_, at) => {
    const index = at % attack.addresses
    const client = `10.0.${index >> 8}.${(index & 255) + 1}`
    await sleep(Math.random() * 500)
    while (!isOver) {
      const status = await send(agent, port, client, attack.kind, attack)
      // Whoever is refused comes again soon.
      if (status === 0 || status === 429 || status === 503 || status === 403) await sleep(100)
    }
  })
  // What comes before things have settled does not count.
  const settling = Math.min(10, seconds / 2) * 1000
  await sleep(attack.addresses > 0 ? settling : 1_000)
  used()
  const answers: { ok: boolean; took: number }[] = []
  const began = performance.now()
  const sent: Promise<void>[] = []
  const timer = setInterval(() => {
    while (sent.length < ((performance.now() - began) / 1000) * GOOD_RATE * GOOD_KINDS.length) {
      const at = performance.now()
      const kind = GOOD_KINDS[sent.length % GOOD_KINDS.length]!
      sent.push(
        send(agent, port, GOOD, kind).then((status) => {
          answers.push({ ok: status === 200 || status === 202, took: performance.now() - at })
        }),
      )
    }
  }, 4)
  await sleep(seconds * 1000)
  clearInterval(timer)
  const elapsed = performance.now() - began
  const shares = used()
  await Promise.all(sent)
  isOver = true
  await Promise.race([Promise.all(attackers), sleep(200)])
  agent.destroy()
  const times = answers.map(({ took }) => took).sort((a, b) => a - b)
  const ofAttackers = [...shares].filter(([client]) => client.startsWith('10.'))
  const sum = ofAttackers.reduce((all, [, milliseconds]) => all + milliseconds, 0)
  const all = [...shares.values()].reduce((before, milliseconds) => before + milliseconds, 0)
  const most = Math.max(0, ...ofAttackers.map(([, milliseconds]) => milliseconds))
  return {
    attack: attack.name,
    good: answers.filter(({ ok }) => ok).length / answers.length,
    p50: times[Math.floor(times.length * 0.5)]!,
    p99: times[Math.floor(times.length * 0.99)]!,
    busy: Math.min(1, all / elapsed),
    attackers: sum / elapsed,
    most: attack.addresses > 0 ? most / (elapsed / (attack.addresses + 1)) : 0,
  }
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`
const ms = (milliseconds: number) => `${milliseconds.toFixed(1)} ms`

/** Prints the table; returns what falls short of the goals. */
export async function runTime(seconds: number, only: string): Promise<string[]> {
  const failures: string[] = []
  console.log(
    "| attack | before nodeos | good client served | its p50 | its p99 | nodeos busy | attackers' share | most of one, in fair shares |",
  )
  console.log('|---|---|---|---|---|---|---|---|')
  const idle: Record<string, number> = {}
  for (const attack of attacks.filter(({ name }) => name === 'none' || name.includes(only)))
    for (const way of ['nothing', 'HAProxy', 'this filter']) {
      if (way === 'HAProxy' && !hasHaproxy()) continue
      const nodeos = await startOneThread()
      const haproxy = way === 'HAProxy' ? await startHaproxy(nodeos.port) : undefined
      const configListenPort = await freePort()
      const filter =
        way !== 'this filter'
          ? undefined
          : await startFilter({
              configListenPort,
              nodeosPort: nodeos.port,
              fairness: {},
              cache: { paths: { '/v1/chain/get_info': 0.5 } },
              repeats: 2,
            })
      try {
        const limits: number[] = []
        const watch = setInterval(async () => {
          const answer = await fetch(`http://127.0.0.1:${configListenPort}/patroneos/nodes`).catch(
            () => undefined,
          )
          const [node] = ((await answer?.json()) ?? []) as { concurrency: number }[]
          if (node) limits.push(node.concurrency)
        }, 500)
        const row = await run(filter?.port ?? haproxy?.port ?? nodeos.port, attack, seconds, nodeos.used)
        clearInterval(watch)
        if (process.env.SHOW_LIMITS) console.log(limits.join(' '))
        idle[way] ??= row.p99
        const over = row.p99 / idle[way]!
        console.log(
          `| ${attack.name} | ${way} | ${percent(row.good)} | ${ms(row.p50)} | ${ms(row.p99)} (${over.toFixed(1)} x idle) | ${percent(row.busy)} | ${percent(row.attackers)} | ${row.most.toFixed(1)} |`,
        )
        if (!filter || attack.addresses === 0) continue
        if (row.good < 1) failures.push(`${attack.name}: the good client is served ${percent(row.good)}`)
        if (over > 5) failures.push(`${attack.name}: its p99 is ${over.toFixed(1)} times the idle one`)
        if (row.most > 2 && attack.addresses > 1)
          failures.push(`${attack.name}: one address has ${row.most.toFixed(1)} fair shares`)
      } finally {
        await filter?.stop()
        haproxy?.stop()
        nodeos.close()
      }
    }
  return failures
}
