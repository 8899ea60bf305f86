// Bodies of requests as clients send them.
import { PackedTransaction, type SignedTransaction } from '@wharfkit/antelope'

/** The body of a push of one transaction, which is not compressed. */
export function packedBody(transaction: SignedTransaction): string {
  const packed = JSON.parse(JSON.stringify(PackedTransaction.fromSigned(transaction, 0)))
  return JSON.stringify({ ...packed, compression: 'none' })
}
