// The store that several filters share, with a circuit breaker: where it does not answer, or not in time, nobody waits for
// it any more, until it has answered a probe again.
import { createHash } from 'node:crypto'
import type { Logger } from '../../shared/logger.ts'
import { openLink, type RedisLink, type Reply } from './redis-link.ts'
import { type RedisTarget, showTarget } from './redis-url.ts'

export type { Reply }

/** A script that runs in Redis as one step; all of its keys are in one slot of a cluster. */
export interface Script {
  text: string
  /** By which Redis knows it. */
  sha1: string
}

export function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

export interface StoreCounters {
  /** Processes for which the store is away. */
  away: number
  /** Answers that came, did not come in time, and were errors. */
  answered: number
  late: number
  errors: number
  /** Requests that were decided without asking, since it was away. */
  unasked: number
  /** Counts that the store was never told: it was away too long. */
  dropped: number
}

export interface SharedStore {
  /** What all names of keys and channels begin with. */
  readonly prefix: string
  /** It answers in time: as far as is known. */
  readonly isHere: boolean
  /** Milliseconds that a request waits for an answer. */
  readonly wait: number
  readonly counters: StoreCounters
  /** Runs a script. Rejects where it is away, and on errors, by which it is away. */
  run(script: Script, keys: [string, ...string[]], args: readonly string[]): Promise<Reply>
  publish(channel: string, message: string): void
  subscribe(channel: string, listener: (message: string) => void): void
  /** Calls back whenever it is here again, and where messages may have been missed. */
  onBack(listener: () => void): void
  /** Resolves to what comes in time; to undefined where it does not, or is an error. */
  within(work: Promise<Reply>, milliseconds: number): Promise<Reply | undefined>
  close(): void
}

/** Milliseconds that a request waits for an answer. */
export const WAIT = 20

/** In waits: how long no answer comes in time after the first that was late, until it is away; and how long a start waits. */
const PATIENCE = 2
const START_PATIENCE = 100

/** Milliseconds between two probes, at random between half and all of it. */
const PROBE_INTERVAL = 300

/** Probes in a row that are answered in time by a store that is back. */
const GOOD_PROBES = 2

/** Milliseconds between two tries to hear what others tell. */
const SUBSCRIBE_INTERVAL = 1_000

/** Milliseconds between two lines on the same trouble. */
const LOG_INTERVAL = 60_000

/** Milliseconds between two probes while a start waits. */
const START_INTERVAL = 20

export interface StoreOptions {
  target: RedisTarget
  prefix: string
  logger: Logger
  /** Milliseconds that a request waits for an answer, in tests that are not to depend on how fast a machine is. */
  wait?: number
}

/** Writes as all scripts do, so that it is refused where they are: a full memory, a replica, a user without rights. */
const probe = script(`return redis.call('SET', KEYS[1], '1', 'PX', 1000)`)

/** Resolves when the store is here, or will not be soon. */
export async function openSharedStore(options: StoreOptions): Promise<SharedStore> {
  const store = new Store(options)
  await store.open()
  return store
}

function isOffline(error: unknown): boolean {
  return ['ClientOfflineError', 'ClientClosedError'].includes((error as Error).constructor.name)
}

/** `failed` and `late` are no answers. A busy process may not have read yet what has come: that is not late. */
function inTime(work: Promise<Reply>, milliseconds: number): Promise<{ reply: Reply } | 'failed' | 'late'> {
  return new Promise((resolve) => {
    // Timers come before what was read, immediates after it.
    const timer = setTimeout(() => setImmediate(resolve, 'late'), milliseconds)
    const settle = (answer: { reply: Reply } | 'failed') => {
      clearTimeout(timer)
      resolve(answer)
    }
    work.then(
      (reply) => settle({ reply }),
      () => settle('failed'),
    )
  })
}

class Store implements SharedStore {
  readonly prefix: string
  readonly wait: number
  readonly counters: StoreCounters = { away: 1, answered: 0, late: 0, errors: 0, unasked: 0, dropped: 0 }
  readonly #target: RedisTarget
  readonly #logger: Logger
  readonly #backListeners: (() => void)[] = []
  #link: RedisLink | undefined
  #isHere = false
  /** The start does not wait for it any more. */
  #isOpen = false
  #isClosed = false
  /** When the first answer was late, since the last one that was not; by performance.now(). */
  #lateSince: number | undefined
  readonly #lateError: string
  #lastError: string
  readonly #nextLine = new Map<string, number>()
  #isAwayLogged = false

  constructor({ target, prefix, logger, wait = WAIT }: StoreOptions) {
    this.prefix = prefix
    this.wait = wait
    this.#lateError = `no answer within ${wait} ms`
    this.#lastError = this.#lateError
    this.#target = target
    this.#logger = logger
  }

  get isHere(): boolean {
    return this.#isHere
  }

  async open(): Promise<void> {
    this.#link = await openLink(this.#target, {
      onError: ({ message }) => {
        this.#lastError = message
        this.#leave()
      },
      onListening: () => {
        if (this.#isHere) this.#tellBack()
      },
    })
    const here = this.#probeUntilHere()
    const limit = Promise.withResolvers<void>()
    const timer = setTimeout(limit.resolve, START_PATIENCE * this.wait)
    await Promise.race([here, limit.promise])
    clearTimeout(timer)
    this.#isOpen = true
    if (!this.#isHere) this.#logAway()
  }

  async run({ text, sha1 }: Script, keys: [string, ...string[]], args: readonly string[]): Promise<Reply> {
    if (!this.#isHere) throw new Error('the store is away')
    try {
      const reply = await this.#evaluate(text, sha1, keys, args)
      this.counters.answered++
      return reply
    } catch (error) {
      this.counters.errors++
      if (!isOffline(error)) this.#lastError = (error as Error).message
      this.#leave()
      throw error
    }
  }

  async #evaluate(text: string, sha1: string, keys: [string, ...string[]], args: readonly string[]) {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await this.#link!.send(keys[0], ['EVALSHA', sha1, ...rest])
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error
      return await this.#link!.send(keys[0], ['EVAL', text, ...rest])
    }
  }

  async within(work: Promise<Reply>, milliseconds: number): Promise<Reply | undefined> {
    const answer = await inTime(work, milliseconds)
    if (answer === 'late') this.#late()
    else if (milliseconds <= this.wait) this.#lateSince = undefined
    return typeof answer === 'object' ? answer.reply : undefined
  }

  #late(): void {
    this.counters.late++
    const now = performance.now()
    this.#lateSince ??= now
    if (now - this.#lateSince < PATIENCE * this.wait) return
    this.#lastError = this.#lateError
    this.#leave()
  }

  publish(channel: string, message: string): void {
    this.#link?.send(channel, ['PUBLISH', channel, message]).catch(() => {})
  }

  subscribe(channel: string, listener: (message: string) => void): void {
    const subscribe = () => {
      if (this.#isClosed) return
      this.#link!.subscribe(channel, listener).catch(({ message }: Error) => {
        this.#say('what other filters tell is not heard', message)
        setTimeout(subscribe, SUBSCRIBE_INTERVAL)
      })
    }
    subscribe()
  }

  onBack(listener: () => void): void {
    this.#backListeners.push(listener)
  }

  #tellBack(): void {
    for (const listener of this.#backListeners) listener()
  }

  #leave(): void {
    if (!this.#isHere) return
    this.#isHere = false
    this.counters.away = 1
    this.#logAway()
    void this.#probeUntilHere()
  }

  async #probeUntilHere(): Promise<void> {
    for (let good = 0; good < GOOD_PROBES; ) {
      if (this.#isClosed) return
      good = (await this.#isProbeAnswered()) ? good + 1 : 0
      if (good > 0) continue
      if (this.#isOpen) this.#logAway()
      const pause = this.#isOpen ? PROBE_INTERVAL * (0.5 + Math.random() / 2) : START_INTERVAL
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
    this.#isHere = true
    this.counters.away = 0
    this.#lateSince = undefined
    if (this.#isAwayLogged) this.#logger.info('the shared store is back', { store: showTarget(this.#target) })
    this.#isAwayLogged = false
    this.#tellBack()
  }

  /** One probe at a time: that of a store that stands still is answered when it goes on. */
  async #isProbeAnswered(): Promise<boolean> {
    const probed = this.#evaluate(probe.text, probe.sha1, [`${this.prefix}:probe`], [])
    const answer = await inTime(probed, this.wait)
    if (answer === 'late') this.#lastError = this.#lateError
    try {
      await probed
    } catch (error) {
      // Why that is, was said before.
      if (!isOffline(error)) this.#lastError = (error as Error).message
    }
    return typeof answer === 'object'
  }

  #logAway(): void {
    const isSaid = this.#say(
      'the shared store is away; limits and bans go by what is counted here',
      this.#lastError,
    )
    this.#isAwayLogged ||= isSaid
  }

  /** One line a minute of each kind; false where it was not said. */
  #say(what: string, error: string): boolean {
    const now = Date.now()
    if (now < (this.#nextLine.get(what) ?? 0)) return false
    this.#nextLine.set(what, now + LOG_INTERVAL)
    this.#logger.error(what, { store: showTarget(this.#target), error })
    return true
  }

  close(): void {
    this.#isClosed = true
    this.#isHere = false
    this.#link?.close()
  }
}
