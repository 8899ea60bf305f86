// The keys for rate limits: what is counted, for whom, and how much of it is allowed in which time.
import * as v from 'valibot'
import { accountName, actionName, endpoint, integer, key, list, section, text } from './values.ts'

export const limitKeys = ['ip', 'authorizer', 'contract', 'action', 'table', 'path'] as const
export type LimitKey = (typeof limitKeys)[number]

export const limitEvents = ['attempt', 'failure', 'violation', 'time'] as const
export type LimitEvent = (typeof limitEvents)[number]

const quoted = (words: readonly string[]) => words.map((word) => `"${word}"`).join(', ')
const KEYS = `one or more of ${quoted(limitKeys)}, each once`

/** A table as contract::table, each an account name. */
export const tableName = text('contract::table, each an account name', (value) => v.is(actionName, value))

const named = <S extends v.GenericSchema>(item: S, allowed: string) =>
  v.optional(v.pipe(list(item, allowed), v.minLength(1, `${allowed} with one or more`)))

const where = section(
  {
    paths: named(endpoint, 'a list of paths'),
    contracts: named(accountName, 'a list of contracts'),
    actions: named(actionName, 'a list of contract::action'),
    authorizers: named(accountName, 'a list of accounts'),
    tables: named(tableName, 'a list of contract::table'),
  },
  'an object with any of paths, contracts, actions, authorizers, tables',
)

const limit = section(
  {
    name: text(
      'a name of 1 to 64 printable characters',
      (value) => /^[\x20-\x7e]{1,64}$/.test(value) && !/["\\]/.test(value),
    ),
    key: v.pipe(
      list(v.picklist(limitKeys, KEYS), KEYS),
      v.check((keys) => keys.length > 0 && new Set(keys).size === keys.length, KEYS),
    ),
    on: v.picklist(limitEvents, quoted(limitEvents)),
    limit: integer(0, 1_000_000_000),
    window: integer(1, 86_400, 'seconds'),
    where: v.optional(where),
    answer: v.optional(v.picklist(['reject', 'monitor'], '"reject" or "monitor"'), 'reject'),
  },
  'an object such as {"name": "failed", "key": ["ip"], "on": "failure", "limit": 5, "window": 60}',
)

export const rateLimitKeys = {
  rateLimits: key(
    list(limit, 'a list of limits'),
    [],
    'Limits, each {"name", "key": ["ip", ...], "on": "attempt", "failure", "violation" or "time" (milliseconds of nodeos\'s time), "limit", "window" (seconds), "where", "answer"}; whoever is over one is answered 429',
  ),
}

export type RateLimit = v.InferOutput<typeof limit>
