// Shows what Patroneos does, on free loopback ports and with nothing else installed: a nodeos stand-in, a relay
// and a filter as they run in production, and requests of every kind sent through eosjs.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { deflateSync } from 'node:zlib'
import { Api, JsonRpc, RpcError, Serialize } from 'eosjs'
import { startNodeosStandIn } from './nodeos-stand-in.ts'

const folder = mkdtempSync(join(tmpdir(), 'patroneos-demo-'))
const log = join(folder, 'fail2ban.log')
const children: ChildProcess[] = []
// Whatever goes wrong, nothing is left running.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

/** Starts a program of this repository and resolves to the address it says it listens on. */
async function start(program: string, config: object): Promise<string> {
  const file = join(folder, `${program.split('/')[0]}.json`)
  writeFileSync(
    file,
    JSON.stringify({ listenIP: '127.0.0.1', listenPort: 0, configListenPort: 0, ...config }),
  )
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', program), '--configFile', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)))
    child.stdout!.on('data', (text) => {
      const address = /listening on (\S+),/.exec(String(text))?.[1]
      if (address) resolve(`http://${address}`)
    })
  })
}

const nodeos = await startNodeosStandIn(0)
const relay = await start('relay/node.ts', { logFileLocation: log })
const filter = await start('worker/runtimes/node.ts', {
  nodeosUrl: '127.0.0.1',
  nodeosPort: nodeos.port,
  logEndpoints: [relay],
  contractBlackList: { badcontract: true },
  actionBlackList: { 'eosio.token::retire': true },
  authorizerBlackList: { mallory: true },
  maxSignatures: 3,
  maxTransactionSize: 10_000,
  maxTransactions: 2,
  maxActions: 4,
  tableRows: { maxLimit: 1000, blackList: { 'eosio::secrets': true } },
})

/** Every request is another client's, as a proxy before the filter would say; loopback is trusted for one. */
let clients = 0
const asNextClient: typeof fetch = (url, init) =>
  fetch(url, { ...init, headers: { ...init?.headers, 'x-forwarded-for': addressOf(++clients) } })
const addressOf = (number: number) => `203.0.113.${number}`

const rpc = new JsonRpc(filter, { fetch: asNextClient })
const api = new Api({ rpc, signatureProvider: undefined as never, chainId: '0'.repeat(64) })

interface Wanted {
  contract?: string
  action?: string
  actor?: string
  actions?: number
  /** Seconds from now. */
  expires?: number
  signatures?: number
  dataBytes?: number
}

/** A transaction as eosjs packs it. The signatures are only counted here, so any text will do. */
function transaction(wanted: Wanted) {
  const {
    contract = 'eosio.token',
    action = 'transfer',
    actor = 'alice',
    actions = 1,
    expires = 60,
    signatures = 1,
    dataBytes = 33,
  } = wanted
  const serializedTransaction = api.serializeTransaction({
    expiration: new Date(Date.now() + expires * 1000).toISOString().slice(0, 23),
    ref_block_num: 1,
    ref_block_prefix: 2,
    max_net_usage_words: 0,
    max_cpu_usage_ms: 0,
    delay_sec: 0,
    context_free_actions: [],
    actions: Array.from({ length: actions }, () => ({
      account: contract,
      name: action,
      authorization: [{ actor, permission: 'active' }],
      data: '00'.repeat(dataBytes),
    })),
    transaction_extensions: [],
  })
  return { signatures: Array.from({ length: signatures }, () => 'SIG_K1_demo'), serializedTransaction }
}

/** The JSON form of the same, as eosjs sends it. */
function packed(wanted: Wanted = {}) {
  const { signatures, serializedTransaction } = transaction(wanted)
  const packed_trx = Serialize.arrayToHex(serializedTransaction)
  return { signatures, compression: 0, packed_context_free_data: '', packed_trx }
}

/**
 * Announces a body, as curl does with large ones. Whoever sends a refused body all the same may find the connection
 * reset before the refusal was read.
 */
async function announce(path: string, bytes: number): Promise<unknown> {
  const headers = { 'content-length': bytes, expect: '100-continue', 'x-forwarded-for': addressOf(++clients) }
  const outgoing = request(`${filter}${path}`, { method: 'POST', headers })
  outgoing.flushHeaders()
  const [incoming] = await once(outgoing, 'response')
  return toError(new Response(await text(incoming), { status: incoming.statusCode }))
}

const post = (path: string, body: string) =>
  asNextClient(filter + path, { method: 'POST', body }).then(toError)

/** As eosjs does it with what it cannot send itself: an error for a refusal, and for an exception in a trace. */
async function toError(response: Response): Promise<unknown> {
  const json = (await response.json()) as { processed?: { except?: object } }
  if (!response.ok || json.processed?.except) throw new RpcError(json)
  return json
}

const push = (wanted: Wanted) => () => rpc.push_transaction(transaction(wanted))
const readRows = (wanted: object) =>
  post('/v1/chain/get_table_rows', JSON.stringify({ code: 'eosio', scope: 'eosio', ...wanted }))
const requests: [string, () => Promise<unknown>][] = [
  ['get_info', () => rpc.get_info()],
  ['push_transaction: a transfer', push({})],
  [
    'push_transaction: a transfer, compressed',
    () =>
      rpc.push_transaction({
        ...transaction({}),
        compression: 1,
        serializedTransaction: deflateSync(transaction({}).serializedTransaction),
      }),
  ],
  ['send_transaction: a transfer', () => rpc.send_transaction(transaction({}))],
  ['push_transaction: one that fails on chain', push({ contract: 'failing' })],
  [
    'send_transaction2: one that fails on chain',
    () =>
      post('/v1/chain/send_transaction2', JSON.stringify({ transaction: packed({ contract: 'failing' }) })),
  ],
  ['push_transaction: a blacklisted contract', push({ contract: 'badcontract' })],
  ['push_transaction: a blacklisted action', push({ action: 'retire' })],
  ['push_transaction: a blacklisted authorizer', push({ actor: 'mallory' })],
  ['push_transaction: four signatures', push({ signatures: 4 })],
  ['push_transaction: five actions', push({ actions: 5 })],
  ['push_transaction: 20,000 bytes of data', push({ dataBytes: 20_000 })],
  ['push_transaction: no action', push({ actions: 0 })],
  ['push_transaction: expired an hour ago', push({ expires: -3_600 })],
  ['push_transactions: three at once', () => rpc.push_transactions([1, 2, 3].map(() => transaction({})))],
  [
    'push_transaction: not packed',
    () =>
      post(
        '/v1/chain/push_transaction',
        '{"signatures":[],"compression":"none","transaction":{"expiration":"2026-11-24T12:00:00","actions":[]}}',
      ),
  ],
  [
    'push_transaction: a byte too many',
    () =>
      post(
        '/v1/chain/push_transaction',
        JSON.stringify({ ...packed(), packed_trx: `${packed().packed_trx}00` }),
      ),
  ],
  ['push_transaction: no JSON', () => post('/v1/chain/push_transaction', '{c}')],
  ['get_table_rows: a blacklisted table', () => readRows({ table: 'secrets' })],
  ['get_table_rows: 100,000 rows', () => readRows({ table: 'voters', limit: 100_000 })],
  ['get_table_rows: three megabytes', () => announce('/v1/chain/get_table_rows', 3_000_000)],
  ['producer/pause', () => post('/v1/producer/pause', '{}')],
  ['DELETE get_info', () => asNextClient(`${filter}/v1/chain/get_info`, { method: 'DELETE' }).then(toError)],
]

const rows: string[][] = []
for (const [name, send] of requests) {
  const [verdict, reason] = await send().then(
    () => ['accepted', ''],
    (error) => {
      if (!(error instanceof RpcError)) throw error
      const { code, error: nodeos, processed } = error.json
      if (processed) return ['failed, in a 202', processed.except.message]
      const [detail] = nodeos.details
      return [`${detail.method === 'patroneos' ? 'rejected' : 'failed'} ${code}`, detail.message]
    },
  )
  rows.push([addressOf(clients), name, verdict, reason])
}

// The end of the filter is the end of its queue, so that the log is whole.
const [relayProcess, filterProcess] = children
for (const child of [filterProcess!, relayProcess!]) {
  child.removeAllListeners('exit').kill('SIGTERM')
  await once(child, 'exit')
}
nodeos.server.closeAllConnections()
nodeos.server.close()

const table = [['client', 'request', 'verdict', 'reason'], ...rows]
const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]!.length)))
console.log('\nWhat eosjs was told, through the filter:\n')
for (const row of table)
  console.log(
    `  ${row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()}`,
  )
console.log('\nWhat fail2ban sees in the log that the relay wrote:\n')
for (const line of readFileSync(log, 'utf8').trim().split('\n')) console.log(`  ${line}`)
console.log('')
