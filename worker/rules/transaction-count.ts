// At most maxTransactions in a request. Judged before any of them is opened.
import type { FilterConfig } from '../../shared/config/filter.ts'
import { type Violation, violation } from '../../shared/violations.ts'

export function judgeTransactionCount(
  count: number,
  { maxTransactions }: FilterConfig,
): Violation | undefined {
  if (maxTransactions === 0 || count <= maxTransactions) return undefined
  return violation(
    'TOO_MANY_TRANSACTIONS',
    `Request has ${count} transactions; at most ${maxTransactions} are allowed`,
  )
}
