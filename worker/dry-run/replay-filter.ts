// The filter over a log: each request is judged at the time at which it came, with the counts, failures and bans that the
// requests before it left behind. The log drives the clock.
import TinyQueue from 'tinyqueue'
import type { Address } from '../../shared/address.ts'
import type { WholeRequest } from '../../shared/check-request.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { StrikeClass, Violation } from '../../shared/violations.ts'
import type { AddressLists } from '../addresses/lists.ts'
import { type Bans, banPolicyOf, createBans } from '../bans/bans.ts'
import { memoryBanDriver } from '../bans/drivers/memory.ts'
import { Case } from '../case.ts'
import { createJudge, type Verdict } from '../judge.ts'
import type { ResponsePolicy } from '../platform.ts'
import type { JudgeMaker } from '../settings.ts'
import type { Transaction } from '../transactions/transaction.ts'
import { createDryApp, type DryApp, DryRequest, type DryViolation, dryLogger } from './dry-app.ts'
import { withoutMemory } from './dry-filter.ts'
import { createGapCounts, type GapCounts } from './replay-gaps.ts'

/** One request of a log, and what the log tells beside it. */
export interface LoggedRequest {
  request: WholeRequest
  /** The log does not say who sent it, so that all such requests are of one client. */
  lacksAddress?: boolean | undefined
  /** The log does not hold the body that it had. */
  lacksBody: boolean
  /** What was wrong with such a body by the filter that wrote the log, null for nothing; undefined: the log does not say. */
  found?: Violation | null | undefined
  /** What nodeos answered; undefined where it was not asked, or the log does not say. */
  answer?: LoggedAnswer | undefined
  /** Milliseconds of nodeos's time; undefined where it was not asked, or the log does not say. */
  nodeosTime?: number | undefined
  /** Milliseconds from its arrival to the end of its answer. */
  duration?: number | undefined
  /** It was no request, and was refused by the listener. */
  refused?: { status: number; detail: string } | undefined
}

export interface LoggedAnswer {
  status: number
  body: Uint8Array
}

export interface ReplayFate {
  client: Address
  violation: DryViolation | undefined
  /** The transactions that it carries, as far as they were opened. */
  transactions: readonly Transaction[]
}

export interface LimitRecord {
  name: string
  /** Requests that were over it. */
  rejected: number
  /** The same of a limit that only watches. */
  watched: number
  unjudged: GapCounts
}

export interface BegunBan {
  network: string
  class: StrikeClass
  /** Unix time in milliseconds. */
  at: number
  seconds: number
}

/** What came of what depends on the requests before. */
export interface Remembered {
  limits: LimitRecord[]
  /** Null where the configuration has none. */
  bans: { begun: number; first: BegunBan[]; unjudged: GapCounts } | null
  /** Requests that stood in the log so late that they were judged by a later time than theirs. */
  late: number
}

export interface ReplayFilter {
  /** Judges the next request. The clock goes on to its time, and never back. */
  run(logged: LoggedRequest): Promise<ReplayFate>
  /** After the last request. */
  finish(): Promise<Remembered>
}

/** Requests whose answers are still to come; then the first of them come early. */
const MAX_UNDER_WAY = 10_000

/** Milliseconds by which the clock may be ahead of a request that still counts as in time. */
const TOLERATED = 1_000

/** Bans that are told one by one. */
const MAX_TOLD = 10

/** Stands for a body that is not known. */
const UNKNOWN = new Uint8Array(0)

export function createReplayFilter(config: FilterConfig, addresses: AddressLists): ReplayFilter {
  return new LogFilter({ ...config, mode: 'enforce' }, addresses)
}

const unseen = (found: Violation | null | undefined): Verdict => ({
  violation: found ?? undefined,
  rebuilt: null,
  transactions: [],
  tables: [],
  retries: false,
})

class LogFilter implements ReplayFilter {
  readonly #config: FilterConfig
  readonly #remembering: DryApp
  /** For requests of which nobody knows when they came. */
  readonly #plain: DryApp
  readonly #gaps: ReturnType<typeof createGapCounts>
  /** What is still to come of requests, by when it does. */
  readonly #ends = new TinyQueue<{ at: number; end(): void }>([], (a, b) => a.at - b.at)
  #strikes: Promise<unknown>[] = []
  /** Unix time in milliseconds, as far as the log has come. */
  #clock = 0
  #late = 0
  readonly #bans = { begun: 0, first: [] as BegunBan[] }
  #logged: LoggedRequest | undefined
  #transactions: readonly Transaction[] = []

  constructor(config: FilterConfig, addresses: AddressLists) {
    const chainNow = () => this.#logged?.request.time ?? Date.now()
    const now = () => this.#clock
    const bans = createBans(memoryBanDriver(now), banPolicyOf(config), { logger: dryLogger, now })
    const parts = { addresses, chainNow, judgeOf: this.#judgeOf }
    const { fairness, repeats, cache } = withoutMemory(config)
    this.#config = config
    this.#gaps = createGapCounts(config)
    this.#remembering = createDryApp({
      ...parts,
      config: { ...config, fairness, repeats, cache },
      now,
      bans: { ...bans, strike: (...strike) => this.#strike(bans, ...strike) },
    })
    this.#plain = createDryApp({ ...parts, config: { ...withoutMemory(config), bans: null }, bans })
  }

  async run(logged: LoggedRequest): Promise<ReplayFate> {
    const { request, lacksBody, refused } = logged
    const { time } = request
    this.#logged = logged
    this.#transactions = []
    if (time !== undefined) {
      await this.#goOn(time)
      if (time < this.#clock - TOLERATED) this.#late++
    }
    const app = time === undefined ? this.#plain : this.#remembering
    const dry = new DryRequest(lacksBody ? { ...request, body: UNKNOWN } : request, (policy) =>
      this.#asked(dry, logged, policy),
    )
    const { client, violation } = refused ? app.refuse(request, refused) : await app.run(request, dry)
    await this.#struck()
    this.#gaps.judged(logged, client, violation?.code)
    return { client, violation, transactions: this.#transactions }
  }

  async finish(): Promise<Remembered> {
    await this.#goOn(Number.MAX_SAFE_INTEGER)
    const counts = this.#remembering.limitCounts()
    return {
      limits: this.#config.rateLimits.map(({ name }) => ({
        name,
        rejected: counts[name]?.rejected ?? 0,
        watched: counts[name]?.monitored ?? 0,
        unjudged: this.#gaps.ofLimit(name),
      })),
      bans: this.#config.bans && { ...this.#bans, unjudged: this.#gaps.ofBans() },
      late: this.#late,
    }
  }

  /** A body that is not known is as bad as the log says. */
  readonly #judgeOf: JudgeMaker = (config, chain) => {
    const judge = createJudge(config, chain)
    return {
      ...judge,
      body: (head, bytes) => {
        const verdict = bytes === UNKNOWN ? unseen(this.#logged?.found) : judge.body(head, bytes)
        this.#transactions = verdict.transactions
        return verdict
      },
    }
  }

  /** What was under way ends, up to a time. */
  async #goOn(to: number): Promise<void> {
    for (
      let next = this.#ends.peek();
      next && (next.at <= to || this.#ends.length > MAX_UNDER_WAY);
      next = this.#ends.peek()
    ) {
      this.#ends.pop()
      this.#clock = Math.max(this.#clock, Math.min(next.at, to))
      next.end()
      await this.#struck()
    }
    this.#clock = Math.max(this.#clock, to)
  }

  /** A node would be asked: it answers as it did. */
  #asked(
    { watch }: DryRequest,
    { request, answer, nodeosTime, duration = 0 }: LoggedRequest,
    policy: ResponsePolicy,
  ) {
    if (request.time === undefined) return
    const limits = watch instanceof Case ? (watch.buckets ?? []).map(({ limit }) => limit) : []
    this.#gaps.asked(request, limits, { answer, nodeosTime })
    if (answer === undefined && nodeosTime === undefined) return
    this.#ends.push({
      at: this.#clock + duration,
      end: () => {
        if (nodeosTime !== undefined) policy.spent(nodeosTime)
        if (answer) policy.observe(answer.status, answer.body)
      },
    })
  }

  #strike(
    bans: Bans,
    ...[client, strikeClass, count]: Parameters<Bans['strike']>
  ): ReturnType<Bans['strike']> {
    const struck = bans.strike(client, strikeClass, count).then((ban) => {
      if (!ban) return undefined
      const { network, until } = ban
      const at = this.#clock
      this.#bans.begun++
      if (this.#bans.first.length < MAX_TOLD)
        this.#bans.first.push({ network, class: strikeClass, at, seconds: Math.round((until - at) / 1000) })
      return ban
    })
    this.#strikes.push(struck)
    return struck
  }

  /** Strikes are counted before anything else happens. */
  async #struck(): Promise<void> {
    if (this.#strikes.length === 0) return
    const strikes = this.#strikes
    this.#strikes = []
    await Promise.all(strikes)
  }
}
