// At most maxSignatures on a transaction: nodeos recovers a public key from each one.
import { violation } from '../../shared/violations.ts'
import type { Rule } from './rule.ts'

export const signatures: Rule =
  ({ maxSignatures }) =>
  (transactions) => {
    const over = transactions.find(({ signatureCount }) => signatureCount > maxSignatures)
    return (
      over &&
      violation(
        'INVALID_NUMBER_SIGNATURES',
        `Transaction has ${over.signatureCount} signatures; at most ${maxSignatures} are allowed`,
      )
    )
  }
