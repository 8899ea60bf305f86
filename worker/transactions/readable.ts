// A packed transaction as people read it: names as text, numbers as they are, its id. For tools; the rules judge what
// packed.ts decodes.
import { createHash } from 'node:crypto'
import { isObject, member } from '../../shared/json.ts'
import type { Violation } from '../../shared/violations.ts'
import { decodeHex, inflate } from './bytes.ts'
import { toCompression } from './coercions.ts'
import { formatName } from './name.ts'
import { openTransaction } from './open.ts'
import { decodeTransaction, Reader } from './packed.ts'

export interface ReadableAction {
  account: string
  name: string
  authorization: { actor: string; permission: string }[]
  /** Bytes of its data. */
  dataSize: number
  /** Hexadecimal; what it means is in the contract's ABI. */
  data: string
}

export interface ReadableTransaction {
  /** SHA-256 of the packed bytes, as nodeos names it. */
  id: string
  /** UTC, to the second. */
  expiration: string
  ref_block_num: number
  ref_block_prefix: number
  max_net_usage_words: number
  max_cpu_usage_ms: number
  delay_sec: number
  context_free_actions: ReadableAction[]
  actions: ReadableAction[]
  transaction_extensions: { type: number; data: string }[]
  /** Bytes of the packed transaction after decompression. */
  packedSize: number
}

export interface ReadableEnvelope extends ReadableTransaction {
  signatures: unknown
  compression: 'none' | 'zlib'
  /** Hexadecimal, after decompression. */
  context_free_data: string
}

/** Limits under which anything that a filter could be configured to take is opened. */
const LIMITS = 1_073_741_824

const hexOf = ({ buffer, byteOffset, byteLength }: DataView) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('hex')

/** Reads packed bytes; undefined where they do not decode exactly. */
export function readTransaction(bytes: Uint8Array): ReadableTransaction | undefined {
  // What the rules decode is what is shown, and nothing else.
  if (!decodeTransaction(bytes)) return undefined
  const reader = new Reader(bytes)
  const tapos = reader.take(10)
  return {
    id: createHash('sha256').update(bytes).digest('hex'),
    expiration: new Date(tapos.getUint32(0, true) * 1000).toISOString().slice(0, 19),
    ref_block_num: tapos.getUint16(4, true),
    ref_block_prefix: tapos.getUint32(6, true),
    max_net_usage_words: reader.varuint32(),
    max_cpu_usage_ms: reader.take(1).getUint8(0),
    delay_sec: reader.varuint32(),
    context_free_actions: readList(reader, readAction),
    actions: readList(reader, readAction),
    transaction_extensions: readList(reader, readExtension),
    packedSize: bytes.length,
  }
}

/** Reads nodeos's transaction object: `{signatures, compression, packed_context_free_data, packed_trx}`. */
export function readEnvelope(object: unknown): ReadableEnvelope | Violation | undefined {
  const opened = openTransaction(object, { maxTransactionSize: LIMITS, budget: { left: LIMITS } })
  if ('code' in opened) return opened
  if (!isObject(object) || opened.transaction.form !== 'packed') return undefined
  const compression = toCompression(member(object, 'compression')) ?? 'none'
  const bytesOf = (name: string): Uint8Array => {
    const hex = member(object, name)
    const bytes = (typeof hex === 'string' ? decodeHex(hex) : undefined) ?? new Uint8Array(0)
    const inflated = compression === 'zlib' && bytes.length > 0 ? inflate(bytes, LIMITS) : { bytes }
    return 'bytes' in inflated ? inflated.bytes : new Uint8Array(0)
  }
  const transaction = readTransaction(bytesOf('packed_trx'))
  return (
    transaction && {
      ...transaction,
      signatures: member(object, 'signatures'),
      compression,
      context_free_data: Buffer.from(bytesOf('packed_context_free_data')).toString('hex'),
    }
  )
}

function readList<T>(reader: Reader, read: (reader: Reader) => T): T[] {
  const list: T[] = []
  for (let left = reader.length(1); left > 0; left--) list.push(read(reader))
  return list
}

function readAction(reader: Reader): ReadableAction {
  const account = formatName(reader.name())
  const name = formatName(reader.name())
  const authorization = readList(reader, (level) => ({
    actor: formatName(level.name()),
    permission: formatName(level.name()),
  }))
  const data = reader.take(reader.length(1))
  return { account, name, authorization, dataSize: data.byteLength, data: hexOf(data) }
}

function readExtension(reader: Reader): { type: number; data: string } {
  const type = reader.take(2).getUint16(0, true)
  return { type, data: hexOf(reader.take(reader.length(1))) }
}
