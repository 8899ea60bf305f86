// Transactions that cannot succeed: by time, to the second, and by authority.
import { describe, expect, it, test } from 'vitest'
import { createJudge } from '../judge.ts'
import { packedBody } from '../testing/bodies.ts'
import { blob, signWithWharfkit, transfer } from '../testing/clients.ts'
import { filterConfig } from '../testing/harness.ts'

const NOW = Date.parse('2026-11-27T12:00:00Z')
const PUSH = '/v1/chain/push_transaction'
const actions = [transfer('alice', 'bob')]

/** A judge whose chain is at NOW, of a push of a transaction that expires so many seconds later. */
const judgeOf = (settings: object = {}) => {
  const judge = createJudge(filterConfig(settings), { now: () => NOW })
  return (seconds: number, target = PUSH, spec: object = {}) => {
    const expiration = new Date(NOW + seconds * 1000).toISOString().slice(0, 19)
    const pushed = packedBody(signWithWharfkit({ actions, expiration, ...spec }))
    const body = target === PUSH ? pushed : `{"transaction":${pushed}}`
    return judge.whole({ method: 'POST', target, headers: [] }, new TextEncoder().encode(body)).violation
      ?.code
  }
}

describe('the expiration of a transaction', () => {
  const judged = judgeOf()
  it.each([-10, -1, 0, 30, 3600, 3602])('%d s from now passes', (seconds) => {
    expect(judged(seconds)).toBeUndefined()
  })
  it.each([-100_000_000, -11, 3603, 1_000_000_000])('%d s from now is refused', (seconds) => {
    expect(judged(seconds)).toBe('EXPIRED_TRANSACTION')
  })
  it('is taken as the chain allows, where that is configured', () => {
    expect(judgeOf({ maxTransactionLifetime: 60 })(63)).toBe('EXPIRED_TRANSACTION')
    expect(judgeOf({ maxTransactionLifetime: 60 })(60)).toBeUndefined()
  })
  it.each([-1_000_000, 1_000_000])('%d s from now passes where it is off', (seconds) => {
    expect(judgeOf({ maxTransactionLifetime: 0 })(seconds)).toBeUndefined()
  })
  it.each(['send_read_only_transaction', 'push_ro_transaction', 'send_ro_transaction'])(
    'is nothing to %s, as to nodeos',
    (call) => {
      expect(judged(-1000, `/v1/chain/${call}`)).toBeUndefined()
      expect(judged(0, `/v1/chain/${call}`, { actions: [] })).toBeUndefined()
    },
  )
  it.each(['send_transaction2', 'compute_transaction'])('counts for %s', (call) => {
    expect(judged(-1000, `/v1/chain/${call}`)).toBe('EXPIRED_TRANSACTION')
  })
})

test('who authorizes a transaction is asked of its actions, and one is enough', () => {
  const judged = judgeOf({ maxTransactionLifetime: 0 })
  expect(judged(0, PUSH, { actions: [] })).toBe('EMPTY_TRANSACTION')
  expect(judged(0, PUSH, { actions: [], contextFreeActions: [blob(1)] })).toBe('EMPTY_TRANSACTION')
  expect(judged(0, PUSH, { actions: [{ ...blob(1), authorization: [] }] })).toBe('EMPTY_TRANSACTION')
  expect(judged(0, PUSH, { actions: [{ ...blob(1), authorization: [] }, blob(1)] })).toBeUndefined()
})

test('a time that only nodeos may read is left to it', () => {
  const judge = createJudge(filterConfig({ unpackedTransactions: 'inspect' }), { now: () => NOW })
  const of = (expiration: string) => {
    const transaction = {
      expiration,
      actions: [
        { account: 'a', name: 'b', authorization: [{ actor: 'a', permission: 'active' }], data: '00' },
      ],
    }
    const body = JSON.stringify({ signatures: [], compression: 'none', transaction })
    return judge.whole({ method: 'POST', target: PUSH, headers: [] }, new TextEncoder().encode(body))
      .violation
  }
  expect(of('20200101T000000')).toBeUndefined()
  expect(of('2026-11-27T12:00:30.000Z')).toBeUndefined()
  expect(of('2026-11-27T11:59:00')?.code).toBe('EXPIRED_TRANSACTION')
})
