// Packed transactions are read exactly as wharfkit writes them, and nothing that is not one is taken for one.
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { Bytes, Serializer, Transaction, UInt64, Name as WharfkitName } from '@wharfkit/antelope'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHex, inflate } from './bytes.ts'
import { formatName, type Name, parseName } from './name.ts'
import { openTransaction } from './open.ts'
import { decodeTransaction } from './packed.ts'

const LIMIT = 100_000

const open = (packed_trx: string, more: object = {}) =>
  openTransaction(
    { signatures: ['SIG_K1_x'], compression: 'none', packed_context_free_data: '', packed_trx, ...more },
    { maxTransactionSize: LIMIT, budget: { left: LIMIT } },
  )
const zipped = (bytes: Uint8Array) => open(toHex(bytes), { compression: 'zlib' })
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

// --- transactions of every kind, as wharfkit has them ---

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const name = u64.map((value) => WharfkitName.from(UInt64.from(String(value))))
const data = fc.oneof(
  { arbitrary: fc.uint8Array({ maxLength: 40 }), weight: 5 },
  // Lengths of two and of three bytes.
  { arbitrary: fc.constantFrom(127, 128, 300, 16_384).map((length) => new Uint8Array(length)), weight: 1 },
)
const action = fc.record({
  account: name,
  name,
  authorization: fc.array(fc.record({ actor: name, permission: name }), { maxLength: 4 }),
  data: data.map((bytes) => Bytes.from(bytes)),
})
const u32 = fc.nat(2 ** 32 - 1)
const transaction = fc
  .record({
    expiration: u32.map((seconds) => new Date(seconds * 1000).toISOString().slice(0, 19)),
    ref_block_num: fc.nat(65_535),
    ref_block_prefix: u32,
    max_net_usage_words: u32,
    max_cpu_usage_ms: fc.nat(255),
    delay_sec: u32,
    context_free_actions: fc.array(action, { maxLength: 3 }),
    actions: fc.array(action, { maxLength: 4 }),
    transaction_extensions: fc.array(
      fc.record({ type: fc.nat(65_535), data: data.map((bytes) => Bytes.from(bytes)) }),
      { maxLength: 3 },
    ),
  })
  .map((fields) => Transaction.from(fields))

const pack = (value: Transaction): Uint8Array => Serializer.encode({ object: value }).array
const unpack = (bytes: Uint8Array): Transaction =>
  Serializer.decode({ data: bytes, type: Transaction }) as Transaction
const numberOf = (text: WharfkitName) => BigInt(String(text.value)) as Name

const expectedOf = ({ context_free_actions, actions }: Transaction) =>
  [...context_free_actions, ...actions].map((action) => ({
    contract: numberOf(action.account),
    name: numberOf(action.name),
    authorizers: action.authorization.map(({ actor }) => numberOf(actor)),
    dataSize: action.data.array.length,
  }))

const parseError = expect.objectContaining({ code: 'PARSE_ERROR' })

describe('a packed transaction', () => {
  test('that wharfkit wrote is read as it was, whether compressed or not', () => {
    fc.assert(
      fc.property(transaction, fc.integer({ min: 0, max: 9 }), (value, level) => {
        const bytes = pack(value)
        const expected = { form: 'packed', actions: expectedOf(value), packedSize: bytes.length }
        expect(open(toHex(bytes))).toMatchObject({ transaction: expected })
        expect(open(toHex(bytes).toUpperCase())).toMatchObject({ transaction: expected })
        expect(zipped(deflateSync(bytes, { level }))).toMatchObject({ transaction: expected })
      }),
      { numRuns: 300 },
    )
  })

  test('is passed on with just what was judged', () => {
    fc.assert(
      fc.property(transaction, (value) => {
        const packed_trx = toHex(pack(value))
        const opened = open(packed_trx, { extra: '\\u0000', transaction: { actions: [] } })
        expect('text' in opened && JSON.parse(opened.text)).toEqual({
          signatures: ['SIG_K1_x'],
          compression: 'none',
          packed_context_free_data: '',
          packed_trx,
        })
      }),
      { numRuns: 100 },
    )
  })

  test('cut off anywhere is a PARSE_ERROR', () => {
    fc.assert(
      fc.property(transaction, (value) => {
        const bytes = pack(value)
        // Each byte where it is short, and a hundred places where it is not.
        const step = Math.ceil(bytes.length / 100)
        for (let length = 0; length < bytes.length; length += step)
          expect(open(toHex(bytes.subarray(0, length)))).toEqual(parseError)
        expect(open(toHex(bytes.subarray(0, -1)))).toEqual(parseError)
      }),
      { numRuns: 100 },
    )
  })

  test('with any byte behind it is a PARSE_ERROR', () => {
    fc.assert(
      fc.property(transaction, (value) => {
        const hex = toHex(pack(value))
        for (let byte = 0; byte < 256; byte++)
          expect(open(hex + toHex(Uint8Array.of(byte)))).toEqual(parseError)
      }),
      { numRuns: 20 },
    )
  })

  test('with a digit too few or too many, or one that is none, is a PARSE_ERROR', () => {
    const none = fc.constantFrom('g', 'G', ' ', '\n', '\0', '-', 'x', 'é', '１', '\u0131', '\u{1f600}')
    fc.assert(
      fc.property(transaction, fc.nat(), none, (value, place, character) => {
        const hex = toHex(pack(value))
        const at = place % hex.length
        for (const digit of '0123456789abcdefABCDEF')
          expect(open(hex.slice(0, at) + digit + hex.slice(at))).toEqual(parseError)
        expect(open(hex.slice(0, at) + hex.slice(at + 1))).toEqual(parseError)
        expect(open(hex.slice(0, at) + character + hex.slice(at + 1))).toEqual(parseError)
        expect(open(`0x${hex}`)).toEqual(parseError)
      }),
      { numRuns: 50 },
    )
  })

  test('that was altered is one that wharfkit writes byte for byte, or a PARSE_ERROR', () => {
    const alteration = fc.record({ at: fc.nat(), byte: fc.nat(255) })
    let read = 0
    fc.assert(
      fc.property(transaction, fc.array(alteration, { minLength: 1, maxLength: 3 }), (value, alterations) => {
        const bytes = pack(value).slice()
        for (const { at, byte } of alterations) bytes[at % bytes.length] = byte
        const actions = decodeTransaction(bytes)
        if (!actions) {
          expect(open(toHex(bytes))).toEqual(parseError)
          return
        }
        read++
        expect(actions).toEqual(expectedOf(unpack(bytes)))
        expect(toHex(pack(unpack(bytes)))).toBe(toHex(bytes))
      }),
      { numRuns: 500 },
    )
    expect(read).toBeGreaterThan(50)
  })

  test('is never made of anything else, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const actions = decodeTransaction(bytes)
        if (actions) expect(toHex(pack(unpack(bytes)))).toBe(toHex(bytes))
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['max_net_usage_words', 10, '8000'],
    ['max_net_usage_words, of five bytes', 10, '8080808000'],
    ['max_net_usage_words, over 32 bits', 10, 'ffffffff1f'],
    ['max_net_usage_words, of six bytes', 10, '808080808000'],
    ['delay_sec', 12, '8000'],
    ['the number of actions', 14, '8000'],
    ['the number of extensions', 15, '8000'],
  ])('with a number that is longer than it need be is a PARSE_ERROR: %s', (_what, at, number) => {
    const empty = '00'.repeat(16)
    expect(open(empty)).toHaveProperty('transaction')
    expect(open(empty.slice(0, at * 2) + number + empty.slice(at * 2 + 2))).toEqual(parseError)
  })

  test('that claims four billion of anything is refused at once', () => {
    const head = '00'.repeat(13)
    for (const hex of [`${head}ffffffff0f`, `${head}00ffffffff0f`, `${head}0000ffffffff0f`])
      for (const rest of ['', '00', '00'.repeat(1000)]) expect(open(hex + rest)).toEqual(parseError)
  })

  test('of a main network, compressed, is m.federation::mine by may4q.c.wam', () => {
    const opened = open(
      '78dacb3d782c659f64208be036062060345879fad9aa256213401c8605cb2633322c79c8c0e8bd672288bfe2ad9191204c80c3b7f2e5cf058dff5318000682181f',
      { compression: 1 },
    )
    const [action] = 'transaction' in opened ? opened.transaction.actions : []
    expect(
      [action?.contract, action?.name, ...(action?.authorizers ?? [])].map((name) => formatName(name!)),
    ).toEqual(['m.federation', 'mine', 'may4q.c.wam'])
  })
})

describe('context-free data', () => {
  const pieces = fc.array(data, { maxLength: 4 })
  const packPieces = (list: Uint8Array[]) =>
    Serializer.encode({ object: list.map((bytes) => Bytes.from(bytes)), type: 'bytes[]' }).array
  const trx = '00'.repeat(16)
  const withData = (bytes: Uint8Array, compression: 0 | 1) => {
    const packed = compression === 1 ? toHex(deflateSync(Buffer.from(trx, 'hex'))) : trx
    return open(packed, { packed_context_free_data: toHex(bytes), compression })
  }

  test('that wharfkit wrote is measured; cut off or with a byte behind it, it is a PARSE_ERROR', () => {
    fc.assert(
      fc.property(pieces, fc.nat(), (list, place) => {
        const bytes = packPieces(list)
        const size = { transaction: { contextFreeDataSize: bytes.length } }
        expect(withData(bytes, 0)).toMatchObject(size)
        expect(withData(deflateSync(bytes), 1)).toMatchObject(size)
        expect(withData(Uint8Array.from([...bytes, place % 256]), 0)).toEqual(parseError)
        if (bytes.length > 1)
          expect(withData(bytes.subarray(0, 1 + (place % (bytes.length - 1))), 0)).toEqual(parseError)
      }),
      { numRuns: 200 },
    )
  })

  test('may be empty, and deflated nothing, as eosjs sends it', () => {
    for (const bytes of [new Uint8Array(0), deflateSync(new Uint8Array(0))])
      expect(withData(bytes, 1)).toMatchObject({ transaction: { contextFreeDataSize: 0 } })
  })
})

describe('a zlib stream', () => {
  const bytes = pack(
    Transaction.from({
      expiration: '2030-01-01T00:00:00',
      ref_block_num: 1,
      ref_block_prefix: 2,
      actions: [{ account: 'a', name: 'b', authorization: [], data: Bytes.from(new Uint8Array(5_000)) }],
    }),
  )
  const good = deflateSync(bytes)

  test('cut off anywhere is a PARSE_ERROR', () => {
    for (let length = 1; length < good.length; length++)
      expect(zipped(good.subarray(0, length))).toEqual(parseError)
  })

  test('with any byte behind it is a PARSE_ERROR', () => {
    for (let byte = 0; byte < 256; byte++)
      expect(zipped(Buffer.concat([good, Uint8Array.of(byte)]))).toEqual(parseError)
  })

  test('with any bit of its checksum changed is a PARSE_ERROR', () => {
    for (let bit = 0; bit < 32; bit++) {
      const changed = Buffer.from(good)
      changed[changed.length - 1 - (bit >> 3)]! ^= 1 << (bit & 7)
      expect(zipped(changed)).toEqual(parseError)
    }
  })

  test.each([
    ['without its wrapper', deflateRawSync(bytes)],
    ['in the wrapper of gzip', gzipSync(bytes)],
    ['twice', Buffer.concat([good, good])],
    ['with a dictionary that nobody has', deflateSync(bytes, { dictionary: Buffer.from('eosio.token') })],
    ['not compressed at all', bytes],
    ['compressed twice', deflateSync(good)],
  ])('%s is a PARSE_ERROR', (_what, stream) => {
    expect(zipped(stream)).toEqual(parseError)
  })

  test('is held to the byte: what fills the limit passes, one byte more does not', () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.integer({ min: 0, max: 9 }), fc.boolean(), (size, level, plain) => {
        const content = plain
          ? new Uint8Array(size)
          : Uint8Array.from({ length: size }, (_, n) => (n * 197) & 255)
        const stream = deflateSync(content, { level })
        expect(inflate(stream, size)).toEqual({ bytes: Buffer.from(content) })
        if (size > 0) expect(inflate(stream, size - 1)).toEqual({ tooLarge: true })
      }),
      { numRuns: 200 },
    )
  })

  test('of twenty megabytes is refused without being held', () => {
    const stream = deflateSync(Buffer.alloc(20_000_000))
    const before = process.memoryUsage().arrayBuffers
    expect(zipped(stream)).toMatchObject({ code: 'INVALID_TRANSACTION_SIZE' })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  })
})

describe('hexadecimal', () => {
  test('is what Node writes, in either case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, upper) => {
        const hex = upper ? toHex(bytes).toUpperCase() : toHex(bytes)
        expect(decodeHex(hex)).toEqual(Buffer.from(bytes))
      }),
    )
  })

  test('is nothing else', () => {
    const near = fc.string({ unit: fc.constantFrom(...'09afAF', 'g', ' ', '\u0131', 'é', '\u{1f600}') })
    fc.assert(
      fc.property(near, (text) => {
        expect(decodeHex(text) !== undefined).toBe(/^(?:[0-9a-fA-F]{2})*$/.test(text))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a name', () => {
  test('of any number is written as wharfkit writes it, and read back', () => {
    const special = fc.constantFrom(0n, 1n, 15n, 16n, 2n ** 64n - 1n, 2n ** 63n, 0xf0n, 0x1fn << 4n)
    fc.assert(
      fc.property(fc.oneof(u64, special), (value) => {
        const text = formatName(value as Name)
        expect(text).toBe(String(WharfkitName.from(UInt64.from(String(value)))))
        expect(parseName(text)).toBe(value)
      }),
      { numRuns: 2000 },
    )
  })

  test('is read where wharfkit reads and writes it the same', () => {
    const near = fc.string({ unit: fc.constantFrom(...'.15aejkz06A_'), maxLength: 14 })
    fc.assert(
      fc.property(near, (text) => {
        const theirs = WharfkitName.from(text)
        const same = String(theirs) === text
        expect(parseName(text)).toBe(same ? numberOf(theirs) : undefined)
      }),
      { numRuns: 2000 },
    )
  })

  test('of nodeos has the bytes that nodeos writes', () => {
    const bytesOf = (text: string) => {
      const buffer = Buffer.alloc(8)
      buffer.writeBigUInt64LE(parseName(text)!)
      return buffer.toString('hex')
    }
    expect(bytesOf('eosio')).toBe('0000000000ea3055')
    expect(bytesOf('eosio.token')).toBe('00a6823403ea3055')
  })
})
