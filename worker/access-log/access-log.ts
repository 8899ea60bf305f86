// Which requests are written to the access log.
import type { AccessLogConfig } from '../../shared/config/access-log.ts'
import { type Access, formats } from './format.ts'

/** Told of every request when its response is over. */
export type AccessLog = (access: Access) => void

/** Undefined where there is none, so that a request costs nothing. `write` takes whole lines. */
export function createAccessLog(
  { log, format }: AccessLogConfig,
  write: ((line: string) => void) | undefined,
): AccessLog | undefined {
  if (log === 'off' || !write) return undefined
  const lineOf = formats[format]
  return (access) => {
    if (log === 'all' || isViolation(access)) write(lineOf(access, new Date()))
  }
}

/** What its client is to blame for: trouble of nodeos, and a queue that is full, are not. */
function isViolation({ found, outcome }: Access): boolean {
  if (outcome === 'failed') return true
  return found !== undefined && !found.code.startsWith('NODEOS_') && found.code !== 'OVERLOADED'
}
