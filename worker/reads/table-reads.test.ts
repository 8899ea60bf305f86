// Reads of tables, held against the model of nodeos in e2e/nodeos-model.
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { READ_TARGETS, readTableCall } from '../../e2e/nodeos-model/reads.ts'
import { createJudge } from '../judge.ts'
import { filterConfig } from '../testing/harness.ts'

const ROWS = '/v1/chain/get_table_rows'
const SCOPES = '/v1/chain/get_table_by_scope'
const bytes = (text: string) => new TextEncoder().encode(text)

const judgeWith = (tableRows: object) => {
  const judge = createJudge(filterConfig({ tableRows }))
  return (body: string, target = ROWS) => judge.whole({ method: 'POST', target, headers: [] }, bytes(body))
}
const rejecting = judgeWith({ maxLimit: 100 })
const clamping = judgeWith({ maxLimit: 100, over: 'clamp' })
const withLimit = (value: string) => `{"code":"eosio","table":"voters","limit":${value}}`

describe('a limit is read as nodeos reads it', () => {
  it.each(['0', '100', '"100"', '"+7"', '"007"', '99.9', '100.5', 'true', 'false', 'null', '-0', '0.5'])(
    '%s passes as it came',
    (value) => {
      for (const judged of [rejecting, clamping])
        expect(judged(withLimit(value))).toMatchObject({ violation: undefined, rebuilt: null })
    },
  )
  it.each([
    ['101', '101'],
    ['"101"', '101'],
    ['1e9', '1000000000'],
    ['101.0', '101'],
    ['4294967306', '4294967306'],
    ['18446744073709551615', '18446744073709552000'],
    ['-1', '4294967295'],
    ['"-1"', '4294967295'],
    ['-5.5', '4294967295'],
    // RFC 8259 reads another text here than nodeos.
    ['"\\u0031000"', '1000'],
  ])('%s is over', (value, shown) => {
    expect(rejecting(withLimit(value)).violation).toEqual({
      code: 'TABLE_LIMIT',
      detail: `Request asks for ${shown} rows; at most 100 are allowed at one time`,
    })
    expect(clamping(withLimit(value))).toMatchObject({ violation: undefined, rebuilt: withLimit('100') })
  })
  it.each(['"abc"', '[]', '{"a":1}', '""', '"1e9"'])('%s is for nodeos to refuse', (value) => {
    expect(readTableCall(ROWS, bytes(withLimit(value)))).toBeUndefined()
    expect(rejecting(withLimit(value)).violation).toBeUndefined()
  })
})

describe('an absent limit is 10, or 50', () => {
  it('and passes where that is allowed', () => {
    expect(rejecting('{"code":"eosio"}')).toMatchObject({ violation: undefined, rebuilt: null })
    expect(rejecting('{"json":true}', '/v1/chain/get_producers').violation).toBeUndefined()
  })
  it('and is refused, or put in, where it is not', () => {
    expect(judgeWith({ maxLimit: 9 })('{"code":"eosio"}').violation?.detail).toContain('asks for 10 rows')
    const clamp = judgeWith({ maxLimit: 9, over: 'clamp' })
    expect(clamp(' { "code":"eosio"}').rebuilt).toBe(' {"limit":9, "code":"eosio"}')
    expect(clamp('{ }').rebuilt).toBe('{"limit":9 }')
    expect(clamp('{"a":1}', '/v1/chain/get_scheduled_transactions').rebuilt).toBe('{"limit":9,"a":1}')
  })
})

describe('a body is clamped in place', () => {
  test('every other byte stays, bounds of 64 bits to the digit', () => {
    const of = (limit: string) =>
      `{ "lower_bound" : 18446744073709551615,\n"n":{"limit":9999},"limit" :${limit} ,"é":"\\u00e9\\"limit\\":1", "a":[1.0e2,"}"]}\n`
    expect(clamping(of('5000')).rebuilt).toBe(of('100'))
  })
  test('a key with an escape that RFC 8259 reads as a limit', () => {
    expect(clamping('{"limi\\u0074":5000,"a":1}').rebuilt).toBe('{"limi\\u0074":100,"a":1}')
  })
})

describe('a table on the black list is not read', () => {
  const judged = judgeWith({ blackList: { 'eosio::voters': true, 'bob::foos': true, 'tok::stat': true } })
  it.each([
    ['by its name', '{"code":"eosio","table":"voters"}', ROWS],
    ['by an escape that nodeos drops', '{"code":"\\bob","ta\\ble":"\\foos"}', ROWS],
    ['by an escape of RFC 8259', '{"c\\u006fde":"e\\u006fsio","table":"voters"}', ROWS],
    ['of EOSIO 2.x', '{"code":"eosio","table":"voters"}', '/v1/chain/get_kv_table_rows'],
    ['by its scopes', '{"code":"eosio","table":"voters"}', SCOPES],
    ['by the scopes of all tables', '{"code":"eosio"}', SCOPES],
    ['by the scopes of all tables, named as nothing', '{"code":"eosio","table":""}', SCOPES],
    ['by the call that always reads it', '{"code":"tok","symbol":"X"}', '/v1/chain/get_currency_stats'],
  ])('%s', (_what, body, target) => {
    expect(judged(body, target).violation?.code).toBe('BLACKLISTED_TABLE')
  })
  it.each([
    ['another table', '{"code":"eosio","table":"producers"}', ROWS],
    ['the same of another contract', '{"code":"other","table":"voters"}', ROWS],
    ['no table', '{"code":"eosio"}', ROWS],
    ['balances', '{"code":"tok","account":"alice"}', '/v1/chain/get_currency_balance'],
    ['another call', '{"code":"eosio","table":"voters"}', '/v1/chain/get_abi'],
    ['an array, which nodeos refuses', '["eosio","eosio","voters"]', ROWS],
  ])('but %s', (_what, body, target) => {
    expect(judged(body, target).violation).toBeUndefined()
  })
  test('the detail names it', () => {
    expect(judged('{"code":"eosio","table":"voters"}').violation?.detail).toBe(
      'Request reads the table eosio::voters, which is blacklisted',
    )
    expect(judged('{"code":"eosio"}', SCOPES).violation?.detail).toBe(
      'Request reads every table of eosio, one of which is blacklisted',
    )
  })
})

describe('what stands there twice is refused, since nodeos takes the first and others the last', () => {
  it.each([
    ['"limit":5000,"limit":7', 'limit'],
    ['"limit":7,"\\u006cimit":5000', 'limit'],
    ['"table":"x","ta\\ble":"voters"', 'table'],
    ['"\\u0063\\u006fde":"x","c\\u006Fde":"eosio"', 'code'],
  ])('{%s}', (members, name) => {
    expect(rejecting(`{${members}}`).violation).toEqual({
      code: 'INVALID_JSON',
      detail: `The body has "${name}" twice`,
      reportedAs: 'INVALID_READ',
    })
  })
  test('but not what says nothing of what is read, or is deeper', () => {
    expect(rejecting('{"x":1,"x":2,"y":{"limit":1},"limit":1}').violation).toBeUndefined()
  })
})

test('limits by table are told every table that the body can mean', () => {
  const limit = { name: 'tables', key: ['ip', 'table'], on: 'attempt', limit: 1, window: 1 }
  const judge = createJudge(filterConfig({ rateLimits: [limit] }))
  const tablesOf = (body: string) =>
    judge.whole({ method: 'POST', target: ROWS, headers: [] }, bytes(body)).tables
  expect(tablesOf('{"code":"eosio","table":"voters"}')).toEqual(['eosio::voters'])
  expect(tablesOf('{"code":"bob","ta\\ble":"foos"}')).toEqual(['bob::foos'])
  expect(tablesOf('{"code":"bob","table":"\\foos"}')).toEqual(['bob::foos', 'bob::\foos'])
  expect(tablesOf('{"code":"bob"}')).toEqual([])
})

const quoted = fc.constantFrom(
  '"limit"',
  '"limi\\u0074"',
  '"l\\imit"',
  '"table"',
  '"ta\\ble"',
  '"code"',
  '"x"',
)
const value = fc.oneof(
  fc.bigInt({ min: -(1n << 65n), max: 1n << 65n }).map(String),
  fc.integer({ min: -300, max: 300 }).map(String),
  fc.integer({ min: -300, max: 300 }).map((number) => `"${number}"`),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.constantFrom(
    'null',
    'true',
    'false',
    '""',
    '"voters"',
    '"eosio"',
    '"\\bob"',
    '"\\foos"',
    '"\\u0031"',
    '[]',
    '{}',
  ),
  fc.json({ maxDepth: 2 }),
)
const blank = fc.constantFrom('', ' ', '\n\t')
const object = fc
  .array(fc.tuple(quoted, blank, value, blank), { maxLength: 5 })
  .map((members) => `{${members.map(([key, a, text, b]) => `${a}${key}${b}:${a}${text}${b}`).join(',')}}`)
  .filter((text) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  })

describe('whatever passes, nodeos reads no more than is allowed', () => {
  const settings = { maxLimit: 100, blackList: { 'eosio::voters': true, 'bob::foos': true } }
  const denied = new Set([...Object.keys(settings.blackList), 'eosio::*', 'bob::*'])
  for (const over of ['reject', 'clamp'])
    test(over, () => {
      const judged = judgeWith({ ...settings, over })
      fc.assert(
        fc.property(object, fc.constantFrom(...READ_TARGETS), (body, target) => {
          const { violation, rebuilt } = judged(body, target)
          if (violation) return
          const reading = readTableCall(target, bytes(rebuilt ?? body))
          if (reading === undefined) return
          expect(reading.limit ?? 0).toBeLessThanOrEqual(100)
          expect(denied).not.toContain(reading.table)
        }),
        { numRuns: 5000 },
      )
    })
  test('and what nodeos reads as few rows of other tables is not refused', () => {
    const few = fc
      .integer({ min: 0, max: 100 })
      .chain((rows) => fc.constantFrom(`${rows}`, `"${rows}"`, `${rows}.0`))
    fc.assert(
      fc.property(few, fc.constantFrom(...READ_TARGETS), (rows, target) => {
        const body = `{"code":"eosio","table":"producers","limit":${rows}}`
        expect(judgeWith(settings)(body, target)).toMatchObject({ violation: undefined, rebuilt: null })
      }),
      { numRuns: 300 },
    )
  })
})
