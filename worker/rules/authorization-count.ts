// At most maxAuthorizations in a transaction, over all of its actions.
import { violation } from '../../shared/violations.ts'
import type { Rule } from './rule.ts'

export const authorizationCount: Rule = ({ maxAuthorizations }) => {
  if (maxAuthorizations === 0) return undefined
  return (transactions) => {
    for (const { actions } of transactions) {
      const count = actions.reduce((sum, { authorizers }) => sum + authorizers.length, 0)
      if (count > maxAuthorizations)
        return violation(
          'TOO_MANY_AUTHORIZATIONS',
          `Transaction has ${count} authorizations; at most ${maxAuthorizations} are allowed`,
        )
    }
    return undefined
  }
}
