// The rules in their order; the first violation decides. The original's come first, in its order.
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { Violation } from '../../shared/violations.ts'
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

/** Told what each step of judging found: undefined where it lets the request pass, `off` where it has nothing to judge. */
export type Witness = (step: string, found: Violation | undefined | 'off') => void

/** Rules by name, in their order. */
type RuleList = Readonly<Record<string, Rule>>

/** For transactions that nodeos would act on, and for what the original judged on any other path. */
const everywhere: RuleList = {
  transactionSize,
  signatures,
  contracts,
  actions,
  authorizers,
  actionCount,
  authorizationCount,
}
/** For transactions that nodeos executes without keeping anything; it asks neither for their time nor their authority. */
const readOnly: RuleList = { ...everywhere, unpacked }
/** For those that are to be in a block, or to be tried as if. */
const onTransactionEndpoints: RuleList = { ...readOnly, authorized, expiration }

export interface Rules {
  everywhere: Judge
  readOnly: Judge
  onTransactionEndpoints: Judge
}

export function createRules(config: FilterConfig, chain: ChainFacts, witness?: Witness): Rules {
  return {
    everywhere: firstOf(everywhere, config, chain, witness),
    readOnly: firstOf(readOnly, config, chain, witness),
    onTransactionEndpoints: firstOf(onTransactionEndpoints, config, chain, witness),
  }
}

function firstOf(rules: RuleList, config: FilterConfig, chain: ChainFacts, witness?: Witness): Judge {
  const judges = Object.entries(rules).flatMap(([name, rule]) => {
    const judge = rule(config, chain)
    if (witness) return watched(name, judge, witness)
    return judge ?? []
  })
  return (transactions) => {
    for (const judge of judges) {
      const found = judge(transactions)
      if (found) return found
    }
    return undefined
  }
}

/** The same judge, which says what it found. */
function watched(name: string, judge: Judge | undefined, witness: Witness): Judge {
  return (transactions) => {
    const found = judge?.(transactions)
    witness(name, judge ? found : 'off')
    return found
  }
}
