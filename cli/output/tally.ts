// What became of many requests, counted in bounded memory.
import { detached } from '../../shared/detached.ts'
import type { ViolationCode } from '../../shared/violations.ts'
import type { BegunBan, LimitRecord, Remembered } from '../../worker/dry-run/replay-filter.ts'
import type { GapCounts } from '../../worker/dry-run/replay-gaps.ts'
import { SpaceSaving } from '../../worker/top/space-saving.ts'

/** Networks and contracts that are counted at one time. */
const MAX_KEYS = 5_000
const MAX_LISTED = 10
const MAX_REQUEST = 120

export interface Judged {
  /** Line or entry. */
  at: number
  /** Unix time in milliseconds; undefined where the log does not say. */
  time: number | undefined
  /** Method and path. */
  request: string
  network: string
  /** Undefined where it passes. */
  code: ViolationCode | undefined
  detail: string | undefined
  /** What the other configuration says of it. */
  before: ViolationCode | undefined
  /** It was judged without the body that it had. */
  lacksBody: boolean
  contracts: readonly string[]
}

/** How the verdict on requests changes; null is that they pass. */
export interface Change {
  from: ViolationCode | null
  to: ViolationCode | null
  requests: number
  examples: Example[]
}

export interface Example {
  at: number
  /** ISO 8601; null where the log does not say. */
  time: string | null
  request: string
  network: string
  detail: string
}

/** A rate limit of the new configuration. `before` is how many an equally named one of the other one rejects. */
export interface ReplayedLimit extends LimitRecord {
  before: number | null
}

export interface ReplayedBans {
  begun: number
  /** Of the other configuration. */
  before: number | null
  first: (Omit<BegunBan, 'at'> & { at: string })[]
  unjudged: GapCounts
}

/** At most `requests`, at least `requests - error`. */
export interface Listed {
  key: string
  requests: number
  error: number
}

export interface ReplayReport {
  requests: number
  rejected: number
  /** When the first and the last of them came; null where the log does not say. */
  from: string | null
  to: string | null
  /** Requests whose bodies are not in the log: only address, path, method and size were judged. */
  withoutBody: number
  /** Requests that stood in the log so late that they were judged by a later time than theirs. */
  late: number
  /** Lines that could not be judged, and why the first could not. */
  unread: number
  firstUnread: string | null
  codes: { code: ViolationCode; requests: number; before: number | null; examples: Example[] }[]
  /** Whose requests are rejected, and whose contracts they act on. */
  networks: Listed[]
  contracts: Listed[]
  limits: ReplayedLimit[]
  /** Null where the configuration has none. */
  bans: ReplayedBans | null
  /** Null where there is nothing to compare with. */
  changes: Change[] | null
}

export class Tally {
  requests = 0
  firstUnread: string | undefined
  readonly #examples: number
  readonly #compares: boolean
  #rejected = 0
  #withoutBody = 0
  #from = Number.POSITIVE_INFINITY
  #to = Number.NEGATIVE_INFINITY
  #unread = 0
  readonly #codes = new Map<ViolationCode, { requests: number; before: number; examples: Example[] }>()
  readonly #changes = new Map<string, Change>()
  readonly #networks = new SpaceSaving(MAX_KEYS)
  readonly #contracts = new SpaceSaving(MAX_KEYS)

  constructor(examples: number, compares: boolean) {
    this.#examples = examples
    this.#compares = compares
  }

  unread(why: string): void {
    this.#unread++
    this.firstUnread ??= why
  }

  add(judged: Judged): void {
    const { code, before, network, contracts, lacksBody, time } = judged
    this.requests++
    if (lacksBody) this.#withoutBody++
    if (time !== undefined) {
      this.#from = Math.min(this.#from, time)
      this.#to = Math.max(this.#to, time)
    }
    if (code !== undefined) {
      this.#rejected++
      this.#networks.add(network, 1)
      for (const contract of contracts) this.#contracts.add(contract, 1)
      const counts = this.#countsOf(code)
      counts.requests++
      this.#keep(counts.examples, judged)
    }
    if (before !== undefined) this.#countsOf(before).before++
    if (this.#compares && code !== before) this.#change(judged)
  }

  #countsOf(code: ViolationCode) {
    const known = this.#codes.get(code) ?? { requests: 0, before: 0, examples: [] }
    this.#codes.set(code, known)
    return known
  }

  #change(judged: Judged): void {
    const { code: to = null, before: from = null } = judged
    const key = `${from} ${to}`
    const change = this.#changes.get(key) ?? { from, to, requests: 0, examples: [] }
    this.#changes.set(key, change)
    change.requests++
    this.#keep(change.examples, judged)
  }

  #keep(examples: Example[], { at, time, request, network, detail }: Judged): void {
    if (examples.length >= this.#examples) return
    examples.push({
      at,
      time: isoTime(time),
      request: detached(request.slice(0, MAX_REQUEST)),
      network,
      detail: detail ?? '',
    })
  }

  report(next: Remembered, old: Remembered | undefined): ReplayReport {
    return {
      requests: this.requests,
      rejected: this.#rejected,
      from: isoTime(this.#from),
      to: isoTime(this.#to),
      withoutBody: this.#withoutBody,
      late: next.late,
      unread: this.#unread,
      firstUnread: this.firstUnread ?? null,
      codes: [...this.#codes]
        .map(([code, { before, ...counts }]) => ({ code, ...counts, before: this.#compares ? before : null }))
        .toSorted((a, b) => b.requests - a.requests),
      networks: listed(this.#networks),
      contracts: listed(this.#contracts),
      limits: next.limits.map((limit) => ({
        ...limit,
        before: old ? (old.limits.find(({ name }) => name === limit.name)?.rejected ?? 0) : null,
      })),
      bans: next.bans && {
        begun: next.bans.begun,
        before: old ? (old.bans?.begun ?? 0) : null,
        first: next.bans.first.map((ban) => ({ ...ban, at: new Date(ban.at).toISOString() })),
        unjudged: next.bans.unjudged,
      },
      changes: this.#compares
        ? [...this.#changes.values()].toSorted((a, b) => b.requests - a.requests)
        : null,
    }
  }
}

const isoTime = (time: number | undefined) => (Number.isFinite(time) ? new Date(time!).toISOString() : null)

function listed(counts: SpaceSaving): Listed[] {
  return counts
    .list()
    .heavy.toSorted((a, b) => b.count - a.count)
    .slice(0, MAX_LISTED)
    .map(({ key, count, error }) => ({ key, requests: count, error }))
}
