// Rate limits that hold across the isolates of Cloudflare Workers: a Durable Object for each client (or other key) counts,
// and says before a request goes on whether there is room. What only counts is told to it behind the request. Where it does
// not say in time, the isolate's own count decides.
import type { Bucket } from './buckets.ts'
import { leastOf } from './buckets.ts'
import type { EdgeCount, LimitCounter } from './edge-counter.ts'
import { KnownOver } from './known-over.ts'
import type { Decision, LimitsElsewhere } from './rate-limits.ts'
import { groupedByTag } from './tags.ts'
import type { WindowState } from './window-script.ts'

/** Milliseconds that a request waits for a decision; and for which none is asked for after one did not come. */
const WAIT = 250
const AWAY = 1_000

/** Keys that wait to be told, and that are known to be over: then the oldest go. */
const MAX_KEYS = 10_000

export class EdgeLimits implements LimitsElsewhere {
  readonly #objects: DurableObjectNamespace<LimitCounter>
  #untold = new Map<string, { bucket: Bucket; amount: number }>()
  readonly #over = new KnownOver(MAX_KEYS)
  #awayUntil = 0

  constructor(objects: DurableObjectNamespace<LimitCounter>) {
    this.#objects = objects
  }

  /** All that are enforced: what others counted is known in no other way. */
  decides({ limit }: Bucket): boolean {
    return limit.answer === 'reject' && Date.now() >= this.#awayUntil
  }

  known(bucket: Bucket, now: number): WindowState | undefined {
    return this.#over.isEmpty ? undefined : this.#over.of(idOf(bucket), now)
  }

  async decide(buckets: readonly Bucket[]): Promise<Decision | undefined> {
    const groups = groupedByTag(buckets)
    const asked = groups.map(([tag, group]) =>
      this.#ask(
        tag,
        'decide',
        group.map((bucket) => countOf(bucket, bucket.limit.on === 'attempt' ? 1 : 0)),
      ),
    )
    const results = await Promise.all(asked)
    let worst: { bucket: Bucket; state: WindowState } | undefined
    for (const [at, [, group]] of groups.entries())
      for (const [index, state] of results[at]?.entries() ?? []) {
        this.#note(group[index]!, state)
        if (state.wait > 0 && state.wait > (worst?.state.wait ?? 0)) worst = { bucket: group[index]!, state }
      }
    if (!worst) return results.every((states) => states !== undefined) ? 'admitted' : undefined
    // Counted in one object and refused in another.
    for (const [at, [, group]] of groups.entries())
      if (results[at]?.every(({ wait }) => wait <= 0))
        for (const bucket of group) if (bucket.limit.on === 'attempt') this.count(bucket, -1)
    return worst
  }

  count(bucket: Bucket, amount: number): void {
    const id = idOf(bucket)
    const untold = this.#untold.get(id)
    if (untold) untold.amount += amount
    else {
      if (this.#untold.size >= MAX_KEYS) this.#untold.delete(this.#untold.keys().next().value!)
      this.#untold.set(id, { bucket, amount })
    }
  }

  /** Tells the objects what was counted since; to be kept alive by the request behind which it is called. */
  async tell(): Promise<void> {
    if (this.#untold.size === 0) return
    const amounts = new Map([...this.#untold.values()].map(({ bucket, amount }) => [bucket, amount]))
    this.#untold = new Map()
    await Promise.all(
      groupedByTag([...amounts.keys()]).map(async ([tag, group]) => {
        const counts = group.map((bucket) => countOf(bucket, amounts.get(bucket)!))
        const states = await this.#ask(tag, 'count', counts)
        for (const [index, state] of states?.entries() ?? []) this.#note(group[index]!, state)
      }),
    )
  }

  async #ask(tag: string, how: 'decide' | 'count', counts: EdgeCount[]): Promise<WindowState[] | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, WAIT, undefined)
    })
    const states = await Promise.race([
      this.#objects
        .getByName(tag)
        [how](counts)
        .catch(() => undefined),
      late,
    ])
    clearTimeout(timer)
    if (!states) this.#awayUntil = Date.now() + AWAY
    return states
  }

  #note(bucket: Bucket, state: WindowState): void {
    if (state.wait > 0) this.#over.note(idOf(bucket), state)
    else this.#over.forget(idOf(bucket))
  }
}

const idOf = ({ limit, key }: Bucket) => `${limit.name} ${limit.limit} ${key}`

function countOf({ limit, key }: Bucket, amount: number): EdgeCount {
  return {
    key: `${limit.name} ${key}`,
    limit: limit.limit,
    least: leastOf(limit),
    window: limit.window * 1000,
    amount,
  }
}
