// What looks at nodes say of all of them together: which are in, which are out, and why.
import type { ChainInfo } from './chain-info.ts'
import type { NodeState } from './node-state.ts'

/** What one look found. */
export interface Look {
  state: NodeState
  /** Why the node is of no use; undefined where it answered well. */
  trouble: string | undefined
  /** It may only be slow or busy, which is no reason to be without any node. */
  mayRecover: boolean
  info: ChainInfo | undefined
}

export interface HealthRules {
  /** Seconds. */
  maxHeadAge: number
  /** Blocks. */
  maxHeadLag: number
  /** Seconds between two looks. */
  healthInterval: number
}

/** Good looks in a row after which a node is in again, beside others that can do without it. */
const GOOD_LOOKS = 2

/** Looks without any answer to anything after which the last node is out, too. */
const LAST_LOOKS = 3

/**
 * The chain that most nodes are on, as of their last answers; where as many are on another one, it stays what it was, or
 * is that of the first one listed.
 */
function chainOf(states: readonly NodeState[], before: string | undefined): string | undefined {
  const counts = new Map<string, number>()
  for (const { health } of states)
    if (health.info) counts.set(health.info.chainId, (counts.get(health.info.chainId) ?? 0) + 1)
  const most = Math.max(0, ...counts.values())
  const candidates = [...counts].filter(([, count]) => count === most).map(([chainId]) => chainId)
  return before !== undefined && candidates.includes(before) ? before : candidates[0]
}

export interface HealthContext {
  states: readonly NodeState[]
  rules: HealthRules
  chainId: string | undefined
  /** Unix time in milliseconds. */
  now: number
}

/** Takes what looks found into the states, which say then who is out. Returns the chain. */
export function assess(looks: readonly Look[], context: HealthContext): string | undefined {
  const { states, now, rules } = context
  for (const { state, info, trouble } of looks) {
    state.health.lookedAt = now
    if (info) state.health.info = info
    if (trouble === undefined) state.answeredAt = now
  }
  const chainId = chainOf(states, context.chainId)
  const troubles = new Map(looks.map((look) => [look.state, troubleOf(look, chainId, rules, now)]))
  const best = states
    .filter((state) => !troubles.get(state) && (troubles.has(state) || state.health.out === undefined))
    .reduce<NodeState | undefined>(ahead, undefined)
  // Those that may recover come last: they stay where all others are out.
  for (const look of looks.toSorted((a, b) => Number(a.mayRecover) - Number(b.mayRecover))) {
    const { state, info } = look
    const lag = info && best ? Math.max(0, best.health.info!.head - info.head) : 0
    if (info) state.health.lag = info.chainId === chainId ? lag : 0
    const lags =
      state.health.lag > rules.maxHeadLag ? `head block ${lag} blocks behind ${best?.name}` : undefined
    apply(look, troubles.get(state) ?? lags, context)
  }
  return chainId
}

const ahead = (best: NodeState | undefined, state: NodeState): NodeState | undefined =>
  state.health.info && state.health.info.head > (best?.health.info?.head ?? -1) ? state : best

function troubleOf(
  { trouble, info, state }: Look,
  chainId: string | undefined,
  { maxHeadAge }: HealthRules,
  now: number,
): string | undefined {
  if (trouble !== undefined || !info) return trouble
  if (info.chainId !== chainId && !state.node.isOnly)
    return `of chain ${shortened(info.chainId)}, where the others are of ${shortened(chainId ?? '')}`
  const age = (now - info.headTime) / 1000
  return age > maxHeadAge ? `head block ${Math.round(age)} s old` : undefined
}

const shortened = (chainId: string) => `${chainId.slice(0, 8)}...`

function apply(
  { state, mayRecover }: Look,
  reason: string | undefined,
  { states, rules, now }: HealthContext,
): void {
  const { health } = state
  if (reason === undefined) {
    state.goodLooks++
    if (state.goodLooks >= GOOD_LOOKS || state.node.isOnly) health.out = undefined
    return
  }
  state.goodLooks = 0
  const answers = now - state.answeredAt < LAST_LOOKS * rules.healthInterval * 1000
  const isNeeded = mayRecover && health.out === undefined && answers && isLast(state, states, now)
  if (!isNeeded) health.out = reason
}

/** Whether something that a node serves has no other node that is in. */
export function isLast(state: NodeState, states: readonly NodeState[], now: number): boolean {
  return state.node.serves.some(
    (served) =>
      !states.some((other) => other !== state && other.isIn(now) && other.node.serves.includes(served)),
  )
}
