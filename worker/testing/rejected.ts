// Requests that a filter rejects: for the tests of whoever judges them.
import { PackedTransaction } from '@wharfkit/antelope'
import type { ReportCode, ViolationCode } from '../../shared/violations.ts'
import { blob, signWithWharfkit, type TransactionSpec, throwAwayKeys, transfer } from './clients.ts'
import type { Ask } from './harness.ts'

const push = (body: unknown, more: Partial<Ask> = {}): Ask => ({
  target: '/v1/chain/push_transaction',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...more,
})
const packed = (spec: TransactionSpec, compression = 0) =>
  PackedTransaction.fromSigned(signWithWharfkit(spec), compression)
const one = { actions: [transfer('alice', 'bob')] }
const unpackedOne = signWithWharfkit(one).transaction
const object = JSON.parse(JSON.stringify(packed(one)))

/** A request that is rejected, and why. */
export interface RejectedRequest {
  what: string
  code: ViolationCode
  /** What relays are told, where it is not the code. */
  reported?: ReportCode
  /** The sentence that says what was found and what is allowed. */
  detail: string
  ask: Ask
  /** Where it is not this machine. */
  client?: string
  settings?: object
  headers?: Record<string, string>
}

/** One or more for every code, but those of nodeos, of limits over time and of what is no request. */
export const rejected: RejectedRequest[] = [
  {
    what: 'a body that is no JSON',
    code: 'INVALID_JSON',
    detail: 'The body is not one JSON text',
    ask: push('{"name"}'),
  },
  {
    what: 'a second JSON text behind the first',
    code: 'INVALID_JSON',
    detail: 'The body is not one JSON text',
    ask: push(`${JSON.stringify(object)}{}`),
  },
  {
    what: 'bytes that are not UTF-8',
    code: 'INVALID_JSON',
    detail: 'The body is not valid UTF-8',
    ask: push('', { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) }),
  },
  {
    what: 'a push without a body',
    code: 'INVALID_JSON',
    detail: 'The body is empty',
    ask: push(''),
  },
  {
    what: 'JSON nested too deep',
    code: 'INVALID_JSON',
    detail: 'JSON is nested deeper than 4 levels',
    ask: { target: '/v1/chain/get_table_rows', body: '{"a":{"b":{"c":{"d":{}}}}}' },
    reported: 'INVALID_READ',
    settings: { maxJsonDepth: 4 },
  },
  {
    what: 'JSON that is no transaction',
    code: 'PARSE_ERROR',
    detail: 'A transaction has no array "signatures"',
    ask: push({}),
  },
  {
    what: 'packed bytes with one too many',
    code: 'PARSE_ERROR',
    detail: '"packed_trx" does not decode exactly',
    ask: push({ ...object, packed_trx: `${object.packed_trx}00` }),
  },
  {
    what: 'three transactions where two are allowed',
    code: 'TOO_MANY_TRANSACTIONS',
    detail: 'Request has 3 transactions; at most 2 are allowed',
    ask: push([object, object, object], { target: '/v1/chain/push_transactions' }),
    settings: { maxTransactions: 2 },
  },
  {
    what: 'a packed transaction over the size',
    code: 'INVALID_TRANSACTION_SIZE',
    detail: '"packed_trx" has 250 bytes; at most 200 are allowed',
    ask: push(packed({ actions: [blob(197)] })),
    settings: { maxTransactionSize: 200 },
  },
  {
    what: 'a zlib transaction that is over the size when inflated',
    code: 'INVALID_TRANSACTION_SIZE',
    detail: '"packed_trx" has over 200 bytes; at most 200 are allowed',
    ask: push(packed({ actions: [blob(197)] }, 1)),
    settings: { maxTransactionSize: 200 },
  },
  {
    what: 'context-free data over the size',
    code: 'INVALID_TRANSACTION_SIZE',
    detail: '"packed_context_free_data" has over 200 bytes; at most 200 are allowed',
    ask: push(packed({ ...one, contextFreeData: ['00'.repeat(200)] }, 1)),
    settings: { maxTransactionSize: 200 },
  },
  {
    what: 'transactions that inflate to too much together',
    code: 'INVALID_TRANSACTION_SIZE',
    detail: 'The transactions of the request inflate to too many bytes in all',
    ask: push([packed({ actions: [blob(600)] }, 1), packed({ actions: [blob(600)] }, 1)], {
      target: '/v1/chain/push_transactions',
    }),
    settings: { maxInflatedSize: 1000 },
  },
  {
    what: 'eleven signatures where ten are allowed',
    code: 'INVALID_NUMBER_SIGNATURES',
    detail: 'Transaction has 11 signatures; at most 10 are allowed',
    ask: push(packed({ ...one, keys: throwAwayKeys(11) })),
  },
  {
    what: 'an action on a blacklisted contract, compressed',
    code: 'BLACKLISTED_CONTRACT',
    detail: 'Transaction has an action on contract eosio.token, which is blacklisted',
    ask: push(packed(one, 1)),
    settings: { contractBlackList: { 'eosio.token': true } },
  },
  {
    what: 'a context-free action on a blacklisted contract',
    code: 'BLACKLISTED_CONTRACT',
    detail: 'Transaction has an action on contract storage, which is blacklisted',
    ask: push(packed({ ...one, contextFreeActions: [blob(1)] })),
    settings: { contractBlackList: { storage: true } },
  },
  {
    what: 'an action on a contract that is not on the allow list',
    code: 'BLACKLISTED_CONTRACT',
    detail: 'Transaction has an action on contract eosio.token, which is not on the allow list',
    ask: push(packed(one)),
    settings: { contractAllowList: { storage: true } },
  },
  {
    what: 'a blacklisted action of a contract',
    code: 'BLACKLISTED_ACTION',
    detail: 'Transaction has the action eosio.token::transfer, which is blacklisted',
    ask: push({ transaction: packed(one) }, { target: '/v1/chain/send_transaction2' }),
    settings: { actionBlackList: { 'eosio.token::transfer': true } },
  },
  {
    what: 'the authority of a blacklisted account',
    code: 'BLACKLISTED_AUTHORIZER',
    detail: 'Transaction is authorized by alice, which is blacklisted',
    ask: push({ transaction: packed(one) }, { target: '/v1/chain/compute_transaction' }),
    settings: { authorizerBlackList: { alice: true } },
  },
  {
    what: 'two actions, one of them context-free, where one is allowed',
    code: 'TOO_MANY_ACTIONS',
    detail: 'Transaction has 2 actions; at most 1 are allowed',
    ask: push(packed({ ...one, contextFreeActions: [blob(1)] })),
    settings: { maxActions: 1 },
  },
  {
    what: 'authorizations over all actions',
    code: 'TOO_MANY_AUTHORIZATIONS',
    detail: 'Transaction has 3 authorizations; at most 2 are allowed',
    ask: push(packed({ actions: [blob(1), blob(2), blob(3)] })),
    settings: { maxAuthorizations: 2 },
  },
  {
    what: 'an unpacked transaction',
    code: 'UNPACKED_TRANSACTION',
    detail: 'Transaction is not packed; send it as "packed_trx"',
    ask: push({ signatures: [], compression: 'none', transaction: unpackedOne }),
  },
  {
    what: 'more rows of a table than are allowed',
    code: 'TABLE_LIMIT',
    detail: 'Request asks for 1001 rows; at most 1000 are allowed at one time',
    ask: { target: '/v1/chain/get_table_rows', body: '{"code":"eosio","table":"voters","limit":"1001"}' },
    settings: { tableRows: { maxLimit: 1000 } },
  },
  {
    what: 'a table that is blacklisted, by an escape that nodeos drops',
    code: 'BLACKLISTED_TABLE',
    detail: 'Request reads the table bob::foos, which is blacklisted',
    ask: { target: '/v1/chain/get_table_rows', body: '{"code":"bob","ta\\ble":"foos"}' },
    settings: { tableRows: { blackList: { 'bob::foos': true } } },
  },
  {
    what: 'a transaction whose time is over',
    code: 'EXPIRED_TRANSACTION',
    detail: 'Transaction expired at 2020-01-01T00:00:00Z, more than 10 s ago',
    ask: push(packed({ ...one, expiration: '2020-01-01T00:00:00' }, 1)),
  },
  {
    what: 'a transaction that lives too long',
    code: 'EXPIRED_TRANSACTION',
    detail: 'Transaction expires at 2099-12-31T23:59:59Z, more than 3600 s from now',
    ask: push(
      { transaction: packed({ ...one, expiration: '2099-12-31T23:59:59' }) },
      { target: '/v1/chain/compute_transaction' },
    ),
  },
  {
    what: 'a transaction without an action',
    code: 'EMPTY_TRANSACTION',
    detail: 'Transaction has no action; one with an authorization is required',
    ask: push(packed({ actions: [] })),
  },
  {
    what: 'a transaction that nobody authorizes',
    code: 'EMPTY_TRANSACTION',
    detail: 'Transaction has no authorization; one is required',
    ask: push(packed({ actions: [], contextFreeActions: [blob(1)] })),
  },
  {
    what: 'a body over the size by its Content-Length',
    code: 'BODY_TOO_LARGE',
    detail: 'Request body has 34 bytes; at most 32 are allowed',
    ask: { target: '/v1/chain/get_block', body: `{"block_num_or_id":"${'1'.repeat(12)}"}` },
    settings: { maxBodySize: 32 },
    headers: { connection: 'close' },
  },
  {
    what: 'a body over the size that came without Content-Length',
    code: 'BODY_TOO_LARGE',
    detail: 'Request body has over 32 bytes; at most 32 are allowed',
    ask: {
      target: '/v1/chain/get_block',
      headers: ['Transfer-Encoding', 'chunked'],
      body: `{"block_num_or_id":"${'1'.repeat(12)}"}`,
    },
    settings: { maxBodySize: 32 },
    headers: { connection: 'close' },
  },
  {
    what: 'a path that is not on the list',
    code: 'ENDPOINT_NOT_ALLOWED',
    detail: 'Path /v1/producer/pause is not served here',
    ask: { target: '/v1/producer/pause' },
  },
  {
    what: 'a path that is denied',
    code: 'ENDPOINT_NOT_ALLOWED',
    detail: 'Path /v1/chain/push_block is not served here',
    ask: push({}, { target: '/v1/chain/push_block' }),
  },
  {
    what: 'a method that nodeos would execute all the same',
    code: 'METHOD_NOT_ALLOWED',
    detail: 'Method PUT is not served; allowed are GET, HEAD, POST, OPTIONS',
    ask: push(object, { method: 'PUT' }),
    headers: { allow: 'GET, HEAD, POST, OPTIONS' },
  },
  {
    what: 'too many header lines',
    code: 'TOO_MANY_HEADERS',
    detail: 'Request has 7 header lines; at most 6 are allowed',
    ask: { headers: Array.from({ length: 5 }, (_, index) => [`x-${index}`, '1']).flat() },
    settings: { maxHeaders: 6 },
  },
  {
    what: 'a body with a Content-Encoding',
    code: 'UNSUPPORTED_ENCODING',
    detail: 'A request body is taken without Content-Encoding only',
    ask: push(object, { headers: ['Content-Encoding', 'gzip'] }),
  },
  {
    what: 'an address that is blocked',
    code: 'BLOCKED_ADDRESS',
    detail: '203.0.113.9 is on the list of blocked addresses',
    ask: { headers: ['x-forwarded-for', '203.0.113.9'] },
    client: '203.0.113.9',
    settings: { ipBlockList: ['203.0.113.0/24'] },
  },
  {
    what: 'a body where the filter holds as much as it may',
    code: 'OVERLOADED',
    detail: 'Too many request bodies at one time; try again',
    ask: push(object),
    settings: { maxBufferedBytes: 10 },
    headers: { 'retry-after': '1' },
  },
]

/**
 * Those that need no listener and no other request: how many bytes are held depends on the requests beside it, and how a
 * body is framed is the listener's.
 */
export const rejectedAlone = rejected.filter(
  ({ code, ask: { headers = [] } }) => code !== 'OVERLOADED' && !headers.includes('chunked'),
)
