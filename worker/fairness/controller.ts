// Finds how many requests a node is best asked at one time: the fewest with which it still does all the work it can. Pure.
//
// Controllers after TCP Vegas (Netflix's concurrency-limits, Envoy's adaptive concurrency) compare latency with the latency
// of an idle node. Their users complain of two things: mixed requests mislead them, and the idle latency must be measured by
// throttling the node, or is out of date when the node itself has become slower. This one compares work: it tries fewer
// and more requests by turns, and keeps what does not cost work, or brings some. A slower node does less work at any
// limit, so that nothing follows. Requests count by what their kind usually takes, in proportion to other kinds.

/** Milliseconds and requests that one measurement takes at the least. */
const LEAST_TIME = 100
const LEAST_REQUESTS = 50

/** Milliseconds that it takes at the most, where requests are few. */
const MOST_TIME = 3_000

/** What is tried, as a share of the limit. */
const FEWER = 0.7
const MUCH_FEWER = 0.6
const MORE = 1.4

/** The share of the work with which fewer requests are kept, and that with which more are. */
const NOT_LESS = 0.92
const WORTH_IT = 1.12

/** Measurements between two tries; it doubles while nothing changes. */
const LEAST_REST = 1
const MOST_REST = 4

/** How many times longer than unhurried requests take where the limit is far too high, and how many show it. */
const HURRIED = 4
const JUMP_REQUESTS = 20

/** Milliseconds for which it is looked whether requests that nobody waits for wait in the node. */
const CROWD_TIME = 500

const LEAST_LIMIT = 1
/** Enough for any node that is not pressed. */
const FIRST_LIMIT = 100
const MOST_LIMIT = 512

/** Kinds of requests whose costs are kept apart. */
const MAX_KINDS = 512

interface Kind {
  /** Milliseconds that one usually takes unhurried; what counts is its proportion to other kinds. */
  cost: number
  /** It was seen while nobody waited. */
  isKnown: boolean
}

export interface Controller {
  /** Requests that the node is asked at one time. */
  readonly limit: number
  /**
   * One request's milliseconds until the head of its answer, while others waited for it. `inside`: requests that the node
   * still has.
   */
  pressed(kind: string, milliseconds: number, inside: number, now: number): void
  /** The same of a request that nobody waited for. `isShared`: those in the node are several clients'. */
  calm(kind: string, milliseconds: number, inside: number, isShared: boolean, now: number): void
}

export function createController(concurrency: number | 'auto'): Controller {
  return concurrency === 'auto'
    ? new WorkController()
    : { limit: concurrency, pressed: () => {}, calm: () => {} }
}

class WorkController implements Controller {
  limit = FIRST_LIMIT
  readonly #kinds = new Map<string, Kind>()
  /** Work a millisecond at the limit that is kept; undefined where that is to be measured. */
  #work: number | undefined
  /** The limit that is kept while another one is tried. */
  #kept = FIRST_LIMIT
  #rest = LEAST_REST
  #rested = 0
  #triesMore = true
  #isAfterJump = false
  /** How many times longer than ever requests take even with few at one time: the node itself is slower. */
  #slowness = 1
  #fewer = FEWER
  #crowd = { since: 0, taken: 0, usual: 0, inside: 0, count: 0 }
  // The measurement.
  /** Requests that were sent at the limit before. */
  #older = 0
  #began = 0
  #taken = 0
  #usual = 0
  #count = 0

  calm(kind: string, milliseconds: number, inside: number, isShared: boolean, now: number): void {
    // Whoever has as many as it wants shows nothing of what the node can do.
    this.limit = this.#kept
    this.#work = undefined
    this.#slowness = 1
    this.#begin(0, now)
    const known = this.#kinds.get(kind) ?? this.#learn(kind, milliseconds)
    if (!known) return
    // Behind others, requests take what those take.
    if (inside === 0) {
      known.cost += (known.isKnown ? 0.05 : 1) * (milliseconds - known.cost)
      known.isKnown = true
    } else if (!known.isKnown) known.cost = Math.min(known.cost, milliseconds)
    if (known.isKnown) this.#findCrowd(known, milliseconds, inside, isShared, now)
  }

  /**
   * Nobody waits here, yet requests take many times what they usually do: they wait in the node, each for all others. That
   * is one client's own affair, but not that of several.
   */
  #findCrowd({ cost }: Kind, milliseconds: number, inside: number, isShared: boolean, now: number): void {
    const crowd = this.#crowd
    crowd.taken += milliseconds
    crowd.usual += cost
    crowd.inside += inside + 1
    crowd.count++
    if (now - crowd.since < CROWD_TIME) return
    const { taken, usual, count } = crowd
    const mean = crowd.inside / count
    this.#crowd = { since: now, taken: 0, usual: 0, inside: 0, count: 0 }
    if (!isShared || count < JUMP_REQUESTS || taken < HURRIED * usual) return
    const worked = Math.ceil((1.5 * mean * usual) / taken) + 1
    if (worked <= mean / 2) this.#jump(worked, inside, now)
  }

  pressed(kind: string, milliseconds: number, inside: number, now: number): void {
    const known = this.#kinds.get(kind) ?? this.#learn(kind, milliseconds)
    if (!known) return
    if (this.#older > 0) {
      this.#older--
      this.#began = now
      return
    }
    if (!known.isKnown) known.cost = Math.min(known.cost, milliseconds)
    this.#taken += milliseconds
    this.#usual += known.cost
    this.#count++
    const age = now - this.#began
    const isHurried = this.#taken > HURRIED * this.#slowness * this.#usual && !this.#isAfterJump
    if (isHurried && age >= LEAST_TIME && this.#count >= JUMP_REQUESTS) {
      const worked = Math.max(LEAST_LIMIT, Math.ceil(1.5 * this.#slowness * (this.#usual / age)) + 1)
      if (worked <= this.limit / 2) {
        this.#jump(worked, inside, now)
        return
      }
    }
    const isEnough = age >= LEAST_TIME && this.#count >= Math.max(LEAST_REQUESTS, this.limit)
    if (isEnough || (age >= MOST_TIME && this.#count >= this.limit))
      this.#decide(this.#usual / age, inside, now)
  }

  #learn(name: string, milliseconds: number): Kind | undefined {
    if (this.#kinds.size >= MAX_KINDS) return undefined
    const kind: Kind = { cost: milliseconds, isKnown: false }
    this.#kinds.set(name, kind)
    return kind
  }

  #begin(older: number, now: number): void {
    this.#older = older
    this.#began = now
    this.#taken = this.#usual = this.#count = 0
  }

  #decide(work: number, inside: number, now: number): void {
    const before = this.limit
    this.#learnSlowness()
    if (this.limit === this.#kept) this.#keep(work)
    else this.#judge(work)
    // At the same limit nothing else is measured than before.
    this.#begin(this.limit === before ? 0 : inside, now)
  }

  /**
   * Requests take many times what they take unhurried: by Little's law, as many are worked on at one time as work is
   * done in a time. Where the node itself is slower, more are found to be better again.
   */
  #jump(limit: number, inside: number, now: number): void {
    this.#kept = limit
    this.limit = this.#kept
    this.#work = undefined
    this.#rest = LEAST_REST
    this.#rested = 0
    // In larger steps until that costs work.
    this.#triesMore = false
    this.#fewer = MUCH_FEWER
    this.#isAfterJump = true
    this.#begin(inside, now)
  }

  #keep(work: number): void {
    this.#work = this.#work === undefined ? work : this.#work + 0.5 * (work - this.#work)
    if (++this.#rested < this.#rest) return
    this.#rested = 0
    this.#triesMore = !this.#triesMore
    const { limit } = this
    const next = this.#triesMore
      ? Math.max(limit + 1, Math.round(limit * MORE))
      : Math.min(limit - 1, Math.round(limit * this.#fewer))
    this.limit = Math.min(MOST_LIMIT, Math.max(LEAST_LIMIT, next))
  }

  #judge(work: number): void {
    const isMore = this.limit > this.#kept
    const share = work / this.#work!
    if (isMore ? share >= WORTH_IT : share >= NOT_LESS) {
      this.#kept = this.limit
      this.#work = work
      this.#rest = LEAST_REST
      // In the same direction again.
      this.#triesMore = !isMore
    } else {
      this.limit = this.#kept
      this.#fewer = FEWER
      this.#rest = Math.min(MOST_REST, this.#rest * 2)
    }
  }

  #learnSlowness(): void {
    const ratio = this.#taken / this.#usual
    if (this.#isAfterJump || ratio < this.#slowness) this.#slowness = Math.max(1, ratio)
    this.#isAfterJump = false
  }
}
