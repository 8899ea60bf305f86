// The form of a rule.
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { Violation } from '../../shared/violations.ts'
import type { ChainFacts } from '../chain-facts.ts'
import type { Transaction } from '../transactions/transaction.ts'

/** Finds what is wrong with the transactions of one request, or nothing. */
export type Judge = (transactions: readonly Transaction[]) => Violation | undefined

/** Makes a judge for a configuration, so that what can be prepared is prepared once. Undefined: nothing to judge. */
export type Rule = (config: FilterConfig, chain: ChainFacts) => Judge | undefined
