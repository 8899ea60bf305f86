// The record of one network, and when its strikes become a ban. Plain data, so that it can be stored.
import type { BanPolicy } from '../../shared/config/filter.ts'
import type { StrikeClass } from '../../shared/violations.ts'

export interface ClientRecord {
  /** Unix times in milliseconds of the latest strikes, oldest first; at most maxRetry of a class. */
  strikes: { [C in StrikeClass]?: number[] }
  /** End of the latest ban, Unix time in milliseconds; 0 before the first. */
  until: number
  /** Bans in a row. */
  times: number
  /** The latest ban is an operator's. */
  byHand?: true
}

export function cleanRecord(): ClientRecord {
  return { strikes: {}, until: 0, times: 0 }
}

/**
 * Counts strikes of one class. True when they begin a ban: maxRetry of the class within findTime, as fail2ban
 * counts. A ban lasts twice as long as the one before, unless that ended longer ago than maxBanTime.
 */
export function countStrikes(
  record: ClientRecord,
  strikeClass: StrikeClass,
  count: number,
  { findTime, maxRetry, banTime, maxBanTime }: BanPolicy,
  now: number,
): boolean {
  const allowed = maxRetry[strikeClass]
  // What was under way when a ban began does not make it longer.
  if (allowed === 0 || record.until > now) return false
  const recent = (record.strikes[strikeClass] ?? []).filter((time) => time > now - findTime * 1000)
  for (let left = Math.min(count, allowed - recent.length); left > 0; left--) recent.push(now)
  record.strikes[strikeClass] = recent
  if (recent.length < allowed) return false
  if (record.until + maxBanTime * 1000 < now) record.times = 0
  record.until = now + Math.min(banTime * 2 ** record.times, maxBanTime) * 1000
  record.times++
  record.strikes = {}
  if (record.byHand) delete record.byHand
  return true
}
