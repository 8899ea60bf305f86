// No blacklisted action of a contract.
import { violation } from '../../shared/violations.ts'
import { formatName, type Name, nameSet } from '../transactions/name.ts'
import type { Rule } from './rule.ts'

export const actions: Rule = ({ actionBlackList }) => {
  const denied = new Map<Name, Set<Name>>()
  for (const key of Object.keys(actionBlackList)) {
    const [contract, action] = [...nameSet(key.split('::').slice(0, 1)), ...nameSet(key.split('::').slice(1))]
    denied.set(contract!, (denied.get(contract!) ?? new Set()).add(action!))
  }
  if (denied.size === 0) return undefined

  return (transactions) => {
    for (const transaction of transactions)
      for (const { contract, name } of transaction.actions)
        if (contract !== undefined && name !== undefined && denied.get(contract)?.has(name))
          return violation(
            'BLACKLISTED_ACTION',
            `Transaction has the action ${formatName(contract)}::${formatName(name)}, which is blacklisted`,
          )
    return undefined
  }
}
