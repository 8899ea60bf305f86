// The rate limits in force: whether a request is over one, and what counts afterwards.
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { LimitEvent, RateLimit } from '../../shared/config/rate-limits.ts'
import { type Violation, violation } from '../../shared/violations.ts'
import { type Bucket, createBuckets, type LimitFacts, leastOf } from './buckets.ts'
import { Counts, type KeyCount } from './counts.ts'
import type { WindowState } from './window-script.ts'

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
  /** Counts an attempt, unless a limit is over: then says which. It takes a moment only where other filters count too. */
  attempt(buckets: readonly Bucket[], now: number): Over | undefined | Promise<Over | undefined>
  /** Counts what is known afterwards: failures, violations, milliseconds. */
  count(buckets: readonly Bucket[], on: Exclude<LimitEvent, 'attempt'>, amount: number, now: number): void
  /** Counts what another process of this filter has counted. */
  told(counted: readonly Counted[], now: number): void
  counts(): LimitCounts
  fullest(now: number): LimitKeys
}

/** What was counted, as plain data. */
export interface Counted {
  name: string
  key: string
  amount: number
}

/** What a decision came to. */
export type Decision = 'admitted' | { bucket: Bucket; state: WindowState }

/** Where filters, or isolates at the edge, count together. */
export interface LimitsElsewhere {
  /** A request waits for what is said there of such a bucket. */
  decides(bucket: Bucket): boolean
  /** What is known of a bucket without asking; undefined where it is not over. */
  known(bucket: Bucket, now: number): WindowState | undefined
  /** Counts an attempt in all buckets, unless one is over. Undefined where that is not said in time. */
  decide(buckets: readonly Bucket[], now: number): Promise<Decision | undefined>
  /** Counts there as well, soon. `at` is when it happened. */
  count(bucket: Bucket, amount: number, at: number): void
}

/** Who is told what is counted here. */
export interface CountedElsewhere {
  /** Other processes of this filter. */
  tell?: ((counted: Counted) => void) | undefined
  shared?: LimitsElsewhere | undefined
}

export function createRateLimits(limits: readonly RateLimit[], elsewhere: CountedElsewhere = {}): RateLimits {
  return new CountedLimits(limits, elsewhere)
}

class CountedLimits implements RateLimits {
  readonly concern: RateLimits['concern']
  readonly #limits: readonly RateLimit[]
  readonly #stores: readonly Counts[]
  readonly #overs: LimitCounts
  readonly #tell: CountedElsewhere['tell']
  readonly #shared: LimitsElsewhere | undefined

  constructor(limits: readonly RateLimit[], { tell, shared }: CountedElsewhere) {
    this.concern = createBuckets(limits)
    this.#limits = limits
    this.#stores = limits.map(({ window }) => new Counts(window * 1000))
    this.#overs = Object.fromEntries(limits.map(({ name }) => [name, { rejected: 0, monitored: 0 }]))
    this.#tell = tell
    this.#shared = shared
  }

  attempt(buckets: readonly Bucket[], now: number): Over | undefined | Promise<Over | undefined> {
    const worst = this.#worstOf(buckets, now)
    const shared = this.#shared
    if (shared && !worst?.isEnforced) {
      const asked = buckets.filter((bucket) => shared.decides(bucket))
      if (asked.length > 0) return this.#ask(asked, buckets, shared)
    }
    return this.#concluded(worst, buckets, (bucket) => this.#count(bucket, 1, now))
  }

  count(buckets: readonly Bucket[], on: LimitEvent, amount: number, now: number): void {
    for (const bucket of buckets) if (bucket.limit.on === on) this.#count(bucket, amount, now)
  }

  told(counted: readonly Counted[], now: number): void {
    for (const { name, key, amount } of counted) {
      const index = this.#limits.findIndex((limit) => limit.name === name)
      this.#stores[index]?.add(key, amount, now)
    }
  }

  counts(): LimitCounts {
    return this.#overs
  }

  fullest(now: number): LimitKeys {
    return Object.fromEntries(
      this.#limits.map(({ name }, index) => [name, this.#stores[index]!.most(MAX_SHOWN, now)]),
    )
  }

  /** What is over by what is known here: an enforced limit before others, and of those the one that is longest. */
  #worstOf(buckets: readonly Bucket[], now: number): Over | undefined {
    let worst: Over | undefined
    let longest = 0
    for (const bucket of buckets) {
      const { limit, index, key } = bucket
      const store = this.#stores[index]!
      const own = store.until(key, limit.limit, leastOf(limit), now)
      const known = this.#shared?.known(bucket, now)
      const milliseconds = known ? Math.max(own, known.wait) : own
      if (milliseconds <= 0) continue
      const isEnforced = limit.answer === 'reject'
      if (worst?.isEnforced && (!isEnforced || milliseconds <= longest)) continue
      longest = milliseconds
      worst = over(bucket, Math.max(store.sum(key, now), known?.sum ?? 0), milliseconds)
    }
    return worst
  }

  /** Asks where all count together. Where that is not said in time, what is known here decides. */
  async #ask(
    asked: readonly Bucket[],
    buckets: readonly Bucket[],
    shared: LimitsElsewhere,
  ): Promise<Over | undefined> {
    const decision = await shared.decide(asked, Date.now())
    const now = Date.now()
    const worst =
      typeof decision === 'object'
        ? over(decision.bucket, decision.state.sum, decision.state.wait)
        : this.#worstOf(decision ? buckets.filter((bucket) => !asked.includes(bucket)) : buckets, now)
    return this.#concluded(worst, buckets, (bucket) => {
      // The store has counted those that it was asked for.
      if (asked.includes(bucket)) this.#add(bucket, 1, now)
      else this.#count(bucket, 1, now)
    })
  }

  /** Counts in those of attempts, unless it is refused. */
  #concluded(
    worst: Over | undefined,
    buckets: readonly Bucket[],
    count: (bucket: Bucket) => void,
  ): Over | undefined {
    if (worst) this.#overs[worst.violation.limit!]![worst.isEnforced ? 'rejected' : 'monitored']++
    if (!worst?.isEnforced) for (const bucket of buckets) if (bucket.limit.on === 'attempt') count(bucket)
    return worst
  }

  #count(bucket: Bucket, amount: number, now: number): void {
    this.#add(bucket, amount, now)
    this.#shared?.count(bucket, amount, now)
  }

  #add({ limit, index, key }: Bucket, amount: number, now: number): void {
    this.#stores[index]!.add(key, amount, now)
    this.#tell?.({ name: limit.name, key, amount })
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
export function followLimits(elsewhere: CountedElsewhere) {
  let made = ''
  let limits: RateLimits | undefined
  return {
    /** The limits of a configuration; undefined where it has none. */
    of: ({ rateLimits }: Pick<FilterConfig, 'rateLimits'>): RateLimits | undefined => {
      const text = JSON.stringify(rateLimits)
      if (text !== made) limits = rateLimits.length > 0 ? createRateLimits(rateLimits, elsewhere) : undefined
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
