// One request for each class of violation, and how many of them the shipped jails allow.
import { parseName } from '../../worker/transactions/name.ts'
import type { RequestCommand } from './agent.ts'

/** Limits that the filters of the test run with. */
export const filterLimits = {
  maxSignatures: 10,
  maxTransactionSize: 10_000,
  maxTransactions: 32,
  contractBlackList: { badcontract: true },
}

export interface Offence {
  /** Name of the jail without `patroneos-`. */
  jail: string
  /** The violation that is documented to lead to a ban. */
  threshold: number
  /** What the relay writes. */
  code: string
  /** What the client is told, where that is something else. */
  answer?: string
  request: Pick<RequestCommand, 'path' | 'method' | 'body'>
}

const push = (transaction: unknown) => ({
  path: '/v1/chain/push_transaction',
  method: 'POST',
  body: JSON.stringify(transaction),
})

export const offences: readonly Offence[] = [
  {
    jail: 'malformed',
    threshold: 3,
    code: 'INVALID_JSON',
    request: { path: '/v1/chain/push_transaction', method: 'POST', body: '{' },
  },
  {
    jail: 'signatures',
    threshold: 3,
    code: 'INVALID_NUMBER_SIGNATURES',
    request: push(packed({ signatures: 11 })),
  },
  {
    jail: 'contracts',
    threshold: 3,
    code: 'BLACKLISTED_CONTRACT',
    request: push(packed({ contract: 'badcontract' })),
  },
  {
    jail: 'size',
    threshold: 3,
    code: 'INVALID_TRANSACTION_SIZE',
    request: push(packed({ dataBytes: 10_001 })),
  },
  {
    jail: 'batch',
    threshold: 3,
    code: 'TOO_MANY_TRANSACTIONS',
    request: {
      path: '/v1/chain/push_transactions',
      method: 'POST',
      body: JSON.stringify(Array.from({ length: 33 }, () => packed())),
    },
  },
  {
    jail: 'reads',
    threshold: 20,
    code: 'INVALID_READ',
    answer: 'INVALID_JSON',
    request: { path: '/v1/chain/get_block', method: 'POST', body: '{"block_num_or_id": 0000006e}' },
  },
  {
    jail: 'failed',
    threshold: 20,
    code: 'TRANSACTION_FAILED',
    // The stand-in for nodeos fails every transaction on this contract.
    request: push(packed({ contract: 'failing' })),
  },
  {
    jail: 'endpoints',
    threshold: 20,
    code: 'ENDPOINT_NOT_ALLOWED',
    request: { path: '/v1/chain/push_block', method: 'POST', body: '{}' },
  },
]

export const goodRead: Pick<RequestCommand, 'path' | 'method'> = { path: '/v1/chain/get_info', method: 'GET' }
export const goodPush = push(packed())

interface Wanted {
  contract?: string
  signatures?: number
  dataBytes?: number
}

/** A packed transaction of one action, written byte by byte. */
function packed({ contract = 'eosio.token', signatures = 1, dataBytes = 33 }: Wanted = {}) {
  const header = Buffer.alloc(13)
  header.writeUInt32LE(Math.floor(Date.now() / 1000) + 1800)
  // Header: expiration, reference block, limits and delay of 0; no context-free action, one action.
  const bytes = Buffer.concat([
    header,
    Buffer.from([0, 1]),
    name(contract),
    name('transfer'),
    Buffer.from([1]),
    name('alice'),
    name('active'),
    varuint(dataBytes),
    Buffer.alloc(dataBytes),
    Buffer.from([0]),
  ])
  return {
    signatures: Array.from({ length: signatures }, () => 'SIG_K1_test'),
    compression: 'none',
    packed_context_free_data: '',
    packed_trx: bytes.toString('hex'),
  }
}

function name(text: string): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(parseName(text)!)
  return bytes
}

function varuint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}
