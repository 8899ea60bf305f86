// How many rows a read asks for, and its body with fewer.
import type { Member } from './members.ts'
import { countOf } from './readings.ts'

/** The most rows that a body asks for, by any reading; undefined where nodeos refuses what it says. */
export function rowsAsked(limit: Member | undefined, defaultLimit: number): number | undefined {
  return limit ? countOf(limit.value) : defaultLimit
}

/** The body with another limit; every other byte stays. */
export function withLimit(text: string, limit: Member | undefined, rows: number): string {
  if (limit) return text.slice(0, limit.at) + rows + text.slice(limit.at + limit.value.length)
  const at = text.indexOf('{') + 1
  const isEmpty = /^\s*\}/.test(text.slice(at))
  return `${text.slice(0, at)}"limit":${rows}${isEmpty ? '' : ','}${text.slice(at)}`
}
