// A nodeos that executes nothing: it answers what client libraries ask before they sign, and keeps every
// request that reached it, with its transactions as wharfkit decodes them.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inflateSync } from 'node:zlib'
import { ABI, PackedTransaction, Serializer } from '@wharfkit/antelope'

export const CHAIN_ID = 'aca376f206b8fc25a6ed44dbdc66547c36c6c33e3a119ffbeaef943642f0e906'

/** The contract that every account has here. */
export const CONTRACT_ABI = ABI.from({
  structs: [
    { name: 'transfer', base: '', fields: ['from', 'to'].map((name) => ({ name, type: 'name' })) },
    { name: 'blob', base: '', fields: [{ name: 'content', type: 'bytes' }] },
  ],
  actions: ['transfer', 'blob'].map((name) => ({ name, type: name, ricardian_contract: '' })),
})

export interface ReceivedTransaction {
  id: string
  signatures: string[]
  /** Hexadecimal, after decompression. */
  contextFreeData: string[]
}

export interface Received {
  method: string
  /** Path and query as they came. */
  target: string
  headers: IncomingHttpHeaders
  body: string
}

export type Respond = (received: Received, outgoing: ServerResponse) => void

export interface NodeosStandIn {
  port: number
  received: Received[]
  /** Everything that reached it and acts on a transaction, decoded. */
  transactions(): ReceivedTransaction[]
  close(): Promise<void>
}

/** Starts on a free loopback port; `respond` answers in place of the usual answers. */
export async function startNodeos(respond: Respond = answerAsNodeos): Promise<NodeosStandIn> {
  const received: Received[] = []
  const server = createServer(async (incoming, outgoing) => {
    const request = await receive(incoming)
    received.push(request)
    respond(request, outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    received,
    transactions: () => received.filter(({ target }) => isPush(target)).flatMap(decodeTransactions),
    close: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Answers every request with one status and one JSON body. */
export function answerWith(status: number, body: unknown, headers: Record<string, string> = {}): Respond {
  return (_received, outgoing) => {
    outgoing.writeHead(status, { 'content-type': 'application/json', ...headers })
    outgoing.end(JSON.stringify(body))
  }
}

async function receive(incoming: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return {
    method: incoming.method!,
    target: incoming.url!,
    headers: incoming.headers,
    body: Buffer.concat(chunks).toString(),
  }
}

const isPush = (target: string) => /^\/v1\/chain\/(?:push|send|compute)_/.test(target)

/** The answers of a nodeos whose every transaction succeeds. */
export const answerAsNodeos: Respond = (received, outgoing) => {
  const call = received.target.split('/').at(-1)!
  const accepted = /^(?:push|send)_transactions?2?$/.test(call)
  answerWith(accepted ? 202 : 200, answerOf(call, received))(received, outgoing)
}

function answerOf(call: string, received: Received): unknown {
  const block = {
    timestamp: new Date().toISOString().slice(0, 23),
    block_num: 100,
    ref_block_num: 100,
    ref_block_prefix: 3_735_928_559,
    id: `${'0'.repeat(62)}64`,
  }
  if (call === 'get_info')
    return {
      chain_id: CHAIN_ID,
      head_block_num: 105,
      last_irreversible_block_num: 104,
      head_block_id: block.id,
      head_block_time: block.timestamp,
    }
  if (call === 'get_block_info') return block
  if (call === 'get_raw_abi')
    return { abi: Buffer.from(Serializer.encode({ object: CONTRACT_ABI }).array).toString('base64') }
  if (call === 'get_required_keys') return { required_keys: JSON.parse(received.body).available_keys }
  if (call === 'push_transactions') return decodeTransactions(received).map(traceOf)
  if (isPush(received.target)) return traceOf(decodeTransactions(received)[0]!)
  return {}
}

function traceOf({ id }: ReceivedTransaction) {
  return { transaction_id: id, processed: { id, receipt: { status: 'executed' }, except: null } }
}

function decodeTransactions({ body }: Received): ReceivedTransaction[] {
  const json = JSON.parse(body)
  const objects: Record<string, unknown>[] = Array.isArray(json) ? json : [json.transaction ?? json]
  return objects.map((object) => {
    const compression = { none: 0, zlib: 1 }[String(object.compression)] ?? object.compression
    const packed = PackedTransaction.from({ ...object, compression } as never)
    const contextFree = packed.packed_context_free_data.array
    const unzipped =
      compression === 1 && contextFree.length > 0 ? new Uint8Array(inflateSync(contextFree)) : contextFree
    return {
      id: String(packed.getTransaction().id),
      signatures: packed.signatures.map(String),
      contextFreeData:
        unzipped.length === 0 ? [] : Serializer.decode({ data: unzipped, type: 'bytes[]' }).map(String),
    }
  })
}
