import { describe, expect, it } from 'vitest'
import {
  type ActionSpec,
  compress,
  packContextFreeData,
  packTransaction,
  SIGNATURES,
  toHex,
  unpackedTransaction,
} from '../fuzz/transactions.ts'
import { readRequest, TRANSACTION_TARGETS } from './request.ts'

const action = (account: string): ActionSpec => ({
  account,
  name: 'act',
  authorization: [{ actor: 'alice', permission: 'active' }],
  data: '0011',
})
const packed = (account: string) => toHex(packTransaction({ actions: [action(account)] }))
const unpacked = (account: string) => unpackedTransaction({ actions: [action(account)] })

const FIRST = packed('first')
const SECOND = packed('second')
const SIGNED = `"signatures":["${SIGNATURES[0]}"]`
const ENVELOPE = `${SIGNED},"compression":"none"`
const PUSH = '/v1/chain/push_transaction'

const read = (text: string, target = PUSH, method = 'POST') =>
  readRequest(method, target, Buffer.from(text, 'latin1'))
const accounts = (text: string, target = PUSH, method = 'POST') =>
  read(text, target, method).transactions.flatMap(({ actions }) => actions.map(({ account }) => account))

describe('bodies that a live nodeos executed', () => {
  it.each<[string, string, string]>([
    [
      'packed_trx twice: the first',
      `{${ENVELOPE},"packed_trx":"${FIRST}","packed_trx":"${SECOND}"}`,
      'first',
    ],
    [
      'an escaped packed_trx beside transaction: the transaction',
      `{${ENVELOPE},"packed\\u005ftrx":"${FIRST}","transaction":${JSON.stringify(unpacked('second'))}}`,
      'second',
    ],
    [
      'an empty packed_trx beside transaction: the transaction',
      `{${ENVELOPE},"packed_trx":"","transaction":${JSON.stringify(unpacked('second'))}}`,
      'second',
    ],
    [
      'packed_trx beside transaction: the packed one',
      `{${ENVELOPE},"transaction":${JSON.stringify(unpacked('second'))},"packed_trx":"${FIRST}"}`,
      'first',
    ],
    [
      'a packed_trx that is no string beside transaction: the transaction',
      `{${ENVELOPE},"packed_trx":["${FIRST}"],"transaction":${JSON.stringify(unpacked('second'))}}`,
      'second',
    ],
    [
      'a stray backslash in a name',
      `{${ENVELOPE},"transaction":${JSON.stringify(unpacked('first')).replace('"first"', '"\\first"')}}`,
      'first',
    ],
    [
      'a stray backslash inside a name',
      `{${ENVELOPE},"transaction":${JSON.stringify(unpacked('eosio')).replace('"eosio"', '"eos\\io"')}}`,
      'eosio',
    ],
    ['text after the object', `{${ENVELOPE},"packed_trx":"${FIRST}"} trailing`, 'first'],
    [
      'a second object after the first',
      `{${ENVELOPE},"packed_trx":"${FIRST}"}{"packed_trx":"${SECOND}"}`,
      'first',
    ],
    ['no commas', `{${SIGNED} "compression":"none" "packed_trx":"${FIRST}"}`, 'first'],
    ['doubled commas', `{,${SIGNED},,"compression":"none",,"packed_trx":"${FIRST}",,}`, 'first'],
    ['a raw newline in a string', `{${ENVELOPE},"note":"a\nb","packed_trx":"${FIRST}"}`, 'first'],
    ['compression null', `{${SIGNED},"compression":null,"packed_trx":"${FIRST}"}`, 'first'],
    ['compression "0"', `{${SIGNED},"compression":"0","packed_trx":"${FIRST}"}`, 'first'],
    ['compression 0.9', `{${SIGNED},"compression":0.9,"packed_trx":"${FIRST}"}`, 'first'],
    [
      'compression true on zlib bytes',
      `{${SIGNED},"compression":true,"packed_trx":"${toHex(compress(Buffer.from(FIRST, 'hex')))}"}`,
      'first',
    ],
    ['upper-case hex', `{${ENVELOPE},"packed_trx":"${FIRST.toUpperCase()}"}`, 'first'],
    ['a trailing byte after the transaction', `{${ENVELOPE},"packed_trx":"${FIRST}00"}`, 'first'],
    [
      'a two-byte varuint for 0',
      `{${ENVELOPE},"packed_trx":"${FIRST.slice(0, 20)}8000${FIRST.slice(22)}"}`,
      'first',
    ],
    ['unknown keys', `{"actions":[],"x":{},${ENVELOPE},"packed_trx":"${FIRST}"}`, 'first'],
    ['an unquoted word for a value', `{"x":nope,${ENVELOPE},"packed_trx":"${FIRST}"}`, 'first'],
  ])('%s', (_name, body, account) => {
    expect(accounts(body)).toEqual([account])
  })

  it('send_transaction2 with an unpacked transaction in its transaction', () => {
    const inner = `{${ENVELOPE},"transaction":${JSON.stringify(unpacked('first'))}}`
    expect(accounts(`{"transaction":${inner}}`, '/v1/chain/send_transaction2')).toEqual(['first'])
  })

  it.each(['GET', 'PUT', 'POST', 'HEAD', 'DELETE', 'PATCH', 'BREW'])('%s with a body', (method) => {
    expect(accounts(`{${ENVELOPE},"packed_trx":"${FIRST}"}`, PUSH, method)).toEqual(['first'])
  })
})

describe('requests on which a live nodeos did not act', () => {
  it.each<[string, string]>([
    ['compression true on plain bytes', `{${SIGNED},"compression":true,"packed_trx":"${FIRST}"}`],
    ['compression "NONE"', `{${SIGNED},"compression":"NONE","packed_trx":"${FIRST}"}`],
    ['compression absent', `{${SIGNED},"packed_trx":"${FIRST}"}`],
    ['signatures absent', `{"compression":0,"packed_trx":"${FIRST}"}`],
    ['odd hex', `{${ENVELOPE},"packed_trx":"${FIRST}0"}`],
    ['upper-case keys', `{${ENVELOPE},"PACKED_TRX":"${FIRST}"}`],
    ['[P] for P', `[{${ENVELOPE},"packed_trx":"${FIRST}"}]`],
    ['P wrapped once too often', `{"transaction":{${ENVELOPE},"packed_trx":"${FIRST}"}}`],
    ['a byte order mark', `\xef\xbb\xbf{${ENVELOPE},"packed_trx":"${FIRST}"}`],
    ['an empty body', ''],
    ['an empty object', ' { \t } '],
  ])('%s', (_name, body) => {
    const { transactions, errors } = read(body)
    expect(transactions).toEqual([])
    expect(errors).not.toEqual([])
  })

  it('P wrapped once too little', () => {
    expect(accounts(`{${ENVELOPE},"packed_trx":"${FIRST}"}`, '/v1/chain/send_transaction2')).toEqual([])
  })

  it('OPTIONS with a body', () => {
    expect(accounts(`{${ENVELOPE},"packed_trx":"${FIRST}"}`, PUSH, 'OPTIONS')).toEqual([])
  })

  it.each([
    `${PUSH}?x`,
    `${PUSH}/`,
    '/v1/chain//push_transaction',
    '/v1/chain/./push_transaction',
    '/v1/chain/%70ush_transaction',
    '/v1/chain/PUSH_transaction',
    '/v1/chain/push_transaction#x',
    `http://localhost${PUSH}`,
    '/v1/chain/get_info',
    '*',
    '',
    'constructor',
  ])('the target %s', (target) => {
    expect(accounts(`{${ENVELOPE},"packed_trx":"${FIRST}"}`, target)).toEqual([])
  })

  it('a body over 2 MiB', () => {
    const body = `{${ENVELOPE},"packed_trx":"${FIRST}"}`
    expect(accounts(body.padEnd(2 * 1024 * 1024))).toEqual(['first'])
    expect(accounts(body.padEnd(2 * 1024 * 1024 + 1))).toEqual([])
  })
})

describe('what it says of a transaction', () => {
  it('counts signatures, context-free actions, data and bytes', () => {
    const bytes = packTransaction({
      contextFreeActions: [action('free')],
      actions: [action('first'), { ...action('second'), data: 'aa'.repeat(300) }],
    })
    const contextFreeData = toHex(packContextFreeData([new Uint8Array(40)]))
    const body = `{"signatures":["${SIGNATURES.join('","')}"],"compression":0,"packed_trx":"${toHex(bytes)}00","packed_context_free_data":"${contextFreeData}"}`
    expect(read(body).transactions).toMatchObject([
      {
        form: 'packed',
        compression: 'none',
        signatures: 2,
        contextFreeActions: [{ account: 'free', name: 'act' }],
        actions: [{ authorization: [{ actor: 'alice', permission: 'active' }] }, { dataSize: 300 }],
        contextFreeData: [40],
        size: bytes.length + 1,
        trailing: 1,
      },
    ])
  })

  it('finds context-free data as an array too, even beside packed_trx', () => {
    const data = '"context_free_data":["00112233",""]'
    const sizes = (text: string) => read(text).transactions.map(({ contextFreeData }) => contextFreeData)
    expect(sizes(`{${ENVELOPE},"packed_trx":"${FIRST}",${data}}`)).toEqual([[4, 0]])
    expect(sizes(`{${ENVELOPE},"packed_trx":"${FIRST}","packed_context_free_data":"",${data}}`)).toEqual([
      [4, 0],
    ])
    expect(sizes(`{${ENVELOPE},"packed_trx":"${FIRST}","packed_context_free_data":"0100",${data}}`)).toEqual([
      [0],
    ])
    expect(
      sizes(`{${ENVELOPE},"packed_trx":"${FIRST}","packed_context_\\free_data":"0100",${data}}`),
    ).toEqual([[0]])
  })

  it('sizes an unpacked transaction as it would be packed', () => {
    const spec = { contextFreeActions: [action('free')], actions: [action('first')], maxNetUsageWords: 200 }
    const body = `{${ENVELOPE},"transaction":${JSON.stringify(unpackedTransaction(spec))}}`
    expect(read(body).transactions[0]!.size).toBe(packTransaction(spec).length)
  })

  it('takes hex_data where data is none, and leaves data of an object to the ABI', () => {
    const sizes = (fields: string) =>
      read(
        `{${ENVELOPE},"transaction":{"actions":[{"account":"a","name":"b"${fields}}]}}`,
      ).transactions.flatMap(({ actions }) => actions.map(({ dataSize }) => dataSize))
    expect(sizes(',"data":"0011","hex_data":"001122"')).toEqual([2])
    expect(sizes(',"data":"","hex_data":"001122"')).toEqual([0])
    expect(sizes(',"data":null,"hex_data":"001122"')).toEqual([3])
    expect(sizes(',"hex_data":"001122"')).toEqual([3])
    expect(sizes(',"data":{"from":"a"}')).toEqual([undefined])
    expect(sizes('')).toEqual([])
    expect(sizes(',"data":[1]')).toEqual([])
  })

  it('goes on after a refused transaction of push_transactions, but refuses a list with a non-object', () => {
    const list = '/v1/chain/push_transactions'
    const good = `{${ENVELOPE},"packed_trx":"${FIRST}"}`
    const reading = read(`[${good},{${SIGNED}},${good}]`, list)
    expect(reading.transactions).toHaveLength(2)
    expect(reading).toMatchObject({ attempted: 3, errors: ['compression is missing'] })
    expect(accounts(`[${good},7]`, list)).toEqual([])
    expect(accounts(`[[${good}]]`, list)).toEqual([])
    expect(accounts(good, list)).toEqual([])
    expect(accounts(`[${Array(1000).fill(good).join('')}]`, list)).toHaveLength(1000)
    expect(accounts(`[${Array(1001).fill(good).join('')}]`, list)).toEqual([])
  })

  it('reads each endpoint in its own wrapper', () => {
    const p = `{${ENVELOPE},"packed_trx":"${FIRST}"}`
    const bodies: Record<string, string> = { '/v1/chain/push_transactions': `[${p}]` }
    for (const target of ['push_transaction', 'send_transaction']) bodies[`/v1/chain/${target}`] = p
    for (const target of TRANSACTION_TARGETS)
      expect(accounts(bodies[target] ?? `{"transaction":${p}}`, target)).toEqual(['first'])
  })

  it('reads the switches of send_transaction2 before the transaction', () => {
    const p = `{${ENVELOPE},"packed_trx":"${FIRST}"}`
    const at = (fields: string) => accounts(`{${fields},"transaction":${p}}`, '/v1/chain/send_transaction2')
    expect(at('"return_failure_trace":"true","retry_trx":0,"retry_trx_num_blocks":null')).toEqual(['first'])
    expect(at('"return_failure_trace":"yes"')).toEqual([])
    expect(at('"retry_trx_num_blocks":"x"')).toEqual([])
  })
})
