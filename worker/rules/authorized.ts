// No transaction without a single authorization, be it for want of actions: nodeos executes none
// (transaction_context.cpp, validate_referenced_accounts: tx_no_auths, 3040003).
import { violation } from '../../shared/violations.ts'
import type { Rule } from './rule.ts'

export const authorized: Rule = () => (transactions) => {
  // nodeos acts on no legacy body.
  for (const { form, actions } of transactions)
    if (form !== 'legacy' && actions.every(({ authorizers }) => authorizers.length === 0))
      return violation(
        'EMPTY_TRANSACTION',
        actions.length === 0
          ? 'Transaction has no action; one with an authorization is required'
          : 'Transaction has no authorization; one is required',
      )
  return undefined
}
