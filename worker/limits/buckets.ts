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

/** What comes is counted, and refused: to be decided before a request goes on. All else is known only afterwards. */
export function isDecidedFirst({ limit: { on, answer } }: Bucket): boolean {
  return on === 'attempt' && answer === 'reject'
}

/** Milliseconds of nodeos's time that are worth counting. */
const LEAST_TIME = 0.001

/** How much there has to be room for, where a request may still pass. */
export function leastOf({ on }: RateLimit): number {
  return on === 'time' ? LEAST_TIME : 1
}

/** Keys of one request in one limit; who sends more has the first of them counted. */
const MAX_KEYS = 64

/** What limits look at in one request, each worked out once, when the first limit asks for it. */
class RequestValues {
  readonly facts: LimitFacts
  readonly #known: Partial<Record<LimitKey, readonly string[]>> = {}

  constructor(facts: LimitFacts) {
    this.facts = facts
  }

  of(name: LimitKey): readonly string[] {
    this.#known[name] ??= valuesOf[name](this.facts)
    return this.#known[name]
  }
}

const valuesOf: Record<LimitKey, (facts: LimitFacts) => readonly string[]> = {
  ip: ({ client }) => [clientNetwork(client)],
  path: ({ path }) => [loosePath(path)],
  authorizer: ofActions(({ authorizers }, found) => {
    for (const name of authorizers) found.add(formatName(name))
  }),
  contract: ofActions(({ contract }, found) => {
    if (contract !== undefined) found.add(formatName(contract))
  }),
  action: ofActions(({ contract, name }, found) => {
    if (contract !== undefined && name !== undefined)
      found.add(`${formatName(contract)}::${formatName(name)}`)
  }),
  table: ({ tables }) => tables,
}

/** What all actions of a request name, each once. */
function ofActions(
  name: (action: Action, found: Set<string>) => void,
): (facts: LimitFacts) => readonly string[] {
  return ({ transactions }) => {
    const found = new Set<string>()
    for (const { actions } of transactions) for (const action of actions) name(action, found)
    return [...found]
  }
}

/** Returns the buckets of a request; an empty list where no limit concerns it. */
export function createBuckets(limits: readonly RateLimit[]): (facts: LimitFacts) => readonly Bucket[] {
  // Limits that have the same keys under the same conditions have them worked out once.
  const ways = new Map<string, Way>()
  const wayOf = (limit: RateLimit): Way => {
    const id = JSON.stringify([limit.key, limit.where])
    const way = ways.get(id) ?? { at: ways.size, keysOf: compile(limit) }
    ways.set(id, way)
    return way
  }
  const compiled = limits.map((limit, index) => ({ limit, index, way: wayOf(limit) }))
  return (facts) => {
    const values = new RequestValues(facts)
    const keys: (readonly string[])[] = []
    const buckets: Bucket[] = []
    for (const { limit, index, way } of compiled) {
      keys[way.at] ??= way.keysOf(values)
      for (const key of keys[way.at]!) buckets.push({ limit, index, key, client: facts.client })
    }
    return buckets
  }
}

interface Way {
  /** Which of the ways. */
  at: number
  keysOf: KeysOf
}

type KeysOf = (values: RequestValues) => readonly string[]

/** The keys for which a request counts in one limit. */
function compile({ key: dimensions, where = {} }: RateLimit): KeysOf {
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
  // A condition on the same thing says which of its values are meant.
  const meant = dimensions.map((name) => ({
    name,
    allowed: conditions.find((condition) => condition.name === name)?.allowed,
  }))
  const needsOne = dimensions.includes('ip')
  return (values) => {
    const { isOne, path } = values.facts
    if (needsOne && !isOne) return NONE
    if (isPath && !isPath(path) && !values.of('path').some(isPath)) return NONE
    for (const { name, allowed } of conditions)
      if (!values.of(name).some((value) => allowed.has(value))) return NONE
    return combined(
      meant.map(({ name, allowed }) =>
        allowed ? values.of(name).filter((value) => allowed.has(value)) : values.of(name),
      ),
    )
  }
}

const NONE: readonly string[] = []

/** Every combination of one value of each list, as text. */
function combined(lists: readonly (readonly string[])[]): readonly string[] {
  let made: string[] = lists[0]!.slice(0, MAX_KEYS)
  for (const list of lists.slice(1)) {
    const longer: string[] = []
    for (const before of made) for (const value of list) longer.push(`${before} ${value}`)
    made = longer.slice(0, MAX_KEYS)
  }
  return made
}
