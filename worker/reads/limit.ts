// How many rows a read asks for, and its body with fewer.
import type { Member } from './members.ts'
import { countOf } from './readings.ts'
import { isNamed } from './tables.ts'

const LIMIT = 'limit'

/** The most rows that a body asks for, by any reading; undefined where nodeos refuses what it says. */
export function rowsAsked(members: readonly Member[], defaultLimit: number): number | undefined {
  const limits = members.filter((member) => isNamed(member, LIMIT))
  if (limits.length === 0) return defaultLimit
  const counts = limits.map(({ value }) => countOf(value)).filter((count) => count !== undefined)
  return counts.length > 0 ? Math.max(...counts) : undefined
}

/** The body with each limit that is over exchanged for the most allowed, and one put in where there is none. */
export function clamped(text: string, members: readonly Member[], maxLimit: number): string {
  const limits = members.filter((member) => isNamed(member, LIMIT))
  if (limits.length === 0) {
    const at = text.indexOf('{') + 1
    return `${text.slice(0, at)}"${LIMIT}":${maxLimit}${members.length > 0 ? ',' : ''}${text.slice(at)}`
  }
  let result = ''
  let done = 0
  for (const { value, at } of limits) {
    if ((countOf(value) ?? 0) <= maxLimit) continue
    result += text.slice(done, at) + maxLimit
    done = at + value.length
  }
  return result + text.slice(done)
}
