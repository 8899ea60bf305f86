// What nodeos makes of a packed transaction: from bytes, maybe compressed, to the actions it holds.
// Follows libraries/libfc/include/fc/io/raw.hpp and libraries/chain/transaction.cpp of AntelopeIO/spring.
// Trailing bytes after the transaction are never looked at, and a varuint may be longer than it needs.
import { inflateSync } from 'node:zlib'
import { asInt64, type FcValue, getString, NodeosError } from './json.ts'

export type Compression = 'none' | 'zlib'

export interface Authorization {
  actor: string
  permission: string
}

export interface Action {
  account: string
  name: string
  authorization: Authorization[]
  /** Bytes; undefined where only the contract's ABI, which is on chain, can tell. */
  dataSize: number | undefined
}

export interface TransactionHeader {
  expiration: number
  refBlockNum: number
  refBlockPrefix: number
  maxNetUsageWords: number
  maxCpuUsageMs: number
  delaySec: number
}

export interface Transaction {
  header: TransactionHeader
  contextFreeActions: Action[]
  actions: Action[]
  extensions: { type: number; size: number }[]
  /** Bytes that were read, bytes behind them that were not, and bytes behind the zlib stream. */
  size: number
  trailing: number
  unused: number
}

// fc/utility.hpp
const MAX_ARRAY_ELEMENTS = 1024 * 1024
const MAX_BYTES = 20 * 1024 * 1024
// transaction.cpp: what one zlib stream may become.
const MAX_INFLATED_BYTES = 1024 * 1024

const NAME_ALPHABET = '.12345abcdefghijklmnopqrstuvwxyz'

/** chain/name.cpp: thirteen characters from the low end up, the last of four bits, trailing dots cut. */
export function nameToString(value: bigint): string {
  let rest = value
  const characters = [NAME_ALPHABET[Number(rest & 0x0fn)]!]
  rest >>= 4n
  for (let i = 0; i < 12; i++) {
    characters.push(NAME_ALPHABET[Number(rest & 0x1fn)]!)
    rest >>= 5n
  }
  return characters.reverse().join('').replace(/\.+$/, '')
}

/** chain/name.hpp: a name in JSON must be the very text that its number would print as. */
export function nameFromVariant(value: FcValue): string {
  const text = getString(value)
  const ok = /^[.1-5a-z]{0,12}$/.test(text) || /^[.1-5a-z]{12}[.1-5a-j]$/.test(text)
  if (!ok || text.endsWith('.')) throw new NodeosError('not a name')
  return text
}

/** variant.cpp: hex of either case; an odd number of digits is refused. */
export function bytesFromVariant(value: FcValue): Uint8Array {
  const text = getString(value)
  if (text.length > 2 * MAX_BYTES) throw new NodeosError('hex too long')
  if (text.length % 2 !== 0) throw new NodeosError('odd number of hex digits')
  if (!/^[0-9a-fA-F]*$/.test(text)) throw new NodeosError('not hex')
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

// reflect.hpp compares C strings, so a string ends at its first NUL.
const cString = (text: string) => text.split('\0', 1)[0]!

/** reflect/variant.hpp and reflect.hpp: an enum is its name, or whatever can be cast to its number. */
export function compressionFromVariant(value: FcValue): Compression {
  const named = typeof value === 'string' ? cString(value) : value
  if (named === 'none' || named === 'zlib') return named
  const number = asInt64(named)
  if (number === 0n) return 'none'
  if (number === 1n) return 'zlib'
  throw new NodeosError('no such compression')
}

class Unpacker {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  skip(length: number): number {
    const start = this.position
    if (this.#bytes.length - start < length) throw new NodeosError('packed bytes end early')
    this.position += length
    return start
  }

  uint8 = () => this.#view.getUint8(this.skip(1))
  uint16 = () => this.#view.getUint16(this.skip(2), true)
  uint32 = () => this.#view.getUint32(this.skip(4), true)
  name = () => nameToString(this.#view.getBigUint64(this.skip(8), true))

  // At most five bytes, whatever the fifth one says of a sixth; bits above the 32nd are lost.
  varuint32 = () => {
    let value = 0
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = this.uint8()
      value = (value | ((byte & 0x7f) << shift)) >>> 0
      if (byte < 0x80) break
    }
    return value
  }

  /** Skips over the bytes and says how many they were. */
  bytes = () => {
    const length = this.varuint32()
    if (length > MAX_BYTES) throw new NodeosError('byte array too long')
    this.skip(length)
    return length
  }

  vector<T>(element: () => T): T[] {
    const length = this.varuint32()
    if (length > MAX_ARRAY_ELEMENTS) throw new NodeosError('array too long')
    const values: T[] = []
    for (let i = 0; i < length; i++) values.push(element())
    return values
  }

  authorization = (): Authorization => ({ actor: this.name(), permission: this.name() })

  action = (): Action => ({
    account: this.name(),
    name: this.name(),
    authorization: this.vector(this.authorization),
    dataSize: this.bytes(),
  })
}

interface Unzipped {
  bytes: Uint8Array
  /** Bytes behind the end of the zlib stream. */
  unused: number
}

/** transaction.cpp: zlib_decompress. Boost stops at the end of the stream and ignores what follows. */
export function inflate(data: Uint8Array): Unzipped {
  try {
    // With `info` there is more in the answer than the types say.
    const { buffer, engine } = inflateSync(data, {
      maxOutputLength: MAX_INFLATED_BYTES,
      info: true,
    }) as unknown as { buffer: Uint8Array; engine: { bytesWritten: number } }
    return { bytes: buffer, unused: data.length - engine.bytesWritten }
  } catch {
    throw new NodeosError('does not inflate')
  }
}

const unzip = (packed: Uint8Array, compression: Compression): Unzipped =>
  compression === 'zlib' ? inflate(packed) : { bytes: packed, unused: 0 }

export function unpackTransaction(packed: Uint8Array, compression: Compression): Transaction {
  const { bytes, unused } = unzip(packed, compression)
  const unpacker = new Unpacker(bytes)
  const header: TransactionHeader = {
    expiration: unpacker.uint32(),
    refBlockNum: unpacker.uint16(),
    refBlockPrefix: unpacker.uint32(),
    maxNetUsageWords: unpacker.varuint32(),
    maxCpuUsageMs: unpacker.uint8(),
    delaySec: unpacker.varuint32(),
  }
  const contextFreeActions = unpacker.vector(unpacker.action)
  const actions = unpacker.vector(unpacker.action)
  const extensions = unpacker.vector(() => ({ type: unpacker.uint16(), size: unpacker.bytes() }))
  const size = unpacker.position
  return { header, contextFreeActions, actions, extensions, size, trailing: bytes.length - size, unused }
}

/** The sizes, in bytes, of each context-free data, and of what is behind; the packed form may be empty. */
export function unpackContextFreeData(
  packed: Uint8Array,
  compression: Compression,
): { sizes: number[]; trailing: number; unused: number } {
  if (packed.length === 0) return { sizes: [], trailing: 0, unused: 0 }
  const { bytes, unused } = unzip(packed, compression)
  const unpacker = new Unpacker(bytes)
  const sizes = unpacker.vector(unpacker.bytes)
  return { sizes, trailing: bytes.length - unpacker.position, unused }
}

/** Bytes of a number as a varuint32, for the size of a transaction that came unpacked. */
export const varuintSize = (value: number): number => {
  let size = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++
  return size
}
