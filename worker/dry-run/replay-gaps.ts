// What of a configuration a log is too poor to judge: a limit on failures needs to know what nodeos answered, one by
// contract needs the bodies. Counted, so that nobody takes what was not looked at for what is fine.
import type { Address } from '../../shared/address.ts'
import type { WholeRequest } from '../../shared/check-request.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { RateLimit } from '../../shared/config/rate-limits.ts'
import type { ViolationCode } from '../../shared/violations.ts'
import { pathOf } from '../endpoints.ts'
import { createBuckets } from '../limits/buckets.ts'
import { readCalls } from '../reads/calls.ts'
import { carriesTransactions } from '../transactions/shapes.ts'
import type { LoggedRequest } from './replay-filter.ts'

/** What a log may leave out of a request. */
export type Gap =
  /** When it came. */
  | 'time'
  /** Who sent it. */
  | 'from'
  /** Its body, and what was wrong with it. */
  | 'body'
  /** What nodeos answered. */
  | 'answer'
  /** How much of nodeos's time it took. */
  | 'nodeosTime'

/** Requests that were judged in part only, by what was not known of them. */
export type GapCounts = Partial<Record<Gap, number>>

export interface Gaps {
  /** A request was judged, and rejected where there is a code. */
  judged(logged: LoggedRequest, client: Address, code: ViolationCode | undefined): void
  /** A node would be asked for a request that counts in these limits. */
  asked(
    request: WholeRequest,
    limits: readonly RateLimit[],
    known: Pick<LoggedRequest, 'answer' | 'nodeosTime'>,
  ): void
  ofLimit(name: string): GapCounts
  ofBans(): GapCounts
}

export function createGapCounts({ rateLimits, bans }: FilterConfig): Gaps {
  const ofBans: GapCounts = {}
  const ofLimits = new Map(rateLimits.map(({ name }) => [name, {} as GapCounts]))
  const note = (counts: GapCounts, gap: Gap) => {
    counts[gap] = (counts[gap] ?? 0) + 1
  }
  const noteLimit = ({ name }: RateLimit, gap: Gap) => note(ofLimits.get(name)!, gap)
  const bodyLimits = rateLimits.filter((limit) => looksIntoBodies(limit)).map(byPath)
  const violationLimits = rateLimits.filter(({ on }) => on === 'violation')

  return {
    judged: ({ request, lacksAddress, lacksBody, found }, client, code) => {
      if (request.time === undefined) {
        for (const limit of rateLimits) noteLimit(limit, 'time')
        note(ofBans, 'time')
        return
      }
      if (lacksAddress) {
        for (const limit of rateLimits) if (limit.key.includes('ip')) noteLimit(limit, 'from')
        note(ofBans, 'from')
      }
      // What was rejected before its body was looked at needs none.
      if (!lacksBody || (code !== undefined && code !== 'RATE_LIMITED' && code !== found?.code)) return
      const path = pathOf(request.target)
      for (const { limit, reaches } of bodyLimits) if (reaches(client, path)) noteLimit(limit, 'body')
      if (found !== undefined) return
      for (const limit of violationLimits) if (!looksIntoBodies(limit)) noteLimit(limit, 'body')
      note(ofBans, 'body')
    },
    asked: ({ target }, limits, { answer, nodeosTime }) => {
      const mayFail = answer === undefined && carriesTransactions(pathOf(target))
      for (const limit of new Set(limits)) {
        if (limit.on === 'failure' && mayFail) noteLimit(limit, 'answer')
        if (limit.on === 'time' && nodeosTime === undefined) noteLimit(limit, 'nodeosTime')
      }
      if (mayFail && bans && bans.maxRetry.failed > 0) note(ofBans, 'answer')
    },
    ofLimit: (name) => ofLimits.get(name) ?? {},
    ofBans: () => ofBans,
  }
}

function looksIntoBodies({ key, where = {} }: RateLimit): boolean {
  const { contracts, actions, authorizers, tables } = where
  return (
    key.some((name) => name !== 'ip' && name !== 'path') ||
    [contracts, actions, authorizers, tables].some((list) => list !== undefined)
  )
}

/** A limit, and whether the body of a request to a path may concern it. */
function byPath(limit: RateLimit) {
  const { key, where = {} } = limit
  const { paths, tables } = where
  const bucketsOf = createBuckets([{ ...limit, key: ['path'], where: paths && { paths } }])
  const isOnTables = key.includes('table') || tables !== undefined
  const reaches = (client: Address, path: string) =>
    (isOnTables ? readCalls.get(path)?.table !== undefined : carriesTransactions(path)) &&
    bucketsOf({ client, isOne: true, path, transactions: [], tables: [] }).length > 0
  return { limit, reaches }
}
