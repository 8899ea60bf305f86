// What follows from a verdict or an outcome, in one place: counters and log, reports to relays, strikes and bans. In
// monitor mode it is counted and logged only.
import type { Address } from '../shared/address.ts'
import {
  type ReportCode,
  SUCCESS,
  strikeClassOf,
  TRANSACTION_FAILED,
  type Violation,
} from '../shared/violations.ts'
import type { Bans } from './bans/bans.ts'
import type { Doer, Insight } from './insight.ts'
import type { Outcome } from './outcome.ts'
import type { Reporter } from './report.ts'
import type { VerdictLog } from './verdict-log.ts'

/** How consequences follow: what of a configuration they depend on. */
export interface Severity {
  /** Not in monitor mode. */
  enforced: boolean
  bansClients: boolean
  /** A proxy that does not say for whom it asks stands for everybody behind it. */
  mayBeBanned(client: Address): boolean
  /** It is on the list of those that are never limited or banned. */
  isAllowed(client: Address): boolean
  logSuccess: boolean
}

/** Whose doing it is. */
export interface Cause extends Doer {
  severity: Severity
}

export interface Consequences {
  /** A request was refused, or would be: `enforced` says which. */
  violation(found: Violation, cause: Cause, enforced: boolean): void
  /** What came of a request that was forwarded. */
  outcome(outcome: Outcome, cause: Cause): void
}

export interface ConsequencesParts {
  verdicts: VerdictLog
  reporter: Reporter
  bans: Bans
  insight: Insight | undefined
}

export function createConsequences({ verdicts, reporter, bans, insight }: ConsequencesParts): Consequences {
  const strike = async (code: ReportCode, count: number, { client, severity }: Cause) => {
    const strikeClass = strikeClassOf(code)
    if (!severity.bansClients || strikeClass === null || !severity.mayBeBanned(client)) return
    const ban = await bans.strike(client, strikeClass, count)
    if (ban) verdicts.banned(ban, strikeClass)
  }

  /** Tells the relays, and counts what is a strike. */
  const record = (code: ReportCode, count: number, cause: Cause) => {
    // What relays are told of, fail2ban bans for.
    if (strikeClassOf(code) !== null && cause.severity.isAllowed(cause.client)) return
    for (let left = count; left > 0; left--) reporter.report(cause.client, code)
    const struck = strike(code, count, cause)
    const { request } = cause
    if (!request?.waitUntil) return
    request.waitUntil(reporter.idle())
    request.waitUntil(struck)
  }

  return {
    violation: (found, cause, enforced) => {
      verdicts.violation(found, cause.client, enforced)
      insight?.violation(cause, found, enforced)
      const code = found.reportedAs ?? found.code
      // What a limit only watches is no strike, though the rest is enforced.
      if (enforced && cause.severity.enforced && strikeClassOf(code) !== null) record(code, 1, cause)
    },
    outcome: (outcome, cause) => {
      verdicts.outcome(outcome)
      if (typeof outcome === 'object') insight?.failure(cause, outcome.failed)
      if (!cause.severity.enforced || outcome === 'trouble') return
      if (outcome !== 'success') record(TRANSACTION_FAILED, outcome.failed, cause)
      else if (cause.severity.logSuccess) record(SUCCESS, 1, cause)
    },
  }
}
