// Whatever nodeos finds in what was forwarded, the rules judged it, and it breaks none of them: the filter
// against the model of nodeos in e2e/nodeos-model. More cases: node e2e/fuzz/differential.ts --cases 200000
import { describe, expect, it } from 'vitest'
import { breaches, RULES } from '../e2e/fuzz/breaches.ts'
import { createSend } from '../e2e/fuzz/filter.ts'
import type { HostileRequest } from '../e2e/fuzz/hostile.ts'
import { searchBreach, showBreach } from '../e2e/fuzz/search.ts'
import { packTransaction, SIGNATURES, toHex, unpackedTransaction } from '../e2e/fuzz/transactions.ts'

const CASES = 2500
const SEED = 1

describe('hostile requests', () => {
  it.each(Object.entries(RULES))('break no promise, with the rules "%s"', async (_name, rules) => {
    const breach = await searchBreach(createSend(rules), rules, { cases: CASES, seed: SEED })
    expect(breach && showBreach(breach)).toBeUndefined()
  })
})

// What the search has found, once.
describe('found before', () => {
  const action = { account: 'goodcontract', name: 'transfer', authorization: [], data: '77'.repeat(200) }
  const envelope = { signatures: [SIGNATURES[0]], compression: 'none' }
  const send = async (ruleSet: string, text: string) => {
    const request: HostileRequest = {
      method: 'POST',
      target: '/v1/chain/push_transaction',
      headers: { 'content-type': 'application/json' },
      body: Uint8Array.from(Buffer.from(text)),
    }
    const outcome = await createSend(RULES[ruleSet]!)(request)
    expect(breaches(RULES[ruleSet]!, request, outcome)).toEqual([])
    return outcome
  }

  it.each([
    ['U+0131', '\u0131'],
    ['U+FF31', '\uff31'],
    ['U+0231', '\u0231'],
  ])('a character whose low byte is a hexadecimal digit is none: %s', async (_name, character) => {
    const hex = toHex(packTransaction({ actions: [{ ...action, data: '00' }] })).replace('1', character)
    const { forwarded } = await send('packed only', JSON.stringify({ ...envelope, packed_trx: hex }))
    expect(forwarded).toEqual([])
  })

  it('an unpacked transaction that is too large when nodeos packs it', async () => {
    const transaction = unpackedTransaction({ actions: [action, action] })
    const { forwarded, response } = await send('unpacked too', JSON.stringify({ ...envelope, transaction }))
    expect(forwarded).toEqual([])
    expect(response.text).toContain('INVALID_TRANSACTION_SIZE')
  })
})
