// What counts as one JSON text: RFC 8259, to the letter.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJson } from './json.ts'

const parse = (text: string | Uint8Array, depth = 100) =>
  parseJson(typeof text === 'string' ? new TextEncoder().encode(text) : text, depth)
const invalid = expect.objectContaining({ code: 'INVALID_JSON' })

describe('not JSON, though nodeos reads it', () => {
  test.each([
    ['a second text', '{"a":1}{"b":2}'],
    ['text behind it', '{"a":1} x'],
    ['a NUL behind it', '{"a":1}\0'],
    ['a missing comma', '{"a":1 "b":2}'],
    ['a comma too many', '{"a":1,}'],
    ['doubled commas', '[1,,2]'],
    ['a leading comma', '[,1]'],
    ['a raw newline in a string', '{"a":"x\ny"}'],
    ['a raw tab in a string', '{"a":"x\ty"}'],
    ['a raw NUL in a string', '{"a":"x\0y"}'],
    ['an escape that there is not', '{"a":"\\eosio"}'],
    ['an escape of four digits that are none', '{"a":"\\u00zz"}'],
    ['a short escape', '{"a":"\\u12"}'],
    ['an unquoted key', '{a:1}'],
    ['an unquoted word', '{"a":nothing}'],
    ['a number with letters', '{"a":123abc}'],
    ['single quotes', "{'a':1}"],
    ['a comment', '{"a":1}//x'],
    ['a block comment', '/**/{"a":1}'],
    ['a leading zero', '{"a":01}'],
    ['a plus', '{"a":+1}'],
    ['a point without digits', '{"a":1.}'],
    ['a point first', '{"a":.5}'],
    ['hexadecimal', '{"a":0x10}'],
    ['Infinity', '{"a":Infinity}'],
    ['NaN', '{"a":NaN}'],
    ['upper-case words', '{"a":TRUE}'],
    ['a vertical tab for a blank', '{"a":\v1}'],
    ['a non-breaking space for a blank', '{"a":\u00a01}'],
    ['a byte order mark', '\ufeff{"a":1}'],
    ['a string that does not end', '{"a":"x'],
    ['an array that does not end', '[1'],
    ['an object closed as an array', '{"a":1]'],
    ['nothing', ''],
    ['blanks', ' \n\t '],
  ])('%s', (_what, text) => {
    expect(parse(text)).toEqual(invalid)
  })

  test.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['a sequence cut off', [0x22, 0xe2, 0x82, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['an overlong NUL', [0x22, 0xc0, 0x80, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['over U+10FFFF', [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]],
    ['Latin-1', [0x22, 0xe9, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x31, 0x00]],
  ])('%s', (_what, bytes) => {
    expect(parse(Uint8Array.from(bytes))).toEqual({
      code: 'INVALID_JSON',
      detail: 'The body is not valid UTF-8',
    })
  })
})

test.each([
  '1',
  '"x"',
  'null',
  '[]',
  '{}',
  ' {"a":[1,2]} \r\n',
  '"\\u0061\\n\\ud800"',
  '1e999',
  '{"a":1,"a":2}',
])('JSON: %s', (text) => {
  expect(parse(text)).toEqual({ json: JSON.parse(text), text })
})

test('whatever the bytes, it is what JSON.parse makes of strict UTF-8', () => {
  const near = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '\\', '{', ']', '\0', '\ufeff', ' '))
    .map(([text, place, put]) => {
      const at = place % (text.length + 1)
      return text.slice(0, at) + put + text.slice(at)
    })
  const bytes = fc.oneof(
    near.map((text) => new TextEncoder().encode(text)),
    fc.uint8Array({ maxLength: 20 }),
  )
  fc.assert(
    fc.property(bytes, (body) => {
      let expected: unknown = invalid
      try {
        const text = Buffer.from(body).toString('utf8')
        if (Buffer.from(text).equals(body)) expected = { json: JSON.parse(text), text }
      } catch {}
      expect(parse(body)).toEqual(expected)
    }),
    { numRuns: 3000 },
  )
})

describe('depth', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

  test('is counted to the level', () => {
    for (const depth of [1, 2, 99, 100]) {
      expect(parse(nested(depth), depth)).toHaveProperty('json')
      expect(parse(nested(depth + 1), depth)).toEqual({
        code: 'INVALID_JSON',
        detail: `JSON is nested deeper than ${depth} levels`,
      })
      expect(parse(`{"a":${nested(depth)}}`, depth)).toEqual(invalid)
    }
  })

  test('is not the number of brackets, nor of those within strings', () => {
    expect(parse(`[${'[],'.repeat(10_000)}[]]`, 2)).toHaveProperty('json')
    expect(parse(JSON.stringify('[{'.repeat(10_000)), 1)).toHaveProperty('json')
    expect(parse(JSON.stringify({ a: `\\"${'['.repeat(200)}` }), 1)).toHaveProperty('json')
  })

  test('of a million levels is refused before anything is built', () => {
    expect(parse('['.repeat(1_000_000))).toEqual(invalid)
    expect(parse('{"a":'.repeat(200_000))).toEqual(invalid)
  })

  test('is what it is for any JSON', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 1, max: 6 }), (value, limit) => {
        expect('json' in parse(JSON.stringify(value), limit)).toBe(depthOf(value) <= limit)
      }),
      { numRuns: 500 },
    )
  })
})
