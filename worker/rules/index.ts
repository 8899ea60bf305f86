// The rules in their order; the first violation decides. The original's come first, in its order.
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { ChainFacts } from '../chain-facts.ts'
import { actionCount } from './action-count.ts'
import { actions } from './actions.ts'
import { authorizationCount } from './authorization-count.ts'
import { authorized } from './authorized.ts'
import { authorizers } from './authorizers.ts'
import { contracts } from './contracts.ts'
import { expiration } from './expiration.ts'
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
/** For transactions that nodeos executes without keeping anything; it asks neither for their time nor their authority. */
const readOnly: Rule[] = [...everywhere, unpacked]
/** For those that are to be in a block, or to be tried as if. */
const onTransactionEndpoints: Rule[] = [...readOnly, authorized, expiration]

export interface Rules {
  everywhere: Judge
  readOnly: Judge
  onTransactionEndpoints: Judge
}

export function createRules(config: FilterConfig, chain: ChainFacts): Rules {
  return {
    everywhere: firstOf(everywhere, config, chain),
    readOnly: firstOf(readOnly, config, chain),
    onTransactionEndpoints: firstOf(onTransactionEndpoints, config, chain),
  }
}

function firstOf(rules: Rule[], config: FilterConfig, chain: ChainFacts): Judge {
  const judges = rules.map((rule) => rule(config, chain)).filter((judge) => judge !== undefined)
  return (transactions) => {
    for (const judge of judges) {
      const found = judge(transactions)
      if (found) return found
    }
    return undefined
  }
}
