// What real client libraries build and sign reaches nodeos unchanged, and they show why something did not.
import { APIError, Checksum256, KeyType, PackedTransaction, type SignedTransaction } from '@wharfkit/antelope'
import { RpcError } from 'eosjs'
import type { PushTransactionArgs } from 'eosjs/dist/eosjs-rpc-interfaces.js'
import { describe, expect, test } from 'vitest'
import {
  blob,
  eosjsClient,
  signWithEosjs,
  signWithWharfkit,
  type TransactionSpec,
  throwAwayKeys,
  transfer,
  wharfkitClient,
} from './testing/clients.ts'
import { ask, startBoth } from './testing/harness.ts'
import type { ReceivedTransaction } from './testing/nodeos-stand-in.ts'

const specs = {
  'one action': { actions: [transfer('alice', 'bob')] },
  'thirty actions': {
    actions: Array.from({ length: 30 }, (_, index) => transfer('alice', `bob${'abcdefghij'[index % 10]}`)),
  },
  'context-free actions, with their data': {
    actions: [transfer('alice', 'bob')],
    contextFreeActions: [blob(3), blob(0)],
    contextFreeData: ['0102ff', '', '00'.repeat(300)],
  },
  'as many signatures as are allowed': { actions: [transfer('alice', 'bob')], keys: throwAwayKeys(10) },
  'a signature of a secp256r1 key': {
    actions: [transfer('alice', 'bob')],
    keys: throwAwayKeys(1, KeyType.R1),
  },
  'data of 100,000 bytes': { actions: [blob(100_000)] },
  'a thirteen-character name': { actions: [transfer('zzzzzzzzzzzzj', 'a.b.c')] },
} satisfies Record<string, TransactionSpec>

const matrix = (sends: object) =>
  Object.keys(sends).flatMap((send) => Object.keys(specs).map((spec) => [send, spec] as const))

describe('eosjs', () => {
  type Client = ReturnType<typeof eosjsClient>
  const { deflateSerializedArray: deflate } = eosjsClient('').api
  const compressed = (signed: PushTransactionArgs): PushTransactionArgs => ({
    ...signed,
    compression: 1,
    serializedTransaction: deflate(signed.serializedTransaction),
    serializedContextFreeData: deflate(signed.serializedContextFreeData ?? new Uint8Array([0])),
  })
  const sends = {
    'push_transaction, not compressed': ({ api }: Client, signed: PushTransactionArgs) =>
      api.pushSignedTransaction(signed),
    'push_transaction, compressed': ({ api }: Client, signed: PushTransactionArgs) =>
      api.pushCompressedSignedTransaction(signed),
    'send_transaction, not compressed': ({ rpc }: Client, signed: PushTransactionArgs) =>
      rpc.send_transaction(signed),
    'send_transaction, compressed': ({ rpc }: Client, signed: PushTransactionArgs) =>
      rpc.send_transaction(compressed(signed)),
    'push_transactions with one of each': ({ rpc }: Client, signed: PushTransactionArgs) =>
      rpc.push_transactions([signed, compressed(signed)]),
  }

  test.each(matrix(sends))('%s: a transaction of %s arrives as it was signed', async (send, spec) => {
    const { nodeos, filter } = await startBoth()
    const signed = await signWithEosjs(filter.url, specs[spec as keyof typeof specs])
    await sends[send as keyof typeof sends](eosjsClient(filter.url), signed)
    const expected = expectedOf(signed, specs[spec as keyof typeof specs])
    expect(nodeos.transactions()).toEqual(send.includes('one of each') ? [expected, expected] : [expected])
    expect(filter.reports).toEqual([])
  })

  test('push_ro_transaction: a read-only transaction arrives as it was signed', async () => {
    const { nodeos, filter } = await startBoth()
    const signed = await signWithEosjs(filter.url, specs['one action'])
    await eosjsClient(filter.url).rpc.push_ro_transaction(signed, true)
    expect(nodeos.transactions()).toEqual([expectedOf(signed, specs['one action'])])
    expect(JSON.parse(nodeos.received.at(-1)!.body)).toMatchObject({ return_failure_traces: true })
  })

  test('transact: a transaction with a resource payer, which is an extension, arrives', async () => {
    const { nodeos, filter } = await startBoth()
    const payer = { payer: 'carol', max_net_bytes: 1000, max_cpu_us: 1000, max_memory_bytes: 1000 }
    const result = await eosjsClient(filter.url).api.transact(
      { actions: specs['one action'].actions, resource_payer: payer },
      { blocksBehind: 3, expireSeconds: 30 },
    )
    expect(result).toMatchObject({ transaction_id: nodeos.transactions()[0]!.id })
  })

  test('RpcError shows the reason of a rejection', async () => {
    const { filter } = await startBoth({ contractBlackList: { 'eosio.token': true } })
    const error: unknown = await eosjsClient(filter.url)
      .api.transact(specs['one action'], { blocksBehind: 3, expireSeconds: 30 })
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RpcError)
    const reason =
      'BLACKLISTED_CONTRACT: Transaction has an action on contract eosio.token, which is blacklisted'
    expect((error as RpcError).message).toBe(reason)
    expect((error as RpcError).json).toMatchObject({ message: 'BLACKLISTED_CONTRACT', code: 400 })
  })

  const expectedOf = (signed: PushTransactionArgs, spec: TransactionSpec): ReceivedTransaction => ({
    id: String(Checksum256.hash(signed.serializedTransaction)),
    signatures: signed.signatures,
    contextFreeData: spec.contextFreeData ?? [],
  })
})

describe('wharfkit', () => {
  type Client = ReturnType<typeof wharfkitClient>
  const sends = {
    push_transaction: (client: Client, packed: PackedTransaction) => client.v1.chain.push_transaction(packed),
    send_transaction: (client: Client, packed: PackedTransaction) => client.v1.chain.send_transaction(packed),
    send_transaction2: (client: Client, packed: PackedTransaction) =>
      client.v1.chain.send_transaction2(packed),
    compute_transaction: (client: Client, packed: PackedTransaction) =>
      client.v1.chain.compute_transaction(packed),
    send_read_only_transaction: (client: Client, packed: PackedTransaction) =>
      client.v1.chain.send_read_only_transaction(packed),
    push_ro_transaction: (client: Client, packed: PackedTransaction) =>
      client.call({ path: '/v1/chain/push_ro_transaction', params: { transaction: packed } }),
    push_transactions: (client: Client, packed: PackedTransaction) =>
      client.call({ path: '/v1/chain/push_transactions', params: [packed] }),
  }

  test.each(matrix(sends))('%s: a transaction of %s arrives as it was signed', async (send, spec) => {
    const { nodeos, filter } = await startBoth()
    const signed = signWithWharfkit(specs[spec as keyof typeof specs])
    const client = wharfkitClient(filter.url)
    await sends[send as keyof typeof sends](client, PackedTransaction.fromSigned(signed, 0))
    await sends[send as keyof typeof sends](client, PackedTransaction.fromSigned(signed, 1))
    expect(nodeos.transactions()).toEqual([expectedOf(signed), expectedOf(signed)])
    expect(filter.reports).toEqual([])
  })

  test('send_transaction2: its options arrive', async () => {
    const { nodeos, filter } = await startBoth()
    const options = { return_failure_trace: false, retry_trx: true, retry_trx_num_blocks: 12 }
    await wharfkitClient(filter.url).v1.chain.send_transaction2(
      signWithWharfkit(specs['one action']),
      options,
    )
    expect(JSON.parse(nodeos.received[0]!.body)).toMatchObject(options)
  })

  test('push_transactions: as many transactions as are allowed arrive, in their order', async () => {
    const { nodeos, filter } = await startBoth()
    const signed = Array.from({ length: 32 }, (_, index) => signWithWharfkit({ actions: [blob(index)] }))
    const packed = signed.map((transaction, index) => PackedTransaction.fromSigned(transaction, index % 2))
    await wharfkitClient(filter.url).call({ path: '/v1/chain/push_transactions', params: packed })
    expect(nodeos.transactions()).toEqual(signed.map(expectedOf))
  })

  test.each([
    ['"none", without context-free data, as cleos sends it', 'none'],
    ['"zlib"', 'zlib'],
  ] as const)('compression as text, %s, arrives', async (_what, compression) => {
    const { nodeos, filter } = await startBoth()
    const signed = signWithWharfkit(specs['one action'])
    const { packed_trx, signatures } = PackedTransaction.fromSigned(signed, compression === 'zlib' ? 1 : 0)
    const body = JSON.stringify({ signatures, compression, packed_context_free_data: '', packed_trx })
    expect(await ask(filter.port, { target: '/v1/chain/send_transaction', body })).toMatchObject({
      status: 202,
    })
    expect(nodeos.transactions()).toEqual([expectedOf(signed)])
  })

  test('APIError shows the reason of a rejection', async () => {
    const { filter } = await startBoth({ maxActions: 1 })
    const signed = signWithWharfkit(specs['thirty actions'])
    const error: unknown = await wharfkitClient(filter.url)
      .v1.chain.push_transaction(signed)
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(APIError)
    const { message, name, code, details } = error as APIError
    const reason = 'Transaction has 30 actions; at most 1 are allowed'
    expect({ message, name, code }).toEqual({
      message: `${reason} at /v1/chain/push_transaction`,
      name: 'too_many_actions',
      code: 400,
    })
    expect(details[0]!.message).toBe(`TOO_MANY_ACTIONS: ${reason}`)
  })

  const expectedOf = (signed: SignedTransaction): ReceivedTransaction => ({
    id: String(signed.id),
    signatures: signed.signatures.map(String),
    contextFreeData: signed.context_free_data.map(String),
  })
})
