// What every runtime must do, as plain requests with what must come of them: the answer, what reaches nodeos, and
// what is reported. Each case is sent by a client of its own.
import { deflateSync, gzipSync } from 'node:zlib'
import { PackedTransaction } from '@wharfkit/antelope'
import type { ReportCode } from '../../../shared/violations.ts'
import {
  blob,
  signWithWharfkit,
  type TransactionSpec,
  throwAwayKeys,
  transfer,
} from '../../testing/clients.ts'
import type { UpstreamAnswer } from './endpoints.ts'

/** The configuration for all of them. */
export const CASE_CONFIG = {
  headers: { 'X-Filtered': 'yes', 'X-Secret': '' },
  contractBlackList: { badcontract: true },
  actionBlackList: { 'eosio.token::retire': true },
  authorizerBlackList: { mallory: true },
  maxActions: 3,
  maxTransactions: 2,
  maxTransactionSize: 2_000,
  maxBodySize: 20_000,
  tableRows: { maxLimit: 100, over: 'clamp', blackList: { 'eosio::voters': true } },
  // Else nodeos would be asked for several clients at once.
  cache: { paths: {} },
  repeats: 0,
}

export interface Case {
  what: string
  method?: string
  target?: string
  headers?: string[]
  body?: string | Uint8Array
  answer?: UpstreamAnswer
  status: number
  /** The `message` of a rejection. */
  code?: string
  /** The body of the answer, where nodeos gave it. */
  text?: string
  /** Headers of the answer; undefined: it must not be there. */
  answered?: Record<string, string | undefined>
  /** What reaches nodeos; null: nothing. */
  upstream: { method: string; target: string; body: string } | null
  /** Headers of that request; undefined: it must not be there. */
  upstreamHeaders?: Record<string, string | undefined>
  reports?: ReportCode[]
}

const PUSH = '/v1/chain/push_transaction'
const INFO = '/v1/chain/get_info'
const ROWS = '/v1/chain/get_table_rows'
const NODEOS = '{"from":"nodeos"}'

type Packed = Record<'compression' | 'packed_trx' | 'packed_context_free_data', string> & {
  signatures: string[]
}
const pack = (spec: TransactionSpec, compression = 0): Packed => {
  const packed = JSON.parse(JSON.stringify(PackedTransaction.fromSigned(signWithWharfkit(spec), compression)))
  return { ...packed, compression: compression === 1 ? 'zlib' : 'none' }
}
/** What nodeos gets of a transaction: these fields, in this order. */
const rebuilt = ({ signatures, compression, packed_context_free_data, packed_trx }: Packed) =>
  JSON.stringify({ signatures, compression, packed_context_free_data, packed_trx })

const good = pack({ actions: [transfer('alice', 'bob')] })
const zipped = pack({ actions: [transfer('alice', 'bob')] }, 1)
const unzipped = Buffer.from(good.packed_trx, 'hex')
const withZip = (bytes: Uint8Array) => ({
  ...zipped,
  packed_context_free_data: '',
  packed_trx: Buffer.from(bytes).toString('hex'),
})
const body = (value: unknown) => JSON.stringify(value)

const rejected = (
  what: string,
  code: ReportCode,
  status: number,
  request: Partial<Case>,
  reports: ReportCode[] = [code],
): Case => ({
  what,
  target: PUSH,
  status,
  code,
  answered: { 'x-rejected-by': 'patroneos', 'x-filtered': 'yes' },
  upstream: null,
  reports,
  ...request,
})

export const cases: Case[] = [
  {
    what: 'a read passes, and so does its answer',
    status: 200,
    text: NODEOS,
    answered: { 'x-filtered': 'yes', 'content-type': 'application/json' },
    upstream: { method: 'GET', target: INFO, body: '' },
  },
  {
    what: 'a query passes as it is',
    target: `${INFO}?a=%27&b=%2e%2e/..&c`,
    status: 200,
    upstream: { method: 'GET', target: `${INFO}?a=%27&b=%2e%2e/..&c`, body: '' },
  },
  {
    what: "a read's body passes byte for byte",
    target: ROWS,
    body: '{ "code":"eosio",\n "lower_bound": 18446744073709551615, "n":1.0e2, "u":"\\u00e9é" }',
    status: 200,
    upstream: {
      method: 'POST',
      target: ROWS,
      body: Buffer.from(
        '{ "code":"eosio",\n "lower_bound": 18446744073709551615, "n":1.0e2, "u":"\\u00e9é" }',
      ).toString('latin1'),
    },
    upstreamHeaders: { 'transfer-encoding': undefined },
  },
  {
    what: 'a read of too many rows asks nodeos for fewer, and else for the same',
    target: ROWS,
    body: '{ "limit" : "5000","lower_bound":18446744073709551615}',
    status: 200,
    upstream: {
      method: 'POST',
      target: ROWS,
      body: '{ "limit" : 100,"lower_bound":18446744073709551615}',
    },
    upstreamHeaders: { 'content-length': '51' },
  },
  {
    what: 'a chunked body gets a length',
    target: ROWS,
    headers: ['transfer-encoding', 'chunked'],
    body: '{"a":1}',
    status: 200,
    upstream: { method: 'POST', target: ROWS, body: '{"a":1}' },
    upstreamHeaders: { 'content-length': '7', 'transfer-encoding': undefined },
  },
  {
    what: 'HEAD passes and has no body',
    method: 'HEAD',
    status: 200,
    text: '',
    upstream: { method: 'HEAD', target: INFO, body: '' },
  },
  {
    what: 'OPTIONS passes',
    method: 'OPTIONS',
    status: 200,
    upstream: { method: 'OPTIONS', target: INFO, body: '' },
  },
  {
    what: 'credentials, claims about the client and hop-by-hop headers do not pass',
    headers: [
      ...[
        'authorization',
        'Bearer x',
        'cookie',
        'a=b',
        'forwarded',
        'for=192.0.2.1',
        'x-real-ip',
        '192.0.2.1',
      ],
      ...['x-forwarded-host', 'evil.example', 'cf-ray', '1', 'x-hop', '1', 'te', 'trailers'],
      ...['connection', 'keep-alive, x-hop', 'x-kept', 'yes'],
    ],
    status: 200,
    upstream: { method: 'GET', target: INFO, body: '' },
    upstreamHeaders: {
      ...Object.fromEntries(
        [
          'authorization',
          'cookie',
          'forwarded',
          'x-real-ip',
          'x-forwarded-host',
          'cf-ray',
          'x-hop',
          'te',
        ].map((name) => [name, undefined]),
      ),
      'x-kept': 'yes',
    },
  },
  {
    what: "nodeos's headers pass, less hop-by-hop and configured ones",
    answer: {
      headers: { 'x-node': '1', 'x-secret': '1', 'keep-alive': 'timeout=99', 'cache-control': 'no-store' },
    },
    status: 200,
    answered: { 'x-node': '1', 'x-secret': undefined, 'cache-control': 'no-store' },
    upstream: { method: 'GET', target: INFO, body: '' },
  },
  {
    what: 'a redirect is passed on, not followed',
    answer: { status: 302, headers: { location: '/v1/producer/pause' }, body: '{}' },
    status: 302,
    answered: { location: '/v1/producer/pause' },
    upstream: { method: 'GET', target: INFO, body: '' },
  },
  ...[204, 205, 304].map(
    (status): Case => ({
      what: `a ${status} of nodeos's has no body`,
      answer: { status, body: '' },
      status,
      text: '',
      // RFC 9110, sections 8.6 and 15.3.6.
      answered:
        status === 205 ? { 'content-length': '0' } : status === 204 ? { 'content-length': undefined } : {},
      upstream: { method: 'GET', target: INFO, body: '' },
    }),
  ),
  ...[false, null, '0', 0.9].map(
    (compression): Case => ({
      what: `compression ${JSON.stringify(compression)} is none to nodeos, and written so`,
      target: PUSH,
      body: body({ ...good, compression }),
      answer: { status: 202 },
      status: 202,
      upstream: { method: 'POST', target: PUSH, body: rebuilt(good) },
    }),
  ),
  ...[true, '1', 1].map(
    (compression): Case => ({
      what: `compression ${JSON.stringify(compression)} is zlib to nodeos, and written so`,
      target: PUSH,
      body: body({ ...zipped, compression }),
      answer: { status: 202 },
      status: 202,
      upstream: { method: 'POST', target: PUSH, body: rebuilt(zipped) },
    }),
  ),
  {
    what: 'packed context-free data that is no text counts as none',
    target: PUSH,
    body: body({ ...good, packed_context_free_data: [] }),
    answer: { status: 202 },
    status: 202,
    upstream: { method: 'POST', target: PUSH, body: rebuilt({ ...good, packed_context_free_data: '' }) },
  },
  {
    what: 'options of a wrapper are written as nodeos reads them',
    target: '/v1/chain/send_transaction2',
    body: body({
      return_failure_trace: null,
      retry_trx: 'false',
      retry_trx_num_blocks: '3',
      transaction: good,
    }),
    answer: { status: 202 },
    status: 202,
    upstream: {
      method: 'POST',
      target: '/v1/chain/send_transaction2',
      body: `{"return_failure_trace":false,"retry_trx":false,"retry_trx_num_blocks":3,"transaction":${rebuilt(good)}}`,
    },
  },
  {
    what: '/v2/chain/send_transaction is served, and judged',
    target: '/v2/chain/send_transaction',
    body: body({ transaction: good }),
    answer: { status: 202 },
    status: 202,
    upstream: {
      method: 'POST',
      target: '/v2/chain/send_transaction',
      body: `{"transaction":${rebuilt(good)}}`,
    },
  },
  {
    what: 'an array of ids passes as it came',
    target: ROWS,
    body: ' [1, [], null,"x"] ',
    status: 200,
    upstream: { method: 'POST', target: ROWS, body: ' [1, [], null,"x"] ' },
  },
  ...[429, 503].map(
    (status): Case => ({
      what: `nodeos's ${status} passes with its Retry-After, and is no strike`,
      target: PUSH,
      body: body(good),
      answer: { status, headers: { 'retry-after': '7' }, body: '{"code":1}' },
      status,
      text: '{"code":1}',
      answered: { 'retry-after': '7' },
      upstream: { method: 'POST', target: PUSH, body: rebuilt(good) },
    }),
  ),
  {
    what: 'a transaction passes rebuilt from what was judged',
    target: PUSH,
    headers: ['content-type', 'text/plain'],
    body: `\n{"extra":{"a":[1,2]}, ${body(good).slice(1)} `,
    answer: { status: 202 },
    status: 202,
    upstream: { method: 'POST', target: PUSH, body: rebuilt(good) },
    upstreamHeaders: { 'content-type': 'application/json', 'content-length': String(rebuilt(good).length) },
  },
  {
    what: 'a compressed transaction passes as it is',
    target: PUSH,
    body: body(zipped),
    answer: { status: 202 },
    status: 202,
    upstream: { method: 'POST', target: PUSH, body: rebuilt(zipped) },
  },
  {
    what: 'send_transaction2 keeps its options',
    target: '/v1/chain/send_transaction2',
    body: body({ transaction: good, return_failure_trace: true, other: 1 }),
    answer: { status: 202 },
    status: 202,
    upstream: {
      method: 'POST',
      target: '/v1/chain/send_transaction2',
      body: `{"return_failure_trace":true,"transaction":${rebuilt(good)}}`,
    },
  },
  {
    what: 'a failed transaction is reported and its answer untouched',
    target: PUSH,
    body: body(good),
    answer: { status: 500, body: '{"code":500,"error":{"code":3050003}}' },
    status: 500,
    text: '{"code":500,"error":{"code":3050003}}',
    upstream: { method: 'POST', target: PUSH, body: rebuilt(good) },
    reports: ['TRANSACTION_FAILED'],
  },
  {
    what: 'failures inside an accepted answer are reported one by one',
    target: '/v1/chain/push_transactions',
    body: body([good, good]),
    answer: {
      status: 202,
      body: body([{ processed: { except: { code: 3050003 } } }, { processed: { error: '3050003 x' } }]),
    },
    status: 202,
    upstream: {
      method: 'POST',
      target: '/v1/chain/push_transactions',
      body: `[${rebuilt(good)},${rebuilt(good)}]`,
    },
    reports: ['TRANSACTION_FAILED', 'TRANSACTION_FAILED'],
  },
  rejected('broken JSON', 'INVALID_JSON', 400, { body: '{"a":1' }),
  rejected('text behind the JSON of a read', 'INVALID_JSON', 400, { target: ROWS, body: '{} {}' }, [
    'INVALID_READ',
  ]),
  rejected('a blacklisted table', 'BLACKLISTED_TABLE', 400, {
    target: ROWS,
    body: '{"code":"eosio","table":"voters"}',
  }),
  rejected('a byte order mark', 'INVALID_JSON', 400, { body: '\ufeff{}' }),
  rejected('bytes that are not UTF-8', 'INVALID_JSON', 400, { body: Uint8Array.of(0x22, 0xc3, 0x28, 0x22) }),
  rejected('a push without a body', 'INVALID_JSON', 400, { method: 'POST' }),
  rejected('a compression that nodeos refuses', 'PARSE_ERROR', 400, {
    body: body({ ...good, compression: 'ZLIB' }),
  }),
  rejected('no compression', 'PARSE_ERROR', 400, { body: body({ ...good, compression: undefined }) }),
  rejected('a shape that is no transaction', 'PARSE_ERROR', 400, { body: '{"signatures":[]}' }),
  rejected('an odd digit in the hexadecimal', 'PARSE_ERROR', 400, {
    body: body({ ...good, packed_trx: `${good.packed_trx}0` }),
  }),
  rejected('bytes behind the transaction', 'PARSE_ERROR', 400, {
    body: body({ ...good, packed_trx: `${good.packed_trx}00` }),
  }),
  rejected('bytes behind the zlib stream', 'PARSE_ERROR', 400, {
    body: body(withZip(Buffer.concat([deflateSync(unzipped), Buffer.from('00', 'hex')]))),
  }),
  rejected('a zlib stream that breaks off', 'PARSE_ERROR', 400, {
    body: body(withZip(deflateSync(unzipped).subarray(0, -3))),
  }),
  rejected('a zlib stream with a wrong checksum', 'PARSE_ERROR', 400, {
    body: body(
      withZip(deflateSync(unzipped).map((byte, at, all) => (at === all.length - 1 ? byte ^ 1 : byte))),
    ),
  }),
  rejected('gzip in the place of zlib', 'PARSE_ERROR', 400, { body: body(withZip(gzipSync(unzipped))) }),
  rejected('a small stream that inflates to much', 'INVALID_TRANSACTION_SIZE', 400, {
    body: body(withZip(deflateSync(Buffer.alloc(1_000_000)))),
  }),
  rejected('a large transaction', 'INVALID_TRANSACTION_SIZE', 400, {
    body: body(pack({ actions: [blob(2_000)] })),
  }),
  rejected('too many transactions', 'TOO_MANY_TRANSACTIONS', 400, {
    target: '/v1/chain/push_transactions',
    body: body([good, good, good]),
  }),
  rejected('too many signatures', 'INVALID_NUMBER_SIGNATURES', 400, {
    body: body(pack({ actions: [transfer('alice', 'bob')], keys: throwAwayKeys(11) })),
  }),
  rejected('a blacklisted contract, compressed', 'BLACKLISTED_CONTRACT', 400, {
    body: body(pack({ actions: [transfer('alice', 'bob', 'badcontract')] }, 1)),
  }),
  rejected('a blacklisted authorizer', 'BLACKLISTED_AUTHORIZER', 400, {
    body: body(pack({ actions: [transfer('mallory', 'bob')] })),
  }),
  rejected('too many actions', 'TOO_MANY_ACTIONS', 400, {
    body: body(pack({ actions: Array.from({ length: 4 }, () => transfer('alice', 'bob')) })),
  }),
  rejected('an expired transaction', 'EXPIRED_TRANSACTION', 400, {
    body: body(pack({ actions: [transfer('alice', 'bob')], expiration: '2020-01-01T00:00:00' }, 1)),
  }),
  rejected('a transaction without an action', 'EMPTY_TRANSACTION', 400, {
    body: body(pack({ actions: [] })),
  }),
  rejected('an unpacked transaction', 'UNPACKED_TRANSACTION', 400, {
    body: body({
      signatures: [],
      compression: 'none',
      transaction: { expiration: '2030-01-01T00:00:00', actions: [] },
    }),
  }),
  rejected('a body that says it is too large', 'BODY_TOO_LARGE', 413, { body: 'x'.repeat(20_001) }),
  rejected('a body that turns out to be too large', 'BODY_TOO_LARGE', 413, {
    headers: ['transfer-encoding', 'chunked'],
    body: 'x'.repeat(20_001),
  }),
  rejected('an endpoint that is not for the public', 'ENDPOINT_NOT_ALLOWED', 403, {
    target: '/v1/producer/pause',
    body: '{}',
  }),
  rejected('a denied endpoint', 'ENDPOINT_NOT_ALLOWED', 403, { target: '/v1/chain/push_block', body: '{}' }),
  rejected('a path that is percent-encoded', 'ENDPOINT_NOT_ALLOWED', 403, {
    target: '/v1/chain/push%5ftransaction',
    body: '{}',
  }),
  rejected('two slashes', 'ENDPOINT_NOT_ALLOWED', 403, { target: '//v1/chain/get_info' }),
  rejected('a method that is not served', 'METHOD_NOT_ALLOWED', 405, { method: 'DELETE', target: INFO }),
  rejected('a body with an encoding', 'UNSUPPORTED_ENCODING', 415, {
    headers: ['content-encoding', 'gzip'],
    body: gzipSync(body(good)),
  }),
  {
    what: 'the health check answers for itself',
    target: '/patroneos/health',
    status: 200,
    text: '{"status":"ok"}',
    upstream: null,
  },
  {
    what: "the relay's path is refused",
    target: '/patroneos/fail2ban-relay',
    body: '{}',
    status: 403,
    upstream: null,
  },
  {
    what: 'other paths of its own are not there',
    target: '/patroneos/x',
    status: 404,
    code: 'NOT_FOUND',
    upstream: null,
  },
]
