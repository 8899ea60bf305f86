// The rows that a read asks for, as nodeos takes them, and what is left of a body whose limit is lowered.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createJudge } from './judge.ts'
import { limitOf, withLimit } from './table-reads.ts'
import { ask, filterConfig, startBoth } from './testing/harness.ts'

const ROWS = '/v1/chain/get_table_rows'
const body = (members: string) => `{"code":"eosio","scope":"eosio","table":"voters"${members}}`
const judge = (tableRows: object, text: string, target = ROWS) =>
  createJudge(filterConfig({ tableRows })).body(
    { method: 'POST', target, headers: [] },
    new TextEncoder().encode(text),
  )

describe('a limit', () => {
  it.each<[unknown, number | undefined]>([
    [undefined, 10],
    [null, 0],
    [5, 5],
    ['5', 5],
    [1.9, 1],
    [true, 1],
    [4_294_967_295, 4_294_967_295],
    [4_294_967_297, undefined],
    [-1, undefined],
    ['-1', undefined],
    ['0x10', undefined],
    [' 5', undefined],
    [[5], undefined],
  ])('of %j is %j rows', (value, rows) => {
    expect(Array.isArray(value) ? undefined : limitOf(value, 10)).toBe(rows)
  })

  it.each<[string, string | undefined]>([
    ['', undefined],
    [',"limit":100', undefined],
    [',"limit":101', 'Read asks for 101 rows; at most 100 are allowed'],
    [',"limit":"5000"', 'Read asks for 5000 rows; at most 100 are allowed'],
    [',"limit":-1', 'Read asks for no whole number of rows; at most 100 are allowed'],
  ])('in %s', (members, detail) => {
    const { violation } = judge({ maxLimit: 100 }, body(members))
    expect(violation?.detail).toBe(detail)
    if (detail) expect(violation?.code).toBe('TABLE_LIMIT')
  })

  it('is none of other calls, and none by default', () => {
    expect(judge({ maxLimit: 1 }, '{"limit":9}', '/v1/chain/get_account').violation).toBeUndefined()
    expect(judge({}, body(',"limit":1000000')).violation).toBeUndefined()
  })

  it.each([
    ['{"limit":5000}', '{"limit":100}'],
    [
      '{ "a" : {"limit": 7}, "limit" : "9999" , "z":[1,"}"] }',
      '{ "a" : {"limit": 7}, "limit" : 100 , "z":[1,"}"] }',
    ],
    [
      '{"lower_bound":18446744073709551615,"limit":-1,"s":"\\"limit\\":5"}',
      '{"lower_bound":18446744073709551615,"limit":100,"s":"\\"limit\\":5"}',
    ],
    ['{"a":"limit"}', '{"a":"limit","limit":100}'],
    ['{}', '{"limit":100}'],
  ])('is lowered in %s, and every other byte kept', (text, expected) => {
    expect(withLimit(text, 100)).toBe(expected)
  })

  it('is lowered in whatever object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (rest, limit) => {
        const text = JSON.stringify({ ...rest, limit }, null, 1)
        expect(JSON.parse(withLimit(text, 7))).toEqual(JSON.parse(JSON.stringify({ ...rest, limit: 7 })))
      }),
    )
  })

  it('reaches nodeos lowered, with its 64-bit bounds to the digit', async () => {
    const { filter, nodeos } = await startBoth({ tableRows: { maxLimit: 50, over: 'clamp' } })
    const bounds = ',"lower_bound":18446744073709551615,"limit":'
    expect((await ask(filter.port, { target: ROWS, body: body(`${bounds}9999`) })).status).toBe(200)
    expect(nodeos.received[0]!.body).toBe(body(`${bounds}50`))
  })
})

describe('a table on the black list', () => {
  const blackList = { 'eosio::voters': true, 'eosio.token::accounts': true }

  it.each<[string, string, string | undefined]>([
    [ROWS, body(''), 'BLACKLISTED_TABLE'],
    ['/v1/chain/get_table_by_scope', '{"code":"eosio","table":"voters"}', 'BLACKLISTED_TABLE'],
    ['/v1/chain/get_currency_balance', '{"code":"eosio.token","account":"a"}', 'BLACKLISTED_TABLE'],
    ['/v1/chain/get_currency_stats', '{"code":"eosio.token","symbol":"EOS"}', undefined],
    [ROWS, '{"code":"eosio","scope":"x","table":"global"}', undefined],
    // nodeos would read `b` for the backspace.
    [ROWS, '{"code":"\\beosio","scope":"x","table":"voters"}', 'PARSE_ERROR'],
    [ROWS, '{"code":["eosio"],"scope":"x","table":"voters"}', 'PARSE_ERROR'],
  ])('%s of %s: %s', (target, text, code) => {
    expect(judge({ blackList }, text, target).violation?.code).toBe(code)
  })
})
