// The last changes of the configuration, each with the patch that takes it back. In memory: a file's own history is for
// version control.
import { isObject, member } from '../json.ts'

/** A change, newest first in lists. */
export interface Change {
  /** Counts up from 1. */
  id: number
  /** Unix time in milliseconds. */
  at: number
  /** One for each value that differs. */
  differences: Difference[]
  /** A JSON merge patch (RFC 7396) that brings back what it replaced. */
  undo: unknown
}

export interface Difference {
  /** As `bans.maxRetry.size`. */
  path: string
  /** Undefined where there was none, or is none any more. */
  before: unknown
  after: unknown
}

/** Changes that can be taken back. */
const MAX_CHANGES = 10

export class Changes<C extends object> {
  #config: C
  #last = 0
  #changes: Change[] = []

  constructor(config: C) {
    this.#config = config
  }

  /** A configuration is in force. Undefined where it is no other one. */
  note(next: C): Change | undefined {
    const before = this.#config
    this.#config = next
    const differences = differencesOf(before, next)
    if (differences.length === 0) return undefined
    const change = { id: ++this.#last, at: Date.now(), differences, undo: patchOf(next, before) }
    this.#changes = [change, ...this.#changes].slice(0, MAX_CHANGES)
    return change
  }

  get all(): readonly Change[] {
    return this.#changes
  }
}

/** The values that differ: inside of objects one by one, lists as a whole. */
export function differencesOf(before: unknown, after: unknown, path: readonly string[] = []): Difference[] {
  if (!isObject(before) || !isObject(after))
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path: path.join('.'), before, after }]
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].flatMap((name) =>
    differencesOf(member(before, name), member(after, name), [...path, name]),
  )
}

/** The merge patch that makes one object of another. */
export function patchOf(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after)) return after
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  const entries = [...names].flatMap((name): [string, unknown][] => {
    const [old, next] = [member(before, name), member(after, name)]
    if (JSON.stringify(old) === JSON.stringify(next)) return []
    return [[name, next === undefined ? null : patchOf(old, next)]]
  })
  return Object.fromEntries(entries)
}

/** Keys that are named. */
const MAX_KEYS = 4

/** The keys that a change concerns, as text. */
export function keysOf({ differences }: Change): string {
  const keys = [...new Set(differences.map(({ path }) => path.split('.')[0]!))]
  const more = keys.length > MAX_KEYS ? ` and ${keys.length - MAX_KEYS} more` : ''
  return `${keys.slice(0, MAX_KEYS).join(', ')}${more}`
}
