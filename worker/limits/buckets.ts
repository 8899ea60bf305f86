// Which limits concern a request, and for which keys it counts: made once for a configuration.
import type { Address } from '../../shared/address.ts'
import { clientNetwork } from '../../shared/address.ts'
import type { LimitKey, RateLimit } from '../../shared/config/rate-limits.ts'
import { loosePath, pathMatcher } from '../../shared/paths.ts'
import { formatName } from '../transactions/name.ts'
import type { Action, Transaction } from '../transactions/transaction.ts'

/** What of a request limits look at. */
export interface LimitFacts {
  client: Address
  /** A proxy that does not say for whom it asks is no key. */
  isOne: boolean
  path: string
  transactions: readonly Transaction[]
  /** As contract::table. */
  tables: readonly string[]
}

/** One limit for one key. */
export interface Bucket {
  limit: RateLimit
  /** Which of the limits. */
  index: number
  key: string
  /** Whose request it is. */
  client: Address
  /** Its key in a store that filters share: set when it is first needed. */
  sharedKey?: string
}

/** Milliseconds of nodeos's time that are worth counting. */
const LEAST_TIME = 0.001

/** How much there has to be room for, where a request may still pass. */
export function leastOf({ on }: RateLimit): number {
  return on === 'time' ? LEAST_TIME : 1
}

/** Keys of one request in one limit; who sends more has the first of them counted. */
const MAX_KEYS = 64

type Values = (facts: LimitFacts) => readonly string[]

const valuesOf: Record<Exclude<LimitKey, 'ip' | 'path'>, Values> = {
  authorizer: ofActions(({ authorizers }) => authorizers.map(formatName)),
  contract: ofActions(({ contract }) => (contract === undefined ? [] : [formatName(contract)])),
  action: ofActions(({ contract, name }) =>
    contract === undefined || name === undefined ? [] : [`${formatName(contract)}::${formatName(name)}`],
  ),
  table: ({ tables }) => tables,
}

/** What all actions of a request name, each once. */
function ofActions(named: (action: Action) => string[]): Values {
  return ({ transactions }) => [...new Set(transactions.flatMap(({ actions }) => actions.flatMap(named)))]
}

/** Returns the buckets of a request; an empty list where no limit concerns it. */
export function createBuckets(limits: readonly RateLimit[]): (facts: LimitFacts) => readonly Bucket[] {
  const compiled = limits.map(compile)
  return (facts) => {
    let buckets: Bucket[] | undefined
    for (const [index, keysOf] of compiled.entries())
      for (const key of keysOf(facts)) {
        buckets ??= []
        buckets.push({ limit: limits[index]!, index, key, client: facts.client })
      }
    return buckets ?? NONE
  }
}

const NONE: readonly Bucket[] = []

/** The keys for which a request counts in one limit. */
function compile({ key: dimensions, where = {} }: RateLimit): Values {
  const isPath = where.paths && pathMatcher(where.paths)
  const { contracts, actions, authorizers, tables } = where
  const conditions = (
    [
      ['contract', contracts],
      ['action', actions],
      ['authorizer', authorizers],
      ['table', tables],
    ] as const
  ).flatMap(([name, allowed]) => (allowed ? [{ name, allowed: new Set(allowed) }] : []))
  const values: Values[] = dimensions.map((name) => {
    if (name === 'ip') return ({ client }) => [clientNetwork(client)]
    if (name === 'path') return ({ path }) => [loosePath(path)]
    // A condition on the same thing says which of its values are meant.
    const allowed = conditions.find((condition) => condition.name === name)?.allowed
    return (facts) => valuesOf[name](facts).filter((value) => !allowed || allowed.has(value))
  })
  const needsOne = dimensions.includes('ip')
  return (facts) => {
    if ((needsOne && !facts.isOne) || (isPath && !isPath(facts.path) && !isPath(loosePath(facts.path))))
      return []
    for (const { name, allowed } of conditions)
      if (!valuesOf[name](facts).some((value) => allowed.has(value))) return []
    return combined(values.map((of) => of(facts)))
  }
}

/** Every combination of one value of each list, as text. */
function combined(lists: readonly (readonly string[])[]): readonly string[] {
  if (lists.length === 1) return lists[0]!.slice(0, MAX_KEYS)
  return lists.reduce<readonly string[]>(
    (made, list) =>
      made.flatMap((before) => list.map((value) => `${before}${before && ' '}${value}`)).slice(0, MAX_KEYS),
    [''],
  )
}
