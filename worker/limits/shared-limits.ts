// Rate limits that hold across filters. Each filter counts for itself, as without a shared store; beside that, all of them
// count together in the store. What decides now, attempts, is asked there before a request goes on. What only counts is
// told to it a moment later, and whoever finds a limit reached tells all filters until when. What is known to be over is
// not asked again. While the store is away, what is counted is kept, and told when it is back.
import { createHash } from 'node:crypto'
import type { Reply, SharedStore } from '../store/shared-store.ts'
import { type Bucket, isDecidedFirst, leastOf } from './buckets.ts'
import { KnownOver } from './known-over.ts'
import { decisionOf } from './places.ts'
import type { Decision, LimitsElsewhere } from './rate-limits.ts'
import { groupedByTag, tagOf } from './tags.ts'
import { type WindowCount, type WindowState, windowArguments, windowScript } from './window-script.ts'

/** Milliseconds in which counts gather before the store is told. */
const TELL_DELAY = 100

/** In so many times the wait of a request it is to take a share of them. */
const TELL_WAITS = 5

/** Keys that it is told of at one time, so that nobody's decision waits behind many. */
const SHARE = 200

/** Keys that wait to be told, and that are known to be over: then the oldest go. */
const MAX_KEYS = 50_000

/** Characters of a key in the store; a longer one has a digest in its place. */
const MAX_KEY_LENGTH = 200

interface Untold {
  bucket: Bucket
  amount: number
  /** When it happened, Unix time in milliseconds: the mean of all of it. */
  at: number
}

export class SharedLimits implements LimitsElsewhere {
  readonly #store: SharedStore
  readonly #channel: string
  /** By key in the store, the oldest first. */
  readonly #untold = new Map<string, Untold>()
  /** By key and limit. */
  readonly #over = new KnownOver(MAX_KEYS)
  #timer: ReturnType<typeof setTimeout> | undefined
  #telling: Promise<void> | undefined

  constructor(store: SharedStore) {
    this.#store = store
    this.#channel = `${store.prefix}:over`
    store.subscribe(this.#channel, (message) => this.#heard(message))
    store.onBack(() => this.#tellSoon())
  }

  /** Attempts alone: what only counts is told by whoever finds it over. */
  decides(bucket: Bucket): boolean {
    return isDecidedFirst(bucket)
  }

  /** What is known of a bucket without asking; undefined where it is not over. */
  known(bucket: Bucket, now: number): WindowState | undefined {
    return this.#over.isEmpty ? undefined : this.#over.of(this.#overIdOf(bucket), now)
  }

  /** Counts an attempt in all buckets, unless one is over. Undefined where the store does not say in time. */
  async decide(buckets: readonly Bucket[], now: number): Promise<Decision | undefined> {
    if (!this.#store.isHere) {
      this.#store.counters.unasked++
      this.#countAll(buckets, now)
      return undefined
    }
    const asked = groupedByTag(buckets).map(async ([, group]) => ({
      group,
      states: await this.#decideGroup(group),
    }))
    return decisionOf(await Promise.all(asked), (bucket) => this.count(bucket, -1, now))
  }

  async #decideGroup(group: readonly Bucket[]): Promise<WindowState[] | undefined> {
    const asked = this.#run(
      'decide',
      group.map((bucket) => this.#countOf(bucket, 1, 0)),
    )
    const reply = await this.#store.within(asked, this.#store.wait)
    if (reply !== undefined) {
      const states = statesOf(reply)
      for (const [index, state] of states.entries())
        if (state.wait > 0) this.#over.note(this.#overIdOf(group[index]!), state)
      return states
    }
    // The request goes on, and is counted: here and now by whoever asked, there as soon as that is known not to be done.
    const happened = Date.now()
    asked.then(
      (late) => {
        if (statesOf(late).some(({ wait }) => wait > 0)) this.#countAll(group, happened)
      },
      () => this.#countAll(group, happened),
    )
    return undefined
  }

  #countAll(group: readonly Bucket[], at: number): void {
    for (const bucket of group) this.count(bucket, 1, at)
  }

  /** Counts in the store as well, soon. `at` is when it happened. */
  count(bucket: Bucket, amount: number, at: number): void {
    const key = this.#keyOf(bucket)
    const untold = this.#untold.get(key)
    if (untold) {
      const sum = untold.amount + amount
      if (sum > 0) untold.at = (untold.at * untold.amount + at * amount) / sum
      untold.amount = sum
    } else {
      if (this.#untold.size >= MAX_KEYS) {
        this.#untold.delete(this.#untold.keys().next().value!)
        this.#store.counters.dropped++
      }
      this.#untold.set(key, { bucket, amount, at })
    }
    this.#tellSoon()
  }

  #tellSoon(): void {
    if (!this.#store.isHere || this.#telling || this.#untold.size === 0) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#telling = this.#tell().finally(() => {
        this.#telling = undefined
        this.#tellSoon()
      })
    }, TELL_DELAY)
  }

  /** Tells the store all that waits, a share at a time. */
  async #tell(): Promise<void> {
    while (this.#untold.size > 0 && this.#store.isHere) {
      const share: Untold[] = []
      for (const [key, untold] of this.#untold) {
        if (share.length >= SHARE) break
        this.#untold.delete(key)
        if (untold.amount !== 0) share.push(untold)
      }
      await this.#tellShare(share)
    }
  }

  async #tellShare(share: readonly Untold[]): Promise<void> {
    const now = Date.now()
    const byBucket = new Map(share.map((untold) => [untold.bucket, untold]))
    const over: [id: string, wait: number, sum: number][] = []
    const told = groupedByTag([...byBucket.keys()]).map(async ([, group]) => {
      const counts = group.map((bucket) => {
        const { amount, at } = byBucket.get(bucket)!
        return this.#countOf(bucket, amount, now - at)
      })
      const asked = this.#run('count', counts)
      asked.catch(() => {
        for (const bucket of group) {
          const { amount, at } = byBucket.get(bucket)!
          this.count(bucket, amount, at)
        }
      })
      const reply = await this.#store.within(asked, TELL_WAITS * this.#store.wait)
      for (const [index, { wait, sum }] of statesOf(reply ?? []).entries())
        if (wait > 0) over.push([this.#overIdOf(group[index]!), wait, sum])
    })
    await Promise.all(told)
    if (over.length === 0) return
    for (const [id, wait, sum] of over) this.#over.note(id, { wait, sum })
    this.#store.publish(this.#channel, JSON.stringify(over))
  }

  #heard(message: string): void {
    for (const [id, wait, sum] of JSON.parse(message) as [string, number, number][])
      this.#over.note(id, { wait, sum })
  }

  #run(mode: 'decide' | 'count', counts: WindowCount[]): Promise<Reply> {
    const keys = counts.map(({ key }) => key) as [string, ...string[]]
    return this.#store.run(windowScript, keys, windowArguments(mode, counts))
  }

  #countOf(bucket: Bucket, amount: number, age: number): WindowCount {
    const { limit, window } = bucket.limit
    return {
      key: this.#keyOf(bucket),
      limit,
      least: leastOf(bucket.limit),
      window: window * 1000,
      amount,
      age: Math.max(0, Math.round(age)),
    }
  }

  /** Filters may differ in the limit while they are configured. */
  #overIdOf(bucket: Bucket): string {
    return `${this.#keyOf(bucket)} ${bucket.limit.limit}`
  }

  /** What stands in braces says in which slot of a cluster it is. */
  #keyOf(bucket: Bucket): string {
    const { limit, key } = bucket
    bucket.sharedKey ??= `${this.#store.prefix}:limit:{${short(tagOf(bucket))}}:${limit.window}:${limit.name}:${short(key)}`
    return bucket.sharedKey
  }

  /** Tells what waits, once more before the end. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#telling
    await this.#tell()
  }
}

/** Paths are of any length. */
function short(key: string): string {
  return key.length <= MAX_KEY_LENGTH ? key : createHash('sha256').update(key).digest('base64url')
}

/** `wait` and `sum` in turn. */
function statesOf(reply: Reply): WindowState[] {
  const numbers = reply as number[]
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    wait: numbers[index * 2]!,
    sum: numbers[index * 2 + 1]!,
  }))
}
