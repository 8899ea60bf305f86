// No transaction whose time is over, and none that lives longer than the chain allows: nodeos refuses both after it has
// recovered keys and taken its turn (controller.cpp, validate_expiration), a second one with 3040006.
import { violation } from '../../shared/violations.ts'
import type { Rule } from './rule.ts'

/** Milliseconds for which one may be over: nodeos goes by the time of the block that it makes. */
const GRACE = 10_000
/** Milliseconds by which the filter's clock may be off, as clients reckon by the chain's. */
const TOLERANCE = 2_000

export const expiration: Rule = ({ maxTransactionLifetime }, chain) => {
  if (maxTransactionLifetime === 0) return undefined
  return (transactions) => {
    const now = chain.now()
    const latest = now + maxTransactionLifetime * 1000 + TOLERANCE
    for (const { expiration } of transactions) {
      if (expiration === undefined) continue
      if (expiration < now - GRACE)
        return expired(`Transaction expired at ${timeOf(expiration)}, more than ${GRACE / 1000} s ago`)
      if (expiration > latest)
        return expired(
          `Transaction expires at ${timeOf(expiration)}, more than ${maxTransactionLifetime} s from now`,
        )
    }
    return undefined
  }
}

const expired = (detail: string) => violation('EXPIRED_TRANSACTION', detail)
const timeOf = (milliseconds: number) => new Date(milliseconds).toISOString().replace('.000', '')
