import { describe, expect, it } from 'vitest'
import { type FcValue, readFcJson } from './json.ts'

const read = (text: string | Uint8Array): FcValue =>
  readFcJson(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)

const object = (...entries: [string, FcValue][]): FcValue => new Map(entries)

describe('values that nodeos reads', () => {
  it.each<[string, string, FcValue]>([
    ['the first of duplicate keys', '{"a":1,"a":2}', object(['a', 1n])],
    ['an escaped key is another key', '{"packed\\u005ftrx":1}', object(['packedu005ftrx', 1n])],
    ['a needless backslash vanishes', '"\\eos\\io"', 'eosio'],
    ['\\uXXXX is its letters', '"\\u0041"', 'u0041'],
    ['\\b and \\f are letters', '"\\b\\f"', 'bf'],
    ['\\t, \\n, \\r, \\\\, \\" and \\/ are what they say', '"\\t\\n\\r\\\\\\"\\/"', '\t\n\r\\"/'],
    ['text after the first value is ignored', '{"a":1} and more', object(['a', 1n])],
    ['a second value is ignored', '{"a":1}{"a":2}', object(['a', 1n])],
    ['no commas', '{"a":1"b":[1 2"x"]}', object(['a', 1n], ['b', [1n, 2n, 'x']])],
    ['doubled commas', '{,,"a":[,1,,2,],,}', object(['a', [1n, 2n]])],
    ['raw control characters in a string', '"a\n\0\x01b"', 'a\n\0\x01b'],
    ['unquoted words starting with n, t, f', '[nope,tru,fals.e]', ['nope', 'tru', 'fals.e']],
    ['null, true, false', '[null,true,false]', [null, true, false]],
    ['a word ends where its letters end', '[true1]', [true, 1n]],
    ['but not before', '[nulltrue]', ['nulltrue']],
    ['digits with letters are a string', '[123abc,1e5,0x10,-a]', ['123abc', '1e5', '0x10', '-a']],
    [
      'integers are exact',
      '[9007199254740993,18446744073709551615]',
      [9007199254740993n, 18446744073709551615n],
    ],
    ['leading zeros', '[007,-0]', [7n, 0n]],
    ['dots make doubles', '[1.5,.5,5.,-.5]', [1.5, 0.5, 5, -0.5]],
    ['a number before the end', '12', 12n],
    ['a number before a NUL', '12\0', 12n],
    ['bytes above 127 in a string', '"\xff\xc3"', '\xff\xc3'],
  ])('%s', (_name, text, value) => {
    expect(read(text)).toEqual(value)
  })

  it('nests 99 containers around a value, and 100 around nothing', () => {
    const nested = (depth: number, inner: string) => '['.repeat(depth) + inner + ']'.repeat(depth)
    expect(() => read(nested(99, '1'))).not.toThrow()
    expect(() => read(nested(100, ''))).not.toThrow()
    expect(() => read(nested(100, '1'))).toThrow('nested too deep')
    expect(() => read(nested(101, ''))).toThrow('nested too deep')
  })
})

describe('texts that nodeos refuses', () => {
  it.each([
    ['nothing', ''],
    ['white space', ' \n'],
    ['a byte order mark', '\xef\xbb\xbf{}'],
    ['other words', 'hello'],
    ['an unquoted key', '{a:1}'],
    ['a key alone', '{"a"}'],
    ['single quotes', "{'a':1}"],
    ['an open string', '"abc'],
    ['an open object', '{"a":1'],
    ['an open array', '[1'],
    ['0x04 in a string', '"a\x04"'],
    ['NUL between values', '{\0"a":1}'],
    ['a lone minus', '-'],
    ['a lone dot', '.'],
    ['two dots', '1.2.3'],
    ['an integer beyond u64', '18446744073709551616'],
    ['a negative beyond i64', '-9223372036854775809'],
    ['a plus sign', '+1'],
    ['a comment', '/* */1'],
  ])('%s', (_name, text) => {
    expect(() => read(text)).toThrow()
  })
})
