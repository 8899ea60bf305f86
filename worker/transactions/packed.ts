// The binary form of a transaction -> what it does. Exact: every byte is read and none is left.
// Follows nodeos: libraries/chain/include/eosio/chain/transaction.hpp and fc/io/raw.hpp.
import type { Name } from './name.ts'
import type { Action } from './transaction.ts'

/** Reads little-endian values in turn. Reading past the end, or a longer varuint than needed, makes it not `ok`. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  #ok = true

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** All that was read was there, so far. */
  get ok(): boolean {
    return this.#ok
  }

  /** All that was read was there, and nothing is left. */
  get exhausted(): boolean {
    return this.#ok && this.#at === this.#bytes.length
  }

  skip(count: number): void {
    if (count > this.#bytes.length - this.#at) this.#ok = false
    else this.#at += count
  }

  name(): Name {
    const at = this.#at
    this.skip(8)
    return (this.#ok ? this.#view.getBigUint64(at, true) : 0n) as Name
  }

  /** fc::unsigned_int: seven bits a byte, at most 32 bits. nodeos takes padded ones; no client writes them. */
  varuint32(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if ((byte === 0 && shift > 0) || value > 0xffff_ffff) break
        return value
      }
    }
    this.#ok = false
    return 0
  }

  /** The length of a vector whose elements take at least `elementSize` bytes each. */
  length(elementSize: number): number {
    const length = this.varuint32()
    if (length * elementSize > this.#bytes.length - this.#at) this.#ok = false
    return this.#ok ? length : 0
  }

  /** The next bytes; all zero where there are not so many. */
  take(count: number): DataView {
    const at = this.#at
    this.skip(count)
    return this.#ok
      ? new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, count)
      : new DataView(new ArrayBuffer(Math.min(count, 8)))
  }

  /** Skips a byte string and returns its length. */
  skipBytes(): number {
    const length = this.length(1)
    this.skip(length)
    return length
  }
}

/** u32 expiration, u16 ref_block_num, u32 ref_block_prefix */
const TAPOS_BYTES = 10
/** Two names, and the lengths of authorization and data. */
const MIN_ACTION_BYTES = 18
const AUTHORIZATION_BYTES = 16

/** When a packed transaction expires, as Unix time in milliseconds; for bytes that decode. */
export function expirationOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) * 1000
}

/** The actions of a packed transaction, context-free ones first; undefined where it does not decode exactly. */
export function decodeTransaction(bytes: Uint8Array): Action[] | undefined {
  const reader = new Reader(bytes)
  reader.skip(TAPOS_BYTES)
  reader.varuint32() // max_net_usage_words
  reader.skip(1) // max_cpu_usage_ms
  reader.varuint32() // delay_sec
  const actions: Action[] = []
  readActions(reader, actions)
  readActions(reader, actions)
  for (let left = reader.length(3); left > 0 && reader.ok; left--) {
    reader.skip(2) // extension type
    reader.skipBytes()
  }
  return reader.exhausted ? actions : undefined
}

function readActions(reader: Reader, into: Action[]): void {
  for (let left = reader.length(MIN_ACTION_BYTES); left > 0 && reader.ok; left--) {
    const contract = reader.name()
    const name = reader.name()
    const authorizers: Name[] = []
    for (let more = reader.length(AUTHORIZATION_BYTES); more > 0; more--) {
      authorizers.push(reader.name())
      reader.skip(8) // permission
    }
    into.push({ contract, name, authorizers, dataSize: reader.skipBytes() })
  }
}

/** Whether bytes are exactly one vector of byte strings, as packed context-free data is. */
export function isContextFreeData(bytes: Uint8Array): boolean {
  const reader = new Reader(bytes)
  for (let left = reader.length(1); left > 0 && reader.ok; left--) reader.skipBytes()
  return reader.exhausted
}
