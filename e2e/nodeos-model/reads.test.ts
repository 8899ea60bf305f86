import { describe, expect, it } from 'vitest'
import { readTableCall } from './reads.ts'

const ROWS = '/v1/chain/get_table_rows'
const read = (text: string, target = ROWS) => readTableCall(target, Buffer.from(text))
const limit = (value: string) => read(`{"code":"eosio","table":"voters","limit":${value}}`)?.limit

describe('the limit that nodeos reads', () => {
  it.each([
    ['5', 5],
    ['"5"', 5],
    ['"+5"', 5],
    ['5.9', 5],
    ['true', 1],
    ['null', 0],
    ['-1', 4_294_967_295],
    ['"-1"', 4_294_967_295],
    ['4294967306', 10],
    ['99999999999', 1_215_752_191],
  ])('%s is %d', (value, rows) => {
    expect(limit(value)).toBe(rows)
  })
  it.each(['""', '"abc"', '1e3', '"1e3"', '[]', '{}', '18446744073709551616', '" 5"'])(
    '%s is refused',
    (value) => {
      expect(limit(value)).toBeUndefined()
    },
  )
  it('is 10 where it is absent, 50 for producers and scheduled transactions', () => {
    expect(read('{"code":"eosio","table":"voters"}')?.limit).toBe(10)
    expect(read('{"json":true}', '/v1/chain/get_producers')?.limit).toBe(50)
    expect(read('{"json":true}', '/v1/chain/get_scheduled_transactions')?.limit).toBe(50)
  })
  it('is the first of two', () => {
    expect(read('{"code":"a","table":"b","limit":7,"limit":8}')?.limit).toBe(7)
  })
})

describe('the table that nodeos reads', () => {
  it.each<[string, string, string | undefined]>([
    ['by needless escapes', '{"code":"\\bob","ta\\ble":"\\foos"}', 'bob::foos'],
    ['by letters for an escape', '{"code":"\\u1111","table":"b"}', 'u1111::b'],
    ['the first of two', '{"code":"a","table":"b","table":"c"}', 'a::b'],
    ['not from an array', '["a","b"]', undefined],
    ['not from a number', '{"code":1,"table":"b"}', undefined],
    ['not from a name with a dot at its end', '{"code":"a","table":"b."}', undefined],
  ])('%s', (_what, body, table) => {
    expect(read(body)?.table).toBe(table)
  })
  it('is every one of a contract, where a list of scopes has none', () => {
    expect(read('{"code":"a"}', '/v1/chain/get_table_by_scope')?.table).toBe('a::*')
  })
})
