// Passive health: a node whose requests fail is left out for a time that doubles.
import { isLast } from './health.ts'
import type { NodeFailure, NodeState } from './node-state.ts'

/** Milliseconds of the first ejection, and of the longest. */
const FIRST = 1_000
const LONGEST = 60_000

/** Milliseconds without an ejection after which the next one is a first one again. */
const FORGIVEN = 60_000

/**
 * Failures in a row that eject. A connection that was refused speaks for itself. Else one request may be at fault: nodeos
 * closes the connection on a body over its max-body-size, and whoever sends such bodies must not put nodes out.
 */
const failuresToEject: Record<NodeFailure, number> = { unconnected: 1, closed: 3, late: 3, busy: 3 }

const words: Record<NodeFailure, string> = {
  unconnected: 'no connection',
  closed: 'connection closed without an answer',
  late: 'no answer in time',
  busy: 'busy',
}

/** Counts a failed request; true where it ejects the node. The last one that is in stays in. */
export function ejects(
  state: NodeState,
  failure: NodeFailure,
  states: readonly NodeState[],
  now: number,
): boolean {
  state.failures++
  if (state.failures < failuresToEject[failure] || state.isEjected(now) || isLast(state, states, now))
    return false
  eject(state, words[failure], now)
  return true
}

export function eject(state: NodeState, why: string, now: number): void {
  const { health } = state
  state.ejections = now - health.ejectedUntil < FORGIVEN ? state.ejections + 1 : 1
  // Equal jitter: half of it is certain, so that several filters do not come back at one time.
  const full = Math.min(LONGEST, FIRST * 2 ** (state.ejections - 1))
  health.ejectedUntil = now + full / 2 + (Math.random() * full) / 2
  health.ejectedFor = why
  state.counts.ejections++
  state.failures = 0
}
