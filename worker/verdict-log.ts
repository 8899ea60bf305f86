// Counts every verdict and logs some: under a flood a line for each would be a second flood.
import type { Address } from '../shared/address.ts'
import type { Logger } from '../shared/logger.ts'
import {
  type ReportCode,
  type StrikeClass,
  strikeClassOf,
  TRANSACTION_FAILED,
  type Violation,
  type ViolationCode,
} from '../shared/violations.ts'
import { type Ban, secondsLeft } from './bans/bans.ts'
import type { Outcome } from './outcome.ts'

/** Lines a second; the rest are counted and said in one. */
const MAX_LINES = 10

export interface VerdictLog {
  violation(found: Violation, client: Address, enforced: boolean): void
  outcome(outcome: Outcome): void
  /** A ban has begun, through strikes of this class. */
  banned(ban: Ban, strikeClass: StrikeClass): void
  /** Requests by what became of them: a violation's code, TRANSACTION_FAILED, SUCCESS or TROUBLE. */
  counts(): ReadonlyMap<string, number>
  /** Of the violations among them, those of each code by the class of strikes that they count in. */
  classes(): ViolationClasses
}

/** Counts by code, and in it by class; "none" where the sender is not to blame. */
export type ViolationClasses = Record<string, Record<string, number>>

export function createVerdictLog(logger: Logger): VerdictLog {
  const counts = new Map<string, number>()
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
  const classes: ViolationClasses = {}
  const classify = (code: ViolationCode, reported: ReportCode) => {
    classes[code] ??= {}
    const strikeClass = strikeClassOf(reported) ?? 'none'
    classes[code][strikeClass] = (classes[code][strikeClass] ?? 0) + 1
  }
  let second = 0
  let lines = 0

  const mayLog = (): boolean => {
    const now = Math.floor(Date.now() / 1000)
    if (now !== second) {
      if (lines > MAX_LINES) logger.info('violations not logged one by one', { count: lines - MAX_LINES })
      second = now
      lines = 0
    }
    return ++lines <= MAX_LINES
  }

  return {
    violation: ({ code, detail, reportedAs }, client, enforced) => {
      count(code)
      classify(code, reportedAs ?? code)
      if (mayLog()) logger.info(enforced ? 'rejected' : 'would be rejected', { client, code, detail })
    },
    outcome: (outcome) => {
      count(typeof outcome === 'object' ? TRANSACTION_FAILED : outcome.toUpperCase())
    },
    banned: (ban, strikeClass) => {
      const { network, times } = ban
      if (mayLog())
        logger.warn('banned', {
          client: network,
          class: strikeClass,
          seconds: secondsLeft(ban, Date.now()),
          times,
        })
    },
    counts: () => counts,
    classes: () => classes,
  }
}
