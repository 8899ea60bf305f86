// The search itself: it must find what is wrong with filters that are known to be wrong.
import { describe, expect, it } from 'vitest'
import { breaches, type Forwarded, type Outcome, RULES, type Send } from './breaches.ts'
import { FORBIDDEN, type HostileRequest } from './hostile.ts'
import { searchBreach, showBreach } from './search.ts'
import { packTransaction, SIGNATURES, toHex } from './transactions.ts'

const rules = RULES['packed only']!
const search = { cases: 3000, seed: 1 }

const passed = (request: HostileRequest): Outcome => ({
  forwarded: [request satisfies Forwarded],
  response: { status: 200, headers: new Headers(), text: '{}' },
})
const refused = (): Outcome => ({
  forwarded: [],
  response: {
    status: 400,
    headers: new Headers({ 'x-rejected-by': 'patroneos' }),
    text: '{"message":"PARSE_ERROR","code":400}',
  },
})

const action = (account: string) => ({
  account,
  name: 'act',
  authorization: [{ actor: 'alice', permission: 'active' }],
  data: '00',
})
const packed = (account: string) => toHex(packTransaction({ actions: [action(account)] }))
const nobody = toHex(packTransaction({ actions: [{ ...action('goodcontract'), authorization: [] }] }))
/** An expiration of 1970, and one of 2106. */
const expiring = (seconds: string) => seconds + packed('goodcontract').slice(8)
const request = (body: string, target = '/v1/chain/push_transaction'): HostileRequest => ({
  method: 'POST',
  target,
  headers: {},
  body: Buffer.from(body),
})
const ENVELOPE = `"signatures":["${SIGNATURES[0]}"],"compression":0`

describe('the search for breaches', () => {
  it('finds a filter that passes everything', async () => {
    const breach = await searchBreach(async (request) => passed(request), rules, search)
    expect(showBreach(breach!)).toMatch(/^forwarded: \w+ \/v1\/chain\//m)
  })

  it('finds a filter that refuses everything', async () => {
    const breach = await searchBreach(async () => refused(), rules, search)
    expect(breach?.breaches[0]).toContain('an honest request was answered')
  })

  it('finds a filter that judges what JSON.parse reads and forwards what the client sent', async () => {
    const send: Send = async (request) => {
      if (request.method !== 'POST' || Object.keys(request.headers).length > 1) return refused()
      try {
        const read = Buffer.from(JSON.stringify(JSON.parse(Buffer.from(request.body).toString())))
        // Right in all but the bytes that go on: rules, shapes and strict readers are taken from the oracle.
        const judged = passed({ ...request, body: read })
        return breaches(rules, request, judged).length === 0 ? passed(request) : refused()
      } catch {
        return refused()
      }
    }
    const breach = await searchBreach(send, rules, search)
    expect(breach).toBeDefined()
    expect(breach!.outcome.forwarded).toHaveLength(1)
  })

  it('finds the same with the same seed', async () => {
    const found = async () => (await searchBreach(async (request) => passed(request), rules, search))!.path
    expect(await found()).toBe(await found())
  })
})

describe('breaches', () => {
  const honest = request(`{${ENVELOPE},"packed_trx":"${packed('goodcontract')}"}`)

  it('has nothing against an honest request that passes', () => {
    expect(breaches(rules, honest, passed(honest))).toEqual([])
  })

  it.each<[string, HostileRequest]>([
    ['contract evilcontract', request(`{${ENVELOPE},"packed_trx":"${packed(FORBIDDEN.contract)}"}`)],
    ['an unpacked transaction', request(`{${ENVELOPE},"transaction":{"actions":[]}}`)],
    ['nobody authorizes', request(`{${ENVELOPE},"packed_trx":"${nobody}"}`)],
    ['expires in -', request(`{${ENVELOPE},"packed_trx":"${expiring('00000000')}"}`)],
    ['expires in 2', request(`{${ENVELOPE},"packed_trx":"${expiring('ffffffff')}"}`)],
    ['bytes behind', request(`{${ENVELOPE},"packed_trx":"${packed('goodcontract')}00"}`)],
    ['not strict JSON', request(`{${ENVELOPE},"packed_trx":"${packed('goodcontract')}",}`)],
    ['other JSON', request(`{${ENVELOPE},"a":1,"a":2,"packed_trx":"${packed('goodcontract')}"}`)],
    ['other JSON', request(`{${ENVELOPE},"packed\\u005ftrx":"00","packed_trx":"${packed('goodcontract')}"}`)],
    [
      '4 transactions',
      request(
        `[${Array(4).fill(`{${ENVELOPE},"packed_trx":"${packed('goodcontract')}"}`)}]`,
        '/v1/chain/push_transactions',
      ),
    ],
  ])('says what is wrong: %s', (what, sent) => {
    expect(breaches(rules, sent, passed(sent)).join('\n')).toContain(what)
  })

  it('sees another target, another method, and a second request', () => {
    const changed = (change: Partial<Forwarded>) =>
      breaches(rules, honest, { ...passed(honest), forwarded: [{ ...honest, ...change }] })
    expect(changed({ target: '/v1/chain/send_transaction' })).toHaveLength(1)
    expect(changed({ method: 'PUT' })).toHaveLength(1)
    expect(changed({ headers: { cookie: 'a=b' } })).toHaveLength(1)
    expect(breaches(rules, honest, { ...passed(honest), forwarded: [honest, honest] })).toHaveLength(1)
  })
})
