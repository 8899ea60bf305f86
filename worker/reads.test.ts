// Bodies of calls that carry no transaction: whatever is JSON passes byte for byte, as nodeos and other services behind
// the filter may take it; and the original's shape is judged where it is there.
import { describe, expect, test } from 'vitest'
import { createJudge } from './judge.ts'
import { filterConfig } from './testing/harness.ts'

/** Texts that every reader of RFC 8259 must take, with what JSONTestSuite calls each of its own kind. */
const texts: Record<string, string> = {
  array_arraysWithSpaces: '[[]   ]',
  array_empty_string: '[""]',
  array_empty: '[]',
  array_ending_with_newline: '["a"]\n',
  array_false: '[false]',
  array_heterogeneous: '[null, 1, "1", {}]',
  array_null: '[null]',
  array_with_1_and_newline: '[1\n]',
  array_with_leading_space: ' [1]',
  array_with_several_null: '[1,null,null,null,2]',
  array_with_trailing_space: '[2] ',
  number: '[123e65]',
  number_0e_plus_1: '[0e+1]',
  number_0e1: '[0e1]',
  number_after_space: '[ 4]',
  number_double_close_to_zero: `[-0.${'0'.repeat(76)}1]`,
  number_int_with_exp: '[20e1]',
  number_minus_zero: '[-0]',
  number_negative_int: '[-123]',
  number_negative_one: '[-1]',
  number_negative_zero: '[-0]',
  number_real_capital_e: '[1E22]',
  number_real_capital_e_neg_exp: '[1E-2]',
  number_real_capital_e_pos_exp: '[1E+2]',
  number_real_exponent: '[123e45]',
  number_real_fraction_exponent: '[123.456e78]',
  number_real_neg_exp: '[1e-2]',
  number_real_pos_exponent: '[1e+2]',
  number_simple_int: '[123]',
  number_simple_real: '[123.456789]',
  object: '{"asd":"sdf", "dfg":"fgh"}',
  object_basic: '{"asd":"sdf"}',
  object_duplicated_key: '{"a":"b","a":"c"}',
  object_duplicated_key_and_value: '{"a":"b","a":"b"}',
  object_empty: '{}',
  object_empty_key: '{"":0}',
  object_escaped_null_in_key: '{"foo\\u0000bar": 42}',
  object_extreme_numbers: '{ "min": -1.0e+28, "max": 1.0e+28 }',
  object_long_strings: `{"x":[{"id": "${'x'.repeat(40)}"}], "id": "${'x'.repeat(40)}"}`,
  object_simple: '{"a":[]}',
  object_string_unicode: '{"title":"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430" }',
  object_with_newlines: '{\n"a": "b"\n}',
  string_1_2_3_bytes: '["\\u0060\\u012a\\u12AB"]',
  string_accepted_surrogate_pair: '["\\uD801\\udc37"]',
  string_accepted_surrogate_pairs: '["\\ud83d\\ude39\\ud83d\\udc8d"]',
  string_allowed_escapes: '["\\"\\\\\\/\\b\\f\\n\\r\\t"]',
  string_backslash_and_u_escaped_zero: '["\\\\u0000"]',
  string_backslash_doublequotes: '["\\""]',
  string_comments: '["a/*b*/c/*d//e"]',
  string_double_escape_a: '["\\\\a"]',
  string_double_escape_n: '["\\\\n"]',
  string_escaped_control_character: '["\\u0012"]',
  string_escaped_noncharacter: '["\\uFFFF"]',
  string_in_array: '["asd"]',
  string_in_array_with_leading_space: '[ "asd"]',
  string_last_surrogates_1_and_2: '["\\uDBFF\\uDFFF"]',
  string_nbsp_uescaped: '["new\\u00A0line"]',
  string_nonCharacter_10FFFF: '["\u{10ffff}"]',
  string_nonCharacter_FFFF: '["\uffff"]',
  string_null_escape: '["\\u0000"]',
  string_one_byte: '["\\u002c"]',
  string_pi: '["\u03c0"]',
  string_reservedCharacter_1BFFF: '["\u{1bfff}"]',
  string_simple_ascii: '["asd "]',
  string_space: '" "',
  string_surrogates_clef: '["\\uD834\\uDd1e"]',
  string_three_byte: '["\\u0821"]',
  string_two_byte: '["\\u0123"]',
  string_line_separator: '["\u2028"]',
  string_paragraph_separator: '["\u2029"]',
  string_uEscape: '["\\u0061\\u30af\\u30EA\\u30b9"]',
  string_uescaped_newline: '["new\\u000Aline"]',
  string_unescaped_delete: '["\x7f"]',
  string_unicode: '["\\uA66D"]',
  string_unicodeEscapedBackslash: '["\\u005C"]',
  string_unicode_2: '["\u2342\u3234\u2342"]',
  string_unicode_10FFFE: '["\\uDBFF\\uDFFE"]',
  string_unicode_1FFFE: '["\\uD83F\\uDFFE"]',
  string_zero_width_space: '["\\u200B"]',
  string_invisible_plus: '["\\u2064"]',
  string_FDD0: '["\\uFDD0"]',
  string_FFFE: '["\\uFFFE"]',
  string_escaped_double_quote: '["\\u0022"]',
  string_utf8: '["\u20ac\u{1d11e}"]',
  string_with_del_character: '["a\x7fa"]',
  structure_lonely_false: 'false',
  structure_lonely_int: '42',
  structure_lonely_negative_real: '-0.1',
  structure_lonely_null: 'null',
  structure_lonely_string: '"asd"',
  structure_lonely_true: 'true',
  structure_string_empty: '""',
  structure_trailing_newline: '["a"]\n',
  structure_true_in_array: '[true]',
  structure_whitespace_array: ' [] ',
}

const others: Record<string, string> = {
  'an array of arrays': '[[],[[]]]',
  'more ids than transactions are allowed': JSON.stringify(Array.from({ length: 500 }, (_, id) => id)),
  'more objects than transactions are allowed': JSON.stringify(Array(500).fill({ id: 1 })),
  'actions that are texts': '{"actions":["transfer","issue"]}',
  'actions that are numbers': '{"actions":[1,2]}',
  'actions that are an object': '{"actions":{"code":"evil"}}',
  'an action with a number for a name': '{"actions":[{"name":1,"code":7,"data":{}}]}',
  'signatures that are an object': '{"signatures":{}}',
}

const read = { method: 'POST', target: '/v2/history/get_many', headers: [] }
const strict = createJudge(
  filterConfig({
    endpoints: { allow: ['/v2/*'] },
    contractBlackList: { evil: true },
    contractAllowList: { good: true },
    maxTransactionSize: 100,
  }),
)
const judged = (body: string) => strict.whole(read, new TextEncoder().encode(body))

describe('what is JSON passes as it came', () => {
  test('in all 95 forms of the suite', () => {
    expect(Object.keys(texts)).toHaveLength(95)
  })
  test.each(Object.entries({ ...texts, ...others }))('%s', (_name, body) => {
    expect(judged(body)).toMatchObject({ violation: undefined, rebuilt: null })
  })
})

describe("the original's shape is judged", () => {
  test.each([
    ['an object', '{"actions":[{"code":"evil"}]}', 'BLACKLISTED_CONTRACT'],
    ['an object among other things', '[1,"x",{"actions":[{"account":"evil"}]}]', 'BLACKLISTED_CONTRACT'],
    [
      'an action among other things',
      '{"actions":[5,{"code":"good"},{"code":"evil"}]}',
      'BLACKLISTED_CONTRACT',
    ],
    ['a contract that is not allowed', '{"actions":[{"code":"other"}]}', 'BLACKLISTED_CONTRACT'],
    [
      'eleven signatures',
      `{"signatures":${JSON.stringify(Array(11).fill('x'))}}`,
      'INVALID_NUMBER_SIGNATURES',
    ],
    ['much data', `{"actions":[{"code":"good","data":"${'a'.repeat(101)}"}]}`, 'INVALID_TRANSACTION_SIZE'],
    ['many', `[{"actions":[]}${',{}'.repeat(32)}]`, 'TOO_MANY_TRANSACTIONS'],
  ])('%s', (_what, body, code) => {
    expect(judged(body).violation?.code).toBe(code)
  })
})

describe('what is no JSON', () => {
  test.each(['{"block_num_or_id": 0000006e}', '[1,]', '{a:1}', '', "{'a':1}"].filter(Boolean))(
    '%s is refused, and reported as a read',
    (body) => {
      expect(judged(body).violation).toMatchObject({ code: 'INVALID_JSON', reportedAs: 'INVALID_READ' })
    },
  )
  test('is a strike of the class malformed where a transaction is expected', () => {
    const push = { ...read, target: '/v1/chain/push_transaction' }
    const { violation } = createJudge(filterConfig()).whole(push, new TextEncoder().encode('{a:1}'))
    expect(violation).toEqual({ code: 'INVALID_JSON', detail: 'The body is not one JSON text' })
  })
})
