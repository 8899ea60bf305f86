// One node of a chain, as a process: its blocks come by the clock, and it does wrong as it is told, over the channel to
// its parent. It keeps the ids of the transactions that it executed.
import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What is wrong with it. */
export type Fault = 'none' | 'behind' | 'another chain' | 'busy' | 'mute' | 'resets'

export type ToStandIn = { fault: Fault } | { tell: true }
export type FromStandIn = { port: number } | { executed: string[]; requests: number }

const CHAIN = 'aca376f206b8fc25a6ed44dbdc66547c36c6c33e3a119ffbeaef943642f0e906'
const BLOCK_INTERVAL = 500
const BLOCKS_BEHIND = 60

let fault: Fault = 'none'
let requests = 0
const executed: string[] = []

function info() {
  const behind = fault === 'behind' ? BLOCKS_BEHIND : 0
  const head = Math.floor(Date.now() / BLOCK_INTERVAL) - behind
  return {
    chain_id: fault === 'another chain' ? CHAIN.replaceAll('a', 'b') : CHAIN,
    head_block_num: head,
    head_block_time: new Date(head * BLOCK_INTERVAL).toISOString().slice(0, -1),
    last_irreversible_block_num: head - 2,
  }
}

function answer(outgoing: ServerResponse, status: number, body: object): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function respond(target: string, body: string, outgoing: ServerResponse): void {
  if (target !== '/v1/chain/push_transaction') {
    answer(outgoing, 200, info())
    return
  }
  const packed = Buffer.from(JSON.parse(body).packed_trx, 'hex')
  const id = createHash('sha256').update(packed).digest('hex')
  executed.push(id)
  answer(outgoing, 202, { transaction_id: id, processed: { except: null } })
}

const server = createServer(async (incoming, outgoing) => {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  requests++
  if (fault === 'mute') return
  if (fault === 'resets') return incoming.socket.resetAndDestroy()
  if (fault === 'busy') {
    const what = 'Too many requests in flight: 897'
    return answer(outgoing, 429, {
      code: 429,
      message: 'Busy',
      error: { code: 429, name: 'Busy', what, details: [] },
    })
  }
  // A push takes a millisecond or so.
  setTimeout(() => respond(incoming.url ?? '', Buffer.concat(chunks).toString(), outgoing), 1)
})
// The port it had before, where it is started again.
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () =>
  process.send!({ port: (server.address() as AddressInfo).port } satisfies FromStandIn),
)

process.on('message', (message: ToStandIn) => {
  if ('fault' in message) fault = message.fault
  else process.send!({ executed: executed.splice(0), requests } satisfies FromStandIn)
})
process.on('disconnect', () => process.exit(0))
