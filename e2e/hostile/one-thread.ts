// A nodeos whose main thread is one: requests take their time one after another, and whose time that was is kept. No CPU
// is used up for it, so that the machine's cores are the filter's and the clients'.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { formatName } from '../../worker/transactions/name.ts'
import { decodeTransaction } from '../../worker/transactions/packed.ts'

/** Milliseconds of the main thread. */
export const COSTS = { info: 0.2, read: 0.5, push: 1, failing: 2, scan: 30, large: 5 }

/** Bytes of a large answer. */
const LARGE = 2_000_000

export interface OneThread {
  port: number
  /** Milliseconds by client, since the last call. */
  used(): Map<string, number>
  close(): void
}

function costOf(target: string, body: string): { cost: number; status: number; answer: string } {
  if (target === '/v1/chain/get_info') {
    const head = Math.floor(Date.now() / 500)
    const info = {
      chain_id: 'ab'.repeat(32),
      head_block_num: head,
      head_block_time: new Date(head * 500).toISOString().slice(0, -1),
      last_irreversible_block_num: head - 2,
    }
    return { cost: COSTS.info, status: 200, answer: JSON.stringify(info) }
  }
  if (target === '/v1/chain/get_table_rows') {
    const isScan = body.includes('"limit":1000')
    // A thousand rows are longer than one.
    const rows = Array(isScan ? 1_000 : 1).fill('"0000000000000000000000000000000000000000"')
    const answer = `{"rows":[${rows}],"more":true}`
    return { cost: isScan ? COSTS.scan : COSTS.read, status: 200, answer }
  }
  if (target === '/v1/chain/get_block')
    return { cost: COSTS.large, status: 200, answer: `"${'x'.repeat(LARGE)}"` }
  const actions = decodeTransaction(Buffer.from(JSON.parse(body).packed_trx, 'hex')) ?? []
  const fails = actions.some(({ contract }) => contract !== undefined && formatName(contract) === 'failing')
  if (!fails) return { cost: COSTS.push, status: 202, answer: '{"processed":{"except":null}}' }
  return { cost: COSTS.failing, status: 500, answer: '{"code":500,"error":{"code":3050003,"what":"failed"}}' }
}

export async function startOneThread(): Promise<OneThread> {
  let free = 0
  // In the order in which they are through: timers alone may swap two within a millisecond.
  const underWay: { until: number; answer(): void }[] = []
  const wake = () => {
    while (underWay.length > 0 && underWay[0]!.until <= performance.now()) underWay.shift()!.answer()
    if (underWay.length > 0) setTimeout(wake, Math.max(0, underWay[0]!.until - performance.now()))
  }
  let used = new Map<string, number>()
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const { cost, status, answer } = costOf(incoming.url!, Buffer.concat(chunks).toString())
    const client = String(incoming.headers['x-forwarded-for'] ?? '')
    const now = performance.now()
    free = Math.max(now, free) + cost
    used.set(client, (used.get(client) ?? 0) + cost)
    const write = () => {
      outgoing.writeHead(status, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(answer),
      })
      outgoing.end(answer)
    }
    if (underWay.push({ until: free, answer: write }) === 1) setTimeout(wake, free - now)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    used: () => {
      const before = used
      used = new Map()
      return before
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
