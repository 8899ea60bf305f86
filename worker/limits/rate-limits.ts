// The rate limits in force: whether a request is over one, and what counts afterwards.
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { LimitEvent, RateLimit } from '../../shared/config/rate-limits.ts'
import { type Violation, violation } from '../../shared/violations.ts'
import { type Bucket, createBuckets, type LimitFacts } from './buckets.ts'
import { Counts, type KeyCount } from './counts.ts'

/** A request over a limit. */
export interface Over {
  violation: Violation
  /** Whole seconds after which it passes. */
  retryAfter: number
  /** RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11). */
  fields: readonly string[]
  isEnforced: boolean
}

/** The keys that are nearest to each limit, by its name. */
export type LimitKeys = Record<string, KeyCount[]>

/** Keys of one limit that are shown. */
const MAX_SHOWN = 5

/** How many requests were over each limit, by name. */
export type LimitCounts = Record<string, { rejected: number; monitored: number }>

export interface RateLimits {
  /** The buckets that a request counts in. */
  concern(facts: LimitFacts): readonly Bucket[]
  /** Counts an attempt, unless a limit is over: then says which. */
  attempt(buckets: readonly Bucket[], now: number): Over | undefined
  /** Counts what is known afterwards: failures, violations, milliseconds. */
  count(buckets: readonly Bucket[], on: Exclude<LimitEvent, 'attempt'>, amount: number, now: number): void
  /** Counts what another process of this filter has counted. */
  told(counted: readonly Counted[], now: number): void
  counts(): LimitCounts
  fullest(now: number): LimitKeys
}

/** Milliseconds of nodeos's time that are worth counting. */
const LEAST_TIME = 0.001

/** What was counted, as plain data. */
export interface Counted {
  name: string
  key: string
  amount: number
}

/** `tell` is told all that is counted, for other processes. */
export function createRateLimits(
  limits: readonly RateLimit[],
  tell?: (counted: Counted) => void,
): RateLimits {
  const stores = limits.map(({ window }) => new Counts(window * 1000))
  const overs: LimitCounts = Object.fromEntries(
    limits.map(({ name }) => [name, { rejected: 0, monitored: 0 }]),
  )
  const bucketsOf = createBuckets(limits)

  const add = ({ limit, index, key }: Bucket, amount: number, now: number) => {
    stores[index]!.add(key, amount, now)
    tell?.({ name: limit.name, key, amount })
  }
  /** Milliseconds until there is room for one more. */
  const wait = ({ limit, index, key }: Bucket, now: number) =>
    stores[index]!.until(key, limit.limit, limit.on === 'time' ? LEAST_TIME : 1, now)

  return {
    concern: bucketsOf,
    attempt: (buckets, now) => {
      let worst: Over | undefined
      let longest = 0
      for (const bucket of buckets) {
        const milliseconds = wait(bucket, now)
        if (milliseconds <= 0) continue
        const isEnforced = bucket.limit.answer === 'reject'
        if (worst?.isEnforced && (!isEnforced || milliseconds <= longest)) continue
        longest = milliseconds
        worst = over(bucket, stores[bucket.index]!.sum(bucket.key, now), milliseconds)
      }
      if (worst) overs[worst.violation.limit!]![worst.isEnforced ? 'rejected' : 'monitored']++
      if (!worst?.isEnforced)
        for (const bucket of buckets) if (bucket.limit.on === 'attempt') add(bucket, 1, now)
      return worst
    },
    count: (buckets, on, amount, now) => {
      for (const bucket of buckets) if (bucket.limit.on === on) add(bucket, amount, now)
    },
    told: (counted, now) => {
      for (const { name, key, amount } of counted) {
        const index = limits.findIndex((limit) => limit.name === name)
        stores[index]?.add(key, amount, now)
      }
    },
    counts: () => overs,
    fullest: (now) =>
      Object.fromEntries(limits.map(({ name }, index) => [name, stores[index]!.most(MAX_SHOWN, now)])),
  }
}

/** Those of several processes, each of which knows what all have counted, but for the last moment. */
export function fullestOf(all: readonly LimitKeys[]): LimitKeys {
  const names = new Set(all.flatMap((keys) => Object.keys(keys)))
  return Object.fromEntries(
    [...names].map((name) => {
      const counts = new Map<string, number>()
      for (const { key, count } of all.flatMap((keys) => keys[name] ?? []))
        counts.set(key, Math.max(count, counts.get(key) ?? 0))
      const keys = [...counts].map(([key, count]) => ({ key, count }))
      return [name, keys.sort((a, b) => b.count - a.count).slice(0, MAX_SHOWN)]
    }),
  )
}

/** Keeps the counts while a configuration has the same limits. */
export function followLimits(tell?: (counted: Counted) => void) {
  let made = ''
  let limits: RateLimits | undefined
  return {
    /** The limits of a configuration; undefined where it has none. */
    of: ({ rateLimits }: Pick<FilterConfig, 'rateLimits'>): RateLimits | undefined => {
      const text = JSON.stringify(rateLimits)
      if (text !== made) limits = rateLimits.length > 0 ? createRateLimits(rateLimits, tell) : undefined
      made = text
      return limits
    },
    counts: (): LimitCounts => limits?.counts() ?? {},
    fullest: (): LimitKeys => limits?.fullest(Date.now()) ?? {},
    take: (counted: readonly Counted[]) => limits?.told(counted, Date.now()),
  }
}

const units: Record<LimitEvent, string> = {
  attempt: 'requests',
  failure: 'failed transactions',
  violation: 'violations',
  time: "milliseconds of nodeos's time",
}

function over({ limit, key }: Bucket, found: number, milliseconds: number): Over {
  const retryAfter = Math.max(1, Math.ceil(milliseconds / 1000))
  const { name, on, window } = limit
  const detail = `Limit "${name}": ${Math.round(found)} ${units[on]} in ${window} s for ${key}; at most ${limit.limit} are allowed`
  return {
    violation: { ...violation('RATE_LIMITED', detail), limit: name },
    retryAfter,
    fields: [
      'ratelimit-policy',
      `"${name}";q=${limit.limit};w=${window}`,
      'ratelimit',
      `"${name}";r=0;t=${retryAfter}`,
    ],
    isEnforced: limit.answer === 'reject',
  }
}
