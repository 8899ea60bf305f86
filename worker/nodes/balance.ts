// The ways in which nodes share requests: each picks one of several that are in.
import { type Address, clientNetwork } from '../../shared/address.ts'
import type { Balance } from '../../shared/config/nodes.ts'
import type { NodeState } from './node-state.ts'

/** Picks one of at least one; only those of weight 0 are given where there is no other. */
export type Pick = (states: readonly NodeState[], client: Address) => NodeState

/** Where all have the weight 0, they are alike. */
const weightOf = ({ node }: NodeState): number => node.weight || 1

/** By weight, one other than `except`. */
function atRandom(states: readonly NodeState[], except?: NodeState): NodeState {
  let total = 0
  for (const state of states) if (state !== except) total += weightOf(state)
  let left = Math.random() * total
  let last = states[0]!
  for (const state of states) {
    if (state === except) continue
    last = state
    left -= weightOf(state)
    if (left < 0) break
  }
  return last
}

/** Two choices by weight, of which the one with less to do for its weight is taken (Mitzenmacher, 1996). */
function leastRequests(states: readonly NodeState[]): NodeState {
  const first = atRandom(states)
  if (states.length === 1) return first
  const second = atRandom(states, first)
  return second.underWay / weightOf(second) < first.underWay / weightOf(first) ? second : first
}

/** Smooth weighted round-robin, as of nginx: a heavy node's turns are spread among the others'. */
function roundRobin(states: readonly NodeState[]): NodeState {
  let total = 0
  let next = states[0]!
  for (const state of states) {
    const weight = weightOf(state)
    state.turn += weight
    total += weight
    if (state.turn > next.turn) next = state
  }
  next.turn -= total
  return next
}

/** A number from 0 to 1 that a text always has (FNV-1a, finished as in MurmurHash3). */
function fraction(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 0x100000000
}

/** Weighted rendezvous hashing: when a node leaves, only its own clients move. */
function byClient(states: readonly NodeState[], client: Address): NodeState {
  const network = clientNetwork(client)
  let best = states[0]!
  let highest = Number.NEGATIVE_INFINITY
  for (const state of states) {
    const score = -weightOf(state) / Math.log(fraction(`${state.name} ${network}`))
    if (score <= highest) continue
    highest = score
    best = state
  }
  return best
}

export const picks: Record<Balance, Pick> = {
  'least-requests': leastRequests,
  'round-robin': roundRobin,
  random: (states) => atRandom(states),
  client: byClient,
}
