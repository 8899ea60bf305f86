// A stand-in for nodeos, for trying Patroneos out where no node is at hand: it answers get_info with a head that grows,
// takes transactions with 202 as nodeos does, and fails every one that has an action on the contract `failing`.
// As a program: `node e2e/nodeos-stand-in.ts [port]`.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { formatName } from '../worker/transactions/name.ts'
import { decodeTransaction } from '../worker/transactions/packed.ts'

/** Starts a stand-in; port 0 is any free one. */
export async function startNodeosStandIn(
  port: number,
  ip = '127.0.0.1',
): Promise<{ server: Server; port: number }> {
  const server = createServer(async (request, response) => {
    const body = await readAll(request)
    const [status, answer] = respond(request.url ?? '', body)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  server.listen(port, ip)
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function respond(path: string, body: string): [number, unknown] {
  if (path === '/v1/chain/get_info') return [200, info()]
  if (!/^\/v1\/chain\/(push|send)_transaction2?$/.test(path))
    return [404, failure(404, 'Not Found', 0, 'unknown endpoint')]
  if (body === '') return [400, failure(400, 'Invalid Request', 3200006, 'a body is required')]
  const json = JSON.parse(body)
  const { packed_trx } = json.transaction ?? json
  const actions = decodeTransaction(Buffer.from(packed_trx, 'hex')) ?? []
  const fails = actions.some(({ contract }) => contract !== undefined && formatName(contract) === 'failing')
  const what = 'assertion failure with message: out of luck'
  if (fails && !path.endsWith('2')) return [500, failure(500, 'Internal Service Error', 3050003, what)]
  // send_transaction2 is answered as if it had been accepted, with the failure in its trace.
  const except = fails ? { code: 3050003, name: 'eosio_assert_message_exception', message: what } : null
  return [202, { transaction_id: 'ab'.repeat(32), processed: { except } }]
}

/** Of a chain that makes a block every half second since 2020, as all stand-ins of one clock see it. */
function info() {
  const now = Date.now()
  const head = Math.floor((now - Date.UTC(2020, 0, 1)) / 500)
  return {
    server_version: '00000000',
    chain_id: '0'.repeat(64),
    head_block_num: head,
    last_irreversible_block_num: head - 1,
    head_block_time: new Date(now - (now % 500)).toISOString().slice(0, 23),
  }
}

function failure(code: number, message: string, errorCode: number, what: string) {
  const details = [{ message: what, file: '', line_number: 0, method: '' }]
  return { code, message, error: { code: errorCode, name: 'eosio_assert_message_exception', what, details } }
}

if (import.meta.main) {
  const { port } = await startNodeosStandIn(Number(process.argv[2] ?? 8888), '0.0.0.0')
  console.log(`nodeos stand-in: listening on *:${port}`)
}
