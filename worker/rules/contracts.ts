// No action on a blacklisted contract, nor on one outside of an allow list that is not empty.
import { violation } from '../../shared/violations.ts'
import { formatName, nameSet } from '../transactions/name.ts'
import type { Rule } from './rule.ts'

export const contracts: Rule = ({ contractBlackList, contractAllowList }) => {
  const denied = nameSet(Object.keys(contractBlackList))
  const allowed = nameSet(Object.keys(contractAllowList))
  if (denied.size === 0 && allowed.size === 0) return undefined

  return (transactions) => {
    for (const { actions } of transactions)
      for (const { contract } of actions) {
        const named = contract === undefined ? 'an unknown contract' : `contract ${formatName(contract)}`
        if (contract !== undefined && denied.has(contract))
          return violation(
            'BLACKLISTED_CONTRACT',
            `Transaction has an action on ${named}, which is blacklisted`,
          )
        if (allowed.size > 0 && (contract === undefined || !allowed.has(contract)))
          return violation(
            'BLACKLISTED_CONTRACT',
            `Transaction has an action on ${named}, which is not on the allow list`,
          )
      }
    return undefined
  }
}
