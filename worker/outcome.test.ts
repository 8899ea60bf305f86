// What counts as a failed transaction: what its sender caused, wherever nodeos says so.

import { PackedTransaction } from '@wharfkit/antelope'
import { describe, expect, test } from 'vitest'
import { type Outcome, outcomeOf } from './outcome.ts'
import { blob, signWithWharfkit, transfer } from './testing/clients.ts'
import { ask, startBoth } from './testing/harness.ts'
import { answerWith } from './testing/nodeos-stand-in.ts'

const judged = (status: number, body: unknown): Outcome =>
  outcomeOf(status, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))
const outcome = (status: number, body: unknown) => {
  const found = judged(status, body)
  return typeof found === 'object' ? { failed: found.failed } : found
}
const error = (code: number, name = 'x', what = 'x') => ({
  code: 500,
  message: 'Internal Service Error',
  error: { code, name, what, details: [{ message: what, file: 'f.cpp', line_number: 1, method: 'm' }] },
})
type Brief = { failed: number } | 'success' | 'trouble'
const failed: Brief = { failed: 1 }

describe('nodeos refuses with an error', () => {
  test.each<[what: string, status: number, code: number, Brief]>([
    ['an assertion of the contract', 500, 3050003, failed],
    ['an expired transaction', 500, 3040005, failed],
    ['a transaction that does not unpack', 500, 3010010, failed],
    ['an irrelevant authorization', 500, 3090005, failed],
    ['an unsatisfied authorization', 401, 3090003, failed],
    ['CPU of the sender', 500, 3080004, failed],
    ['NET of the sender', 500, 3080002, failed],
    ['RAM of the sender', 500, 3080001, failed],
    ['an action that there is not', 500, 3050001, failed],
    ['a WASM failure', 500, 3070002, failed],
    ['an unknown ABI type', 500, 3015014, failed],
    ['a blacklisted contract', 500, 3160003, failed],
    ['a duplicate', 409, 3040008, 'trouble'],
    ['a duplicate under another status', 500, 3040008, 'trouble'],
    ['the deadline of an overloaded node', 500, 3080006, 'trouble'],
    ['the deadline through leeway', 500, 3081001, 'trouble'],
    ['a full block, CPU', 500, 3080005, 'trouble'],
    ['a full block, NET', 500, 3080003, 'trouble'],
    ['an unknown block', 400, 3100002, 'trouble'],
    ['an invalid request', 400, 3200006, 'trouble'],
    ['a full database', 500, 3060101, 'trouble'],
    ['an unknown endpoint', 404, 0, 'trouble'],
    ['too many requests', 429, 3050003, 'trouble'],
    ['a busy node', 503, 3050003, 'trouble'],
    ['no known code', 500, 0, 'trouble'],
  ])('%s (%i, %i)', (_what, status, code, expected) => {
    expect(outcome(status, error(code))).toEqual(expected)
  })

  test.each<[number, unknown]>([
    [500, ''],
    [500, 'Internal Server Error'],
    [500, 'null'],
    [500, '[]'],
    [500, { error: null }],
    [500, { error: 'text' }],
    [500, { error: { code: '3050003' } }],
    [500, { code: 3050003 }],
    [502, '<html>'],
    [504, ''],
    [301, error(3050003)],
    [204, ''],
  ])('%i with %j is nobody’s failure', (status, body) => {
    expect(outcome(status, body)).toBe('trouble')
  })
})

describe('nodeos accepts', () => {
  const except = (code: number) => ({ code, name: 'x', message: 'x', stack: [] })

  test.each<[what: string, status: number, body: unknown, Brief]>([
    ['a push', 202, { transaction_id: 'x', processed: { except: null, error_code: null } }, 'success'],
    ['a push, in the way of EOSIO', 200, { processed: { receipt: { status: 'executed' } } }, 'success'],
    ['nothing that is read', 202, '', 'success'],
    ['a list of pushes', 202, [{ processed: { except: null } }, { processed: {} }], 'success'],
    [
      'a word "except" in the console of a contract',
      202,
      { processed: { except: null, console: '"except":{}' } },
      'success',
    ],
    [
      'a member "error" of a contract’s own data',
      202,
      { processed: { action_traces: [{ act: { data: { error: 'x' } } }] } },
      'success',
    ],
    [
      'send_transaction2 that failed',
      202,
      { processed: { except: except(3050003), error_code: '1' } },
      failed,
    ],
    ['the same, spaced', 202, '{ "processed" : { "except" : { "code" : 3050003 } } }', failed],
    ['compute_transaction that failed', 200, { processed: { except: except(3090003) } }, failed],
    ['a read-only transaction that failed', 200, { result: { except: except(3050003) } }, failed],
    ['send_transaction2 of a duplicate', 202, { processed: { except: except(3040008) } }, 'success'],
    ['send_transaction2 that met a deadline', 202, { processed: { except: except(3080006) } }, 'success'],
    [
      'a list with two that failed',
      202,
      [
        { transaction_id: 'a', processed: { except: null } },
        {
          transaction_id: '',
          processed: { error: '3050003 eosio_assert_message_exception: x\nout of luck' },
        },
        { transaction_id: '', processed: { error: '3040005 expired_tx_exception: Expired Transaction' } },
      ],
      { failed: 2 },
    ],
    [
      'a list with a duplicate and a deadline',
      202,
      [
        { processed: { error: '3040008 tx_duplicate: Duplicate transaction' } },
        { processed: { error: '3080006 deadline_exception' } },
        { processed: { error: 'something else' } },
      ],
      'success',
    ],
    ['a list with an error as an object', 202, [{ processed: { error: { code: 3050003 } } }], failed],
    ['JSON that breaks off', 202, '{"processed":{"except":{"code":3050003', 'success'],
  ])('%s (%i)', (_what, status, body, expected) => {
    expect(outcome(status, body)).toEqual(expected)
  })

  test('the codes are those that nodeos gives, of each transaction that failed through its sender', () => {
    expect(judged(500, error(3080004))).toEqual({ failed: 1, errors: [3080004] })
    expect(judged(202, { processed: { except: except(3050003) } })).toEqual({ failed: 1, errors: [3050003] })
    const items = ['3050003 eosio_assert_message_exception: x', '3040008 tx_duplicate', '3040005 expired_tx']
    expect(
      judged(
        202,
        items.map((text) => ({ processed: { error: text } })),
      ),
    ).toEqual({
      failed: 2,
      errors: [3050003, 3040005],
    })
  })

  test('an answer that was too large to keep is no failure, and an error that was is nobody’s', () => {
    expect(outcomeOf(202, undefined)).toBe('success')
    expect(outcomeOf(500, undefined)).toBe('trouble')
  })
})

describe('in the running filter', () => {
  const packed = (bytes: number) => PackedTransaction.fromSigned(signWithWharfkit({ actions: [blob(bytes)] }))
  const push = { target: '/v1/chain/push_transaction', body: JSON.stringify(packed(1)) }
  const FAILED = { host: '127.0.0.1', code: 'TRANSACTION_FAILED' }

  test('each failed transaction of a list is one report', async () => {
    const body = [
      { processed: { except: null } },
      { processed: { error: '3050003 x' } },
      { processed: { error: '3040005 x' } },
    ]
    const { filter } = await startBoth({}, answerWith(202, body))
    const list = JSON.stringify([packed(1), packed(2), packed(3)])
    expect(await ask(filter.port, { target: '/v1/chain/push_transactions', body: list })).toMatchObject({
      status: 202,
    })
    expect(filter.reports).toEqual([FAILED, FAILED])
    expect(filter.verdicts.counts().get('TRANSACTION_FAILED')).toBe(1)
  })

  test('an answer that comes in pieces is read as a whole', async () => {
    const { filter } = await startBoth({}, (_request, outgoing) => {
      outgoing.writeHead(202)
      const text = JSON.stringify({ processed: { except: { code: 3050003, message: 'é'.repeat(100) } } })
      const bytes = Buffer.from(text)
      outgoing.write(bytes.subarray(0, 20))
      setTimeout(() => outgoing.end(bytes.subarray(20)), 20)
    })
    expect(await ask(filter.port, push)).toMatchObject({ status: 202 })
    expect(filter.reports).toEqual([FAILED])
  })

  test.each([
    ['a read that fails', { target: '/v1/chain/get_account', body: '{"account_name":"nobody"}' }],
    ['an unknown block', { target: '/v1/chain/get_block', body: '{"block_num_or_id":0}' }],
  ])('%s is not a failed transaction', async (_what, request) => {
    const { filter } = await startBoth({ logSuccess: true }, answerWith(500, error(3060002)))
    expect(await ask(filter.port, request)).toMatchObject({ status: 500 })
    expect(filter.reports).toEqual([])
  })

  test('mode "monitor" counts it and reports nothing', async () => {
    const { filter } = await startBoth({ mode: 'monitor' }, answerWith(500, error(3050003)))
    expect(await ask(filter.port, push)).toMatchObject({ status: 500 })
    expect(filter.reports).toEqual([])
    expect(filter.verdicts.counts().get('TRANSACTION_FAILED')).toBe(1)
  })

  test('a transaction of alice is judged by what became of it, not by whom it names', async () => {
    const { filter } = await startBoth({ logSuccess: true })
    const signed = PackedTransaction.fromSigned(signWithWharfkit({ actions: [transfer('except', 'error')] }))
    expect(await ask(filter.port, { ...push, body: JSON.stringify(signed) })).toMatchObject({ status: 202 })
    expect(filter.reports).toEqual([{ host: '127.0.0.1', code: 'SUCCESS' }])
  })
})
