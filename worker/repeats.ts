// Has the very same transaction executed once at a time, and not again for a while where it failed: nodeos executes a
// failing transaction in full and bills nobody, so sending it again is the cheapest attack there is. It says the same as
// before, until the chain's state changes.
import { LRUCache } from 'lru-cache'
import { isPlain } from './headers.ts'
import type { Outcome } from './outcome.ts'
import type { HeaderPairs } from './platform.ts'

/** What nodeos answered, and what that says of the transaction. */
export interface TransactionAnswer {
  status: number
  headers: HeaderPairs
  body: Uint8Array
  outcome: Exclude<Outcome, 'trouble'>
}

/** Requests that were the very same as another one. */
export interface RepeatCounts {
  /** It was under way: they waited for it. */
  joined: number
  /** It had failed: they were answered from memory. */
  remembered: number
}

/** What became of a request: undefined where nodeos gave no answer that is fit for others. */
export type Settle = (answer: TransactionAnswer | undefined) => void

export interface Repeats {
  /**
   * The answer to the very same request: at once, or when the one under way has it; that may end in none. Undefined where
   * nothing is known of it.
   */
  find(key: string): TransactionAnswer | Promise<TransactionAnswer | undefined> | undefined
  /** The request is under way until it is settled. */
  begin(key: string): Settle
}

/** Characters of the longest request that is remembered: a longer one takes a large part of a second to send anyway. */
const MAX_KEY = 65_536

/** Answers that are kept at most, and their bytes with those of their keys. */
const MAX_ANSWERS = 1_000
const MAX_SIZE = 8_388_608

/** Bytes of the largest answer that is kept; a failure with its trace seldom has a tenth of that. */
const MAX_ANSWER = 65_536

/** Requests under way that others may wait for, and for how many milliseconds: a runtime may end one without a word. */
const MAX_UNDER_WAY = 10_000
const LONGEST_WAIT = 60_000

/** What tells requests apart: all that nodeos acts on. Undefined where it is too long. */
export function repeatKey(target: string, body: string): string | undefined {
  return body.length <= MAX_KEY ? `${target}\n${body}` : undefined
}

/** `seconds` is how long a failure is remembered; with 0 there are no repeats. */
export function createRepeats(seconds: number, sharesAnswers: boolean): Repeats | undefined {
  if (seconds === 0) return undefined
  const underWay = new LRUCache<string, Promise<TransactionAnswer | undefined>>({
    max: MAX_UNDER_WAY,
    ttl: LONGEST_WAIT,
  })
  const failures = new LRUCache<string, TransactionAnswer>({
    max: MAX_ANSWERS,
    maxSize: MAX_SIZE,
    ttl: seconds * 1000,
    sizeCalculation: ({ body }, key) => key.length + body.length,
  })

  return {
    find: (key) => underWay.get(key) ?? failures.get(key),
    begin: (key) => {
      const { promise, resolve } = Promise.withResolvers<TransactionAnswer | undefined>()
      if (sharesAnswers) underWay.set(key, promise)
      return (answer) => {
        if (underWay.get(key) === promise) underWay.delete(key)
        const found =
          answer && isPlain(answer.headers) && answer.body.length <= MAX_ANSWER ? answer : undefined
        if (found && found.outcome !== 'success') failures.set(key, found)
        resolve(found)
      }
    },
  }
}
