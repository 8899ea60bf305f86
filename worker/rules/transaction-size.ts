// No packed transaction, context-free data or action data over maxTransactionSize bytes.
import { violation } from '../../shared/violations.ts'
import type { Rule } from './rule.ts'

export const transactionSize: Rule =
  ({ maxTransactionSize }) =>
  (transactions) => {
    for (const { actions, packedSize, contextFreeDataSize } of transactions) {
      let largest = Math.max(packedSize, contextFreeDataSize)
      for (const { dataSize } of actions) if (dataSize > largest) largest = dataSize
      if (largest > maxTransactionSize)
        return violation(
          'INVALID_TRANSACTION_SIZE',
          `Transaction or its data has ${largest} bytes; at most ${maxTransactionSize} are allowed`,
        )
    }
    return undefined
  }
