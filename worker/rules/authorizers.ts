// No action with the authority of a blacklisted account.
import { violation } from '../../shared/violations.ts'
import { formatName, nameSet } from '../transactions/name.ts'
import type { Rule } from './rule.ts'

export const authorizers: Rule = ({ authorizerBlackList }) => {
  const denied = nameSet(Object.keys(authorizerBlackList))
  if (denied.size === 0) return undefined

  return (transactions) => {
    for (const { actions } of transactions)
      for (const action of actions) {
        const found = action.authorizers.find((name) => denied.has(name))
        if (found !== undefined)
          return violation(
            'BLACKLISTED_AUTHORIZER',
            `Transaction is authorized by ${formatName(found)}, which is blacklisted`,
          )
      }
    return undefined
  }
}
