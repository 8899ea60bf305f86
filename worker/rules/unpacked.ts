// Unpacked transactions cost nodeos an ABI look-up and an encoding each, so they are taken only where the
// operator says so. Legacy bodies count where nodeos would be handed them as a transaction.
import { violation } from '../../shared/violations.ts'
import type { Rule } from './rule.ts'

export const unpacked: Rule = ({ unpackedTransactions }) => {
  if (unpackedTransactions === 'inspect') return undefined
  return (transactions) =>
    transactions.every(({ form }) => form === 'packed')
      ? undefined
      : violation('UNPACKED_TRANSACTION', 'Transaction is not packed; send it as "packed_trx"')
}
