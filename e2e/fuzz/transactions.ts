// Real packed transactions for the tests, packed by eosjs: from a few names to bytes and hex.
import { deflateSync } from 'node:zlib'
import { Api, Serialize } from 'eosjs'
import type { AuthorityProvider, SignatureProvider } from 'eosjs/dist/eosjs-api-interfaces.js'
import type { JsonRpc } from 'eosjs/dist/eosjs-jsonrpc.js'

export interface ActionSpec {
  account: string
  name: string
  authorization: { actor: string; permission: string }[]
  /** hex */
  data: string
}

export interface TransactionSpec {
  contextFreeActions?: ActionSpec[]
  actions: ActionSpec[]
  extensions?: { type: number; data: string }[]
  maxNetUsageWords?: number
  delaySec?: number
}

/** Well-formed and of a real key, but signing nothing that is sent here. */
export const SIGNATURES = [
  'SIG_K1_KaLGDv8hLvhwtVfLcdAYuppXs9vDTk8ZUtRBeXYR2SkAyReC1vbzUthQm6wWdvo6a7aE2uufcC2VXBPL2qqST3i5ZG6nrC',
  'SIG_R1_KsCJt1y4P8psyXpftdMaJeVgZUHKwHcobu8aDnAnGMrGVeF9kNNu9mNAsH8rM1NqnshxCMzybcXddW4siWib1f9itoDHkH',
] as const

// Only its serializer is used, and that asks nobody.
const eosjs = new Api({
  rpc: undefined as unknown as JsonRpc,
  authorityProvider: undefined as unknown as AuthorityProvider,
  abiProvider: { getRawAbi: () => Promise.reject(new Error('no ABI here')) },
  signatureProvider: undefined as unknown as SignatureProvider,
  textDecoder: new TextDecoder(),
  textEncoder: new TextEncoder(),
})

export const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** The JSON shape of a transaction, as unpacked bodies carry it. */
export const unpackedTransaction = (spec: TransactionSpec) => ({
  // Half an hour: fuzzing and the bench last less, and chains allow an hour.
  expiration: new Date(Date.now() + 1_800_000).toISOString().slice(0, 19),
  ref_block_num: 4660,
  ref_block_prefix: 305419896,
  max_net_usage_words: spec.maxNetUsageWords ?? 0,
  max_cpu_usage_ms: 0,
  delay_sec: spec.delaySec ?? 0,
  context_free_actions: spec.contextFreeActions ?? [],
  actions: spec.actions,
  transaction_extensions: (spec.extensions ?? []).map(({ type, data }) => [type, data] as [number, string]),
})

export const packTransaction = (spec: TransactionSpec): Uint8Array =>
  Uint8Array.from(eosjs.serializeTransaction(unpackedTransaction(spec)))

/** The packed form of context-free data: an array of byte arrays. */
export function packContextFreeData(datas: Uint8Array[]): Uint8Array {
  const buffer = new Serialize.SerialBuffer()
  buffer.pushVaruint32(datas.length)
  for (const data of datas) buffer.pushBytes(data)
  return Uint8Array.from(buffer.asUint8Array())
}

export const compress = (bytes: Uint8Array): Uint8Array => Uint8Array.from(deflateSync(bytes))

/** What a push of it has for a body, with one signature. */
export function pushBody(spec: TransactionSpec, compression: 'none' | 'zlib' = 'none'): string {
  const packed = packTransaction(spec)
  return JSON.stringify({
    signatures: [SIGNATURES[0]],
    compression,
    packed_context_free_data: '',
    packed_trx: toHex(compression === 'zlib' ? compress(packed) : packed),
  })
}
