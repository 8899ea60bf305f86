// At most maxActions in a transaction, context-free ones included.
import { violation } from '../../shared/violations.ts'
import type { Rule } from './rule.ts'

export const actionCount: Rule = ({ maxActions }) => {
  if (maxActions === 0) return undefined
  return (transactions) => {
    const over = transactions.find(({ actions }) => actions.length > maxActions)
    return (
      over &&
      violation(
        'TOO_MANY_ACTIONS',
        `Transaction has ${over.actions.length} actions; at most ${maxActions} are allowed`,
      )
    )
  }
}
