// The rules in their order; the first violation decides. The original's come first, in its order.
import type { FilterConfig } from '../../shared/config/filter.ts'
import { actionCount } from './action-count.ts'
import { actions } from './actions.ts'
import { authorizationCount } from './authorization-count.ts'
import { authorizers } from './authorizers.ts'
import { contracts } from './contracts.ts'
import type { Judge, Rule } from './rule.ts'
import { signatures } from './signatures.ts'
import { transactionSize } from './transaction-size.ts'
import { unpacked } from './unpacked.ts'

/** For transactions that nodeos would act on, and for what the original judged on any other path. */
const everywhere: Rule[] = [
  transactionSize,
  signatures,
  contracts,
  actions,
  authorizers,
  actionCount,
  authorizationCount,
]
/** For transaction endpoints only. */
const onTransactionEndpoints: Rule[] = [...everywhere, unpacked]

export interface Rules {
  everywhere: Judge
  onTransactionEndpoints: Judge
}

export function createRules(config: FilterConfig): Rules {
  return {
    everywhere: firstOf(everywhere, config),
    onTransactionEndpoints: firstOf(onTransactionEndpoints, config),
  }
}

function firstOf(rules: Rule[], config: FilterConfig): Judge {
  const judges = rules.map((rule) => rule(config)).filter((judge) => judge !== undefined)
  return (transactions) => {
    for (const judge of judges) {
      const found = judge(transactions)
      if (found) return found
    }
    return undefined
  }
}
