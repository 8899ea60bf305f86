// Rate limits that hold across the isolates of Cloudflare Workers: a Durable Object for each client (or other key) counts,
// and says before a request goes on whether there is room. What only counts is told to it behind the request. Where it does
// not say in time, the isolate's own count decides.
import type { Bucket } from './buckets.ts'
import { leastOf } from './buckets.ts'
import type { EdgeCount, LimitCounter } from './edge-counter.ts'
import { KnownOver } from './known-over.ts'
import { decisionOf } from './places.ts'
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
    const asked = groupedByTag(buckets).map(async ([tag, group]) => ({
      group,
      states: await this.#ask(tag, 'decide', group, (bucket) => (isCounted(bucket) ? 1 : 0)),
    }))
    return decisionOf(await Promise.all(asked), (bucket) => {
      if (isCounted(bucket)) this.count(bucket, -1)
    })
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
      groupedByTag([...amounts.keys()]).map(([tag, group]) =>
        this.#ask(tag, 'count', group, (bucket) => amounts.get(bucket)!),
      ),
    )
  }

  async #ask(
    tag: string,
    how: 'decide' | 'count',
    group: readonly Bucket[],
    amountOf: (bucket: Bucket) => number,
  ): Promise<WindowState[] | undefined> {
    const counts = group.map((bucket) => countOf(bucket, amountOf(bucket)))
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
    for (const [index, state] of states?.entries() ?? []) this.#note(group[index]!, state)
    return states
  }

  #note(bucket: Bucket, state: WindowState): void {
    if (state.wait > 0) this.#over.note(idOf(bucket), state)
    else this.#over.forget(idOf(bucket))
  }
}

/** What comes is counted with the decision; of all else there is only to be room. */
const isCounted = ({ limit: { on } }: Bucket) => on === 'attempt'

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
