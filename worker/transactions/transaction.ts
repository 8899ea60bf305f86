// What a request asks nodeos to do: the one form that the rules judge, whatever shape it came in.
import type { Name } from './name.ts'

export interface Action {
  /** Undefined where a legacy body names something that no account can be called. */
  contract: Name | undefined
  name: Name | undefined
  /** The accounts whose authority is used. */
  authorizers: Name[]
  /** Bytes of its data; in the legacy shape, characters; 0 where nodeos encodes it from JSON. */
  dataSize: number
}

export interface Transaction {
  /** `legacy`: top-level `actions`, the shape that the original judged and nodeos no longer reads. */
  form: 'packed' | 'unpacked' | 'legacy'
  signatureCount: number
  /** Unix time in milliseconds; undefined in the legacy shape, and where it is text that only nodeos may read. */
  expiration: number | undefined
  /** Context-free actions first, as they are executed. */
  actions: Action[]
  /** Bytes of the packed transaction after decompression; about what it would take where it is not packed yet. */
  packedSize: number
  /** Bytes of the packed context-free data after decompression. */
  contextFreeDataSize: number
}
