// Requests that try to make the filter and nodeos see two different things: fast-check arbitraries from
// real packed transactions to the bytes of a request. The same seed gives the same requests.
// A body is built as text, one character a byte, because much of what is tried here is not JSON.
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import {
  type ActionSpec,
  packContextFreeData,
  packTransaction,
  SIGNATURES,
  type TransactionSpec,
  toHex,
  unpackedTransaction,
} from './transactions.ts'

/** What the rules of the tests forbid, and hostile requests try to get through. */
export const FORBIDDEN = {
  contract: 'evilcontract',
  action: 'goodcontract::drain',
  authorizer: 'mallory',
} as const
/** What a contract allow list of the tests holds. */
export const ALLOWED_CONTRACTS = ['goodcontract', 'eosio.token'] as const
/** Small limits, so that small requests can break them. */
export const LIMITS = {
  maxSignatures: 2,
  maxTransactionSize: 400,
  maxTransactions: 3,
  maxActions: 4,
} as const

export interface HostileRequest {
  method: string
  /** The raw request target, as it stands in the request line. */
  target: string
  headers: Record<string, string>
  body: Uint8Array
}

/** `weighted([9, a], [1, b])`: mostly a. */
const weighted = <T>(...choices: [number, fc.Arbitrary<T>][]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))
const pick = <T>(...values: T[]) => fc.constantFrom(...values)
const join = (parts: fc.Arbitrary<string>[], separator = '') =>
  fc.tuple(...parts).map((texts) => texts.join(separator))

// --- transactions ---------------------------------------------------------------------------------------

const goodAction: fc.Arbitrary<ActionSpec> = fc.record({
  account: pick<string>(...ALLOWED_CONTRACTS),
  name: pick('transfer', 'issue'),
  authorization: fc.array(fc.record({ actor: pick('alice', 'bob'), permission: pick('active', 'owner') }), {
    maxLength: 2,
  }),
  data: weighted(
    [8, pick('00', '0011', 'deadbeef'.repeat(8))],
    [1, pick('', '77'.repeat(LIMITS.maxTransactionSize / 2))],
  ),
})
const evilAction: fc.Arbitrary<ActionSpec> = fc
  .tuple(goodAction, fc.nat(4))
  .map(([action, kind]): ActionSpec => {
    if (kind === 0) return { ...action, account: FORBIDDEN.contract }
    if (kind === 1) return { ...action, account: 'goodcontract', name: 'drain' }
    if (kind === 2)
      return {
        ...action,
        authorization: [...action.authorization, { actor: FORBIDDEN.authorizer, permission: 'active' }],
      }
    if (kind === 3) return { ...action, data: '00'.repeat(LIMITS.maxTransactionSize + 1) }
    return { ...action, account: 'notallowed' }
  })

const spec = (action: fc.Arbitrary<ActionSpec>): fc.Arbitrary<TransactionSpec> =>
  fc.record({
    contextFreeActions: weighted(
      [6, fc.constant<ActionSpec[]>([])],
      [1, fc.array(action, { minLength: 1, maxLength: 2 })],
    ),
    actions: weighted(
      [8, fc.array(action, { minLength: 1, maxLength: 2 })],
      [1, fc.array(action, { maxLength: 6 })],
    ),
    extensions: weighted(
      [12, fc.constant<{ type: number; data: string }[]>([])],
      [1, fc.constant([{ type: 0, data: 'aabb' }])],
    ),
    maxNetUsageWords: weighted([6, fc.constant(0)], [1, pick(127, 128, 0xffffffff)]),
    delaySec: weighted([9, fc.constant(0)], [1, pick(1, 300)]),
  })
const goodSpec = spec(goodAction)
const evilSpec = spec(evilAction)
const anySpec = weighted([1, goodSpec], [1, evilSpec])

// --- packed bytes ---------------------------------------------------------------------------------------

const concat = (...parts: (Uint8Array | number[])[]) => Uint8Array.from(parts.flatMap((part) => [...part]))
const replaceAt = (bytes: Uint8Array, at: number, length: number, by: number[]) =>
  concat(bytes.subarray(0, at), by, bytes.subarray(at + length))

// Behind the ten fixed bytes of the header stand max_net_usage_words, a byte, delay_sec, and the number of
// context-free actions and of actions; where the ones before are zero these are at 10, 12, 13 and 14.
const VARUINT_OFFSETS = [10, 12, 13, 14]
const lengthened = (value: number): number[][] => [
  [value | 0x80, 0x00],
  [value | 0x80, 0x80, 0x80, 0x80, 0x00],
  [value | 0x80, 0x80, 0x80, 0x80, 0x80],
  [value | 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
  [value | 0x80, 0x80, 0x80, 0x80, 0x70],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
]

const packedBytes: fc.Arbitrary<Uint8Array> = anySpec.map(packTransaction)
const mutatedBytes: fc.Arbitrary<Uint8Array> = weighted(
  [12, packedBytes],
  [2, fc.tuple(packedBytes, fc.uint8Array({ minLength: 1, maxLength: 3 })).map(([a, b]) => concat(a, b))],
  [1, fc.tuple(packedBytes, packedBytes).map(([a, b]) => concat(a, b))],
  [
    3,
    fc
      .tuple(packedBytes, pick(...VARUINT_OFFSETS), fc.nat(5))
      .map(([bytes, at, kind]) => replaceAt(bytes, at, 1, lengthened(bytes[at]! & 0x7f)[kind]!)),
  ],
  [
    1,
    fc
      .tuple(packedBytes, fc.nat(), fc.nat(255))
      .map(([bytes, at, byte]) => replaceAt(bytes, at % bytes.length, 1, [byte])),
  ],
  [1, fc.tuple(packedBytes, fc.nat()).map(([bytes, at]) => bytes.subarray(0, at % bytes.length))],
  [
    1,
    fc
      .tuple(packedBytes, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 }))
      .map(([bytes, at, more]) => replaceAt(bytes, at % bytes.length, 0, [...more])),
  ],
)

// One MiB is as far as nodeos inflates.
const BOMB = Uint8Array.from(deflateSync(new Uint8Array(1024 * 1024 + 1)))
const zlibbed: fc.Arbitrary<Uint8Array> = fc
  .tuple(mutatedBytes, packedBytes, fc.nat(24))
  .map(([bytes, other, kind]) => {
    if (kind === 0) return concat(deflateSync(bytes), deflateSync(other))
    if (kind === 1) return concat(deflateSync(bytes), [0])
    if (kind === 2) return concat(deflateSync(bytes).subarray(0, -3))
    if (kind === 3) return concat(gzipSync(bytes))
    if (kind === 4) return concat(deflateRawSync(bytes))
    if (kind === 5) return concat(deflateSync(bytes, { dictionary: Buffer.from('alice') }))
    if (kind === 6) return concat(deflateSync(deflateSync(bytes)))
    if (kind === 7) return BOMB
    if (kind === 8) return replaceAt(concat(deflateSync(bytes)), 2, 1, [0xff])
    return concat(deflateSync(bytes, { level: kind % 10 }))
  })

const contextFreeData: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 2 }), fc.nat(9))
  .map(([datas, kind]) => {
    if (kind === 0) return packContextFreeData([new Uint8Array(LIMITS.maxTransactionSize + 1)])
    if (kind === 1) return concat(packContextFreeData(datas), [0])
    if (kind === 2) return Uint8Array.of(0x81, 0x00, 0x00)
    return packContextFreeData(datas)
  })

// --- JSON texts -----------------------------------------------------------------------------------------

const quoted = (text: string) => `"${text}"`

// fc reads \b and \f as the hex digits b and f, JSON as control characters; \u0061 the other way round.
const hexText = (bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<string> =>
  fc.tuple(bytes, fc.nat(99), fc.nat()).map(([data, kind, at]) => {
    const hex = toHex(data)
    const cut = at % (hex.length + 1)
    const insert = (text: string) => quoted(hex.slice(0, cut) + text + hex.slice(cut))
    if (kind === 0) return quoted(hex.toUpperCase())
    if (kind === 1) return quoted(hex.replace(/[a-f]/, (digit) => digit.toUpperCase()))
    if (kind === 2) return insert('0')
    if (kind === 3) return insert('zz')
    if (kind === 4) return insert('\\n')
    if (kind === 5) return quoted(`0x${hex}`)
    if (kind === 6) return quoted(hex.replace(/b/, '\\b'))
    if (kind === 7) return quoted(hex.replace(/f/, '\\f'))
    if (kind === 8) return quoted(hex.replace(/([0-9a-f])/, (digit) => `\\u00${toHex(Buffer.from(digit))}`))
    if (kind === 9) return insert('\\')
    if (kind === 10) return insert(' ')
    if (kind === 11) return insert('\0')
    if (kind === 12) return quoted(`${hex}\\u0000`)
    if (kind === 13) return hex
    if (kind === 14) return `[${quoted(hex)}]`
    // Decoders that look at the low byte of a UTF-16 unit take U+0131 for the digit 1, and U+FF30 for 0.
    if (kind === 15) return quoted(hex.replace('1', '\\u0131'))
    if (kind === 16) return quoted(hex.replace('1', '\xc4\xb1'))
    if (kind === 17) return quoted(hex.replace('0', '\\uff30'))
    if (kind === 18) return insert('\\u0000')
    if (kind === 19) return insert('\\ud800')
    if (kind === 20) return insert('\xed\xa0\x80')
    if (kind === 21) return insert('\n')
    if (kind === 22) return quoted(` ${hex}`)
    if (kind === 23) return quoted(`${hex}\\t`)
    if (kind === 24) return quoted(`${hex}" "${hex}`)
    return quoted(hex)
  })

const plainCompression = (zlib: boolean) => (zlib ? pick('"zlib"', '1') : pick('"none"', '0'))
const oddCompression = (zlib: boolean) =>
  zlib
    ? pick(
        'true',
        '"1"',
        '1.9',
        '"+1"',
        '"01"',
        '"zl\\ib"',
        '"zlib\0x"',
        '"zlib\\u0000"',
        '1.0',
        '1e0',
        '10e-1',
        '0.1E1',
        '1.00000000000000000001',
        '"1.0"',
        '"zlib "',
        '"\\u007alib"',
        '["zlib"]',
        '"ZLIB"',
      )
    : pick(
        'false',
        'null',
        '"0"',
        '0.9',
        '-0',
        '-0.5',
        '0.0',
        '0e9',
        '1e-400',
        '"none "',
        '"\\u006eone"',
        '"no\\ne"',
        '"\\none"',
        '"none\0x"',
        '""',
        '[]',
        '{}',
        '2',
        'none',
      )
const compressionText = (zlib: boolean) =>
  weighted(
    [24, plainCompression(zlib)],
    [4, oddCompression(zlib)],
    [1, plainCompression(!zlib)],
    [1, oddCompression(!zlib)],
  )

const signaturesText = weighted(
  [
    24,
    fc
      .array(pick<string>(...SIGNATURES), { minLength: 1, maxLength: LIMITS.maxSignatures })
      .map((list) => JSON.stringify(list)),
  ],
  [1, fc.array(pick<string>(...SIGNATURES), { maxLength: 5 }).map((list) => JSON.stringify(list))],
  [
    1,
    fc.array(pick<string>(...SIGNATURES), { maxLength: 5 }).map((list) => `[${list.map(quoted).join(' ')}]`),
  ],
  [
    1,
    pick(
      '[]',
      'null',
      '{}',
      '"SIG_K1_x"',
      '[""]',
      '[[]]',
      '[null]',
      '{"length":1}',
      `[${quoted('\\SIG_K1_x')}]`,
      '["SIG_K1_\\u0041\\b\\u0001"]',
    ),
  ],
)

/** A key, and its disguises: some JSON reads as the key, some only nodeos does, some neither. */
const keyText = (key: string): fc.Arbitrary<string> =>
  weighted(
    [100, fc.constant(quoted(key))],
    [1, fc.nat(key.length - 1).map((at) => quoted(`${key.slice(0, at)}\\${key.slice(at)}`))],
    [
      1,
      fc
        .nat(key.length - 1)
        .map((at) => quoted(`${key.slice(0, at)}\\u00${toHex(Buffer.from(key[at]!))}${key.slice(at + 1)}`)),
    ],
    [
      1,
      pick(quoted(key.toUpperCase()), quoted(` ${key}`), quoted(`${key}\0`), key, `'${key}'`, '"__proto__"'),
    ],
  )
const member = (key: string, value: fc.Arbitrary<string>) => join([keyText(key), value], ':')

const OPENERS = ['[', '{"a":', '[[', '{"":[']
const closed = (text: string) => {
  const closers = [...text.replace(/"[^"]*"/g, '')].filter((character) => '[{'.includes(character)).reverse()
  return `${text}0${closers.map((opener) => (opener === '[' ? ']' : '}')).join('')}`
}
const junkText = weighted(
  [16, pick('0', '""', 'null', '[]', '{}', '"x"', 'true', '[1,2]')],
  [
    2,
    pick(
      'nope',
      '123abc',
      '1e400',
      '-0',
      '99999999999999999999',
      '18446744073709551615',
      '01',
      '+1',
      '.5',
      '5.',
      '1E400',
      '-1e-400',
      '0.1000000000000000055511151231257827',
      '1'.padEnd(400, '0'),
      '0x10',
      'NaN',
      '-Infinity',
    ),
  ],
  [2, pick('"\n"', '"\0"', '"\x04"', '"\x1f"', '"\\ud800"', '"\xff"', '"\xc3\xa9"', '"\\x"', "'x'")],
  [1, pick('"\xed\xa0\x80"', '"\xc0\xaf"', '"\xf4\x90\x80\x80"', '"\\udc00\\ud800"', '"\xe2\x80\xa8"')],
  [
    1,
    pick(
      '{"__proto__":{"packed_trx":"00"}}',
      '{"constructor":{"prototype":{"signatures":[]}}}',
      '{"a":1,"a":{"b":2,"b":[]},"a":[]}',
    ),
  ],
  [
    1,
    fc.tuple(pick(...OPENERS), fc.integer({ min: 20, max: 120 })).map(([open, n]) => closed(open.repeat(n))),
  ],
)
const junkMember = join(
  [
    pick(
      '"x"',
      '"actions"',
      '"packedTrx"',
      '"__proto__"',
      '"constructor"',
      '"hasOwnProperty"',
      '"toString"',
      '"packed_trx\\u0000"',
      '"\\u0000"',
      '""',
    ),
    junkText,
  ],
  ':',
)

// Separators and blanks as JSON has them, or as only nodeos takes them.
const separator = weighted([40, fc.constant(',')], [1, pick('', ' ', ',,', '\n', ' , ', ';', ',\0')])
const objectText = (members: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.tuple(...members), separator, weighted([60, fc.constant('')], [1, pick(',', ' ', '\f', '//')]))
    .map(([texts, between, edge]) => `{${edge}${texts.join(between)}${edge}}`)
const shuffledObjectText = (members: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.tuple(...members).chain((texts) => fc.shuffledSubarray(texts, { minLength: texts.length })),
      separator,
    )
    .map(([texts, between]) => `{${texts.join(between)}}`)

const ODD_DATA = [
  '{"a":1,"a":2,"b":{"c":[],"c":{}}}',
  '{"__proto__":{"hex_data":"00"}}',
  '{"q":1e400}',
  '{"q":123456789012345678901234567890}',
  '{"q":[0.1e-5,-0,1.10]}',
  '{"\\ud800":"\\udc00"}',
  '{}',
  '[]',
  'null',
  'true',
  '7',
  '"zz"',
  '"0"',
  '"\\u0030\\u0030"',
]
const ODD_COUNTS = ['1e2', '7.0', '-1', '-0', '"5"', 'null', '99999999999999999999', '65536', '01', 'true']

/** An unpacked transaction, sometimes with its names and members disguised. */
const unpackedText: fc.Arbitrary<string> = fc
  .tuple(anySpec, fc.nat(19), evilSpec, pick(...ODD_DATA), pick(...ODD_COUNTS))
  .map(([plain, kind, other, data, count]) => {
    const transaction = unpackedTransaction(plain)
    const text = JSON.stringify(transaction)
    const evil = JSON.stringify(unpackedTransaction(other).actions)
    if (kind === 0) return text.replace(/"account":"(.)/, '"account":"\\$1')
    if (kind === 1)
      return text.replace(/"account":"(.)/, (_, c: string) => `"account":"\\u00${toHex(Buffer.from(c))}`)
    if (kind === 2) return text.replace('"actions":', `"actions":${evil},"actions":`)
    if (kind === 3) return text.replace('"context_free_actions":[]', `"context_free_actions":${evil}`)
    if (kind === 4) return text.replace('"data":', '"hex_data":')
    if (kind === 5) return text.replace(/"data":"[^"]*"/, '"data":{"from":"alice"},"hex_data":"00"')
    if (kind === 13) return text.replace(/"data":"[^"]*"/, '"data":{"memo":"\\u0022},{\\b\\u0001\\ud800"}')
    if (kind === 14) return text.replace(/"data":"[^"]*"/, '"data":{"a":[1e-7,1e21],"\\u0061":"\\\\"}')
    if (kind === 15) return text.replace(/"data":"[^"]*"/, `"data":${data}`)
    if (kind === 16) return text.replace(/"(delay_sec|ref_block_num|max_\w+)":\d+/, `"$1":${count}`)
    if (kind === 17) return text.replace(/"expiration":"[^"]*"/, `"expiration":${data}`)
    if (kind === 6) return text.replace(/"authorization":\[/, '"authorization":[{"actor":"mallory"},')
    if (kind === 7)
      return text.replace(/"account":"[^"]*"/, `"account":"${FORBIDDEN.contract}","$&`.replace('"$&', '$&'))
    if (kind === 8) return JSON.stringify({ ...transaction, actions: Object.assign({}, transaction.actions) })
    if (kind === 9) return JSON.stringify([transaction])
    if (kind === 10) return text.replace(/"account":"([^"]*)"/, '"account":"$1."')
    if (kind === 11) return text.replace(/"account":"([^"]*)"/, '"account":["$1"]')
    if (kind === 12) return JSON.stringify({ ...transaction, signatures: [], context_free_data: ['00'] })
    return text
  })

const contextFreeText = (zlib: boolean) =>
  weighted(
    [3, fc.constant('""')],
    [3, hexText(contextFreeData.map((data) => (zlib ? Uint8Array.from(deflateSync(data)) : data)))],
    [1, hexText(contextFreeData)],
    [1, hexText(pick(BOMB, Uint8Array.from(deflateSync(BOMB)), new Uint8Array(0)))],
    [1, pick('null', '[]', '"0"', '"zz"', '0', '{}', 'true')],
  )
const contextFreeArrayText = pick(
  '[]',
  '["00","1122"]',
  '["0"]',
  'null',
  `["${'00'.repeat(LIMITS.maxTransactionSize + 1)}"]`,
)

const packedText = (zlib: boolean) => hexText(zlib ? zlibbed : mutatedBytes)

/** One packed transaction object, in any of its shapes, with what may be said twice said twice. */
const envelopeText: fc.Arbitrary<string> = fc.boolean().chain((zlib) => {
  const signatures = member('signatures', signaturesText)
  const compression = member('compression', compressionText(zlib))
  const packed = member('packed_trx', packedText(zlib))
  const emptyPacked = member('packed_trx', pick('""', 'null', '[]', '0', '{}', '"0"', '[""]'))
  const transaction = member('transaction', unpackedText)
  const packedContextFree = member('packed_context_free_data', contextFreeText(zlib))
  const contextFreeArray = member('context_free_data', contextFreeArrayText)
  const legacy = member(
    'actions',
    anySpec.map(({ actions }) => JSON.stringify(actions)),
  )
  const base = [signatures, compression]
  return weighted(
    [8, objectText([...base, packed])],
    [3, objectText([...base, packedContextFree, packed])],
    [3, shuffledObjectText([...base, packed, packedContextFree])],
    [2, shuffledObjectText([...base, packed, packed])],
    [2, shuffledObjectText([...base, packed, transaction])],
    [2, shuffledObjectText([...base, emptyPacked, transaction])],
    [2, shuffledObjectText([...base, packed, emptyPacked, transaction])],
    [3, objectText([...base, transaction])],
    [1, shuffledObjectText([...base, packed, contextFreeArray])],
    [1, shuffledObjectText([...base, packed, packedContextFree, packedContextFree, contextFreeArray])],
    [1, shuffledObjectText([...base, ...base, packed])],
    [1, shuffledObjectText([...base, packed, legacy, junkMember])],
    [1, shuffledObjectText([...base, legacy, packedContextFree])],
    [1, shuffledObjectText([...base, junkMember, junkMember, packed])],
    [1, unpackedText],
    [1, objectText([packed])],
    [1, junkText],
  )
})

const listText = (item: fc.Arbitrary<string>) =>
  fc
    .tuple(weighted([6, fc.array(item, { maxLength: 3 })], [1, fc.array(item, { maxLength: 6 })]), separator)
    .map(([items, between]) => `[${items.join(between)}]`)
const wrappedText = (item: fc.Arbitrary<string>) =>
  weighted(
    [4, objectText([member('transaction', item)])],
    [
      2,
      shuffledObjectText([
        member('transaction', item),
        member('return_failure_trace', pick('true', 'false', '"true"', '1', 'null', '"no"')),
        member('retry_trx', pick('false', 'true', '0', '"false"')),
        member('retry_trx_num_blocks', pick('5', 'null', '"5"', '-1', '99999', '1e3', '5.0', '0.5', '[]')),
      ]),
    ],
    [
      1,
      shuffledObjectText([
        member('return_failure_traces', pick('true', 'null', '"false"', '{}', '2')),
        member('retry_trx', pick('false', 'true')),
        member('transaction', item),
        member('retry_trx', pick('"x"', 'true')),
        member('transaction', pick('null', '""', '[]', '{}')),
      ]),
    ],
    [2, shuffledObjectText([member('transaction', item), member('transaction', item)])],
    [1, shuffledObjectText([member('transaction', item), junkMember])],
  )

type Wrapping = 'bare' | 'list' | 'wrapped'
const PATHS: Record<string, Wrapping> = {
  push_transaction: 'bare',
  send_transaction: 'bare',
  push_transactions: 'list',
  send_transaction2: 'wrapped',
  compute_transaction: 'wrapped',
  send_read_only_transaction: 'wrapped',
  push_ro_transaction: 'wrapped',
  send_ro_transaction: 'wrapped',
}
const WRAPPINGS: Record<Wrapping, (item: fc.Arbitrary<string>) => fc.Arbitrary<string>> = {
  bare: (item) => item,
  list: listText,
  wrapped: wrappedText,
}
const bodyText = (wrapping: Wrapping): fc.Arbitrary<string> =>
  weighted(
    [40, WRAPPINGS[wrapping](envelopeText)],
    [1, envelopeText],
    [1, listText(envelopeText)],
    [1, wrappedText(envelopeText)],
    [1, wrappedText(wrappedText(envelopeText))],
    [1, listText(listText(envelopeText))],
  )

const BLANKS = ['', ' ', '\n\t ', '\r\n']
const framedText = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  weighted(
    [40, text],
    [1, join([pick(...BLANKS, '\xef\xbb\xbf', '\0', '\f', '\xa0', '\xfe\xff'), text])],
    [2, join([text, pick(...BLANKS, '\0', ' x', '}', ']', ',', '\x04', '//', '{}')])],
    [1, join([text, text])],
  )

const bodyBytes = (text: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(framedText(text), fc.nat(159), fc.nat(), fc.nat(255)).map(([latin1, kind, position, byte]) => {
    const bytes = Uint8Array.from(Buffer.from(latin1, 'latin1'))
    const at = position % (bytes.length + 1)
    if (kind === 0) return replaceAt(bytes, at, 1, [byte])
    if (kind === 1) return replaceAt(bytes, at, 0, [byte])
    if (kind === 2) return replaceAt(bytes, at, 1, [])
    if (kind === 3) return bytes.subarray(0, at)
    if (kind === 4) return Uint8Array.from(Buffer.from(latin1, 'utf16le'))
    if (kind === 5) return Uint8Array.from(gzipSync(bytes))
    return bytes
  })

// --- requests -------------------------------------------------------------------------------------------

const method = weighted(
  [30, fc.constant('POST')],
  [3, pick('GET', 'PUT', 'HEAD', 'OPTIONS')],
  [1, pick('DELETE', 'PATCH', 'post', 'BREW')],
)

const NEAR_MISSES: ((call: string) => string)[] = [
  (call) => `/v1/chain/${call}?x=1`,
  (call) => `/v1/chain/${call}?`,
  (call) => `/v1/chain/${call}/`,
  (call) => `/v1/chain//${call}`,
  (call) => `//v1/chain/${call}`,
  (call) => `/v1/chain/./${call}`,
  (call) => `/v1/chain/x/../${call}`,
  (call) => `/v1/chain/%2e/${call}`,
  (call) => `/v1/chain/x/%2e%2e/${call}`,
  (call) => `/v1/chain/%${toHex(Buffer.from(call[0]!))}${call.slice(1)}`,
  (call) => `/v1/%63hain/${call}`,
  (call) => `/v1/chain/${call.toUpperCase()}`,
  (call) => `/V1/chain/${call}`,
  (call) => `/v1/chain/${call}#x`,
  (call) => `/v1/chain/${call};x`,
  (call) => `/v1/chain/${call}%00`,
  (call) => `/v1/chain/${call}%20`,
  (call) => `/v1/chain\\${call}`,
  (call) => `\\v1\\chain\\${call}`,
  (call) => `/v1/chain%2f${call}`,
  (call) => `/v1/chain/get_info/../${call}`,
  (call) => `/v1/chain/${call}2`,
  () => '/v1/chain/get_info',
  () => '/v1/chain/get_table_rows',
  () => '/v1/chain/get_required_keys',
  () => '/v1/chain/push_block',
  () => '/v1/history/get_actions',
]
const target = (call: string) =>
  weighted(
    [12, fc.constant(`/v1/chain/${call}`)],
    [1, fc.nat(NEAR_MISSES.length - 1).map((at) => NEAR_MISSES[at]!(call))],
  )

const headers: fc.Arbitrary<Record<string, string>> = weighted(
  [6, fc.constant({ 'content-type': 'application/json' })],
  [
    1,
    pick<Record<string, string>>(
      {},
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-encoding': 'gzip' },
      { 'content-encoding': 'identity' },
      { 'x-http-method-override': 'OPTIONS' },
      { 'x-forwarded-for': '203.0.113.7', authorization: 'Bearer x', cookie: 'a=b' },
    ),
  ],
)

export const hostileRequest: fc.Arbitrary<HostileRequest> = pick(...Object.keys(PATHS)).chain((call) =>
  fc.record({ method, target: target(call), headers, body: bodyBytes(bodyText(PATHS[call]!)) }),
)

const smallAction = goodAction.map((action) => ({ ...action, data: action.data.slice(0, 32) }))

/** What ordinary clients send, keeping to every rule: it must pass, or the filter passes nothing at all. */
export const honestRequest: fc.Arbitrary<HostileRequest> = fc
  .record({
    call: pick(...Object.keys(PATHS)),
    spec: fc.record({
      contextFreeActions: weighted([4, fc.constant<ActionSpec[]>([])], [1, fc.tuple(smallAction)]),
      actions: fc
        .array(smallAction, { minLength: 1, maxLength: 3 })
        .filter((actions) => actions.some(({ authorization }) => authorization.length > 0)),
      maxNetUsageWords: pick(0, 200),
      delaySec: pick(0, 300),
      extensions: weighted(
        [4, fc.constant<{ type: number; data: string }[]>([])],
        [1, fc.constant<{ type: number; data: string }[]>([{ type: 1, data: '00aa' }])],
      ),
    }),
    signatures: fc.array(pick<string>(...SIGNATURES), { minLength: 1, maxLength: LIMITS.maxSignatures }),
    zlib: fc.boolean(),
    named: fc.boolean(),
    contextFree: pick('some', 'none', 'absent', 'null'),
    level: pick(1, 6, 9),
    upperCase: fc.boolean(),
    unknownKeys: fc.boolean(),
    options: pick({}, { return_failure_trace: false, retry_trx: true, retry_trx_num_blocks: 5 }),
    spaces: pick(0, 2),
  })
  .map((choice): HostileRequest => {
    const { call, spec, signatures, zlib, named, contextFree, level, upperCase, spaces } = choice
    const pack = (bytes: Uint8Array) => {
      const hex = toHex(zlib ? deflateSync(bytes, { level }) : bytes)
      return upperCase ? hex.toUpperCase() : hex
    }
    const contextFreeData = {
      some: { packed_context_free_data: pack(packContextFreeData([Uint8Array.of(1, 2)])) },
      none: { packed_context_free_data: '' },
      absent: {},
      null: { packed_context_free_data: null },
    }[contextFree]
    const envelope = {
      ...(choice.unknownKeys && { id: 'ab', transaction_id: null, broadcast: true }),
      signatures,
      compression: named ? (zlib ? 'zlib' : 'none') : Number(zlib),
      ...contextFreeData,
      packed_trx: pack(packTransaction(spec)),
    }
    const wrapping = PATHS[call]!
    const value =
      wrapping === 'list'
        ? [envelope, envelope]
        : wrapping === 'wrapped'
          ? { ...choice.options, transaction: envelope }
          : envelope
    return {
      method: 'POST',
      target: `/v1/chain/${call}`,
      headers: { 'content-type': 'application/json' },
      body: Uint8Array.from(Buffer.from(JSON.stringify(value, undefined, spaces))),
    }
  })
