// The nodes of a filter: which one is asked next, and what is known of each.
import { type Address, clientNetwork } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { Logger } from '../../shared/logger.ts'
import { createChainClock } from '../chain-clock.ts'
import { createClassUsage, Gate } from '../fairness/gate.ts'
import { picks } from './balance.ts'
import type { ChainInfo } from './chain-info.ts'
import { eject, ejects } from './ejection.ts'
import { assess, type Look } from './health.ts'
import { nodesOf } from './node.ts'
import { type Health, type NodeFailure, NodeState } from './node-state.ts'
import { createRoutes, type Route } from './routes.ts'

/** What a failed transaction counts for beside one that succeeds. */
const FAILURE_FACTOR = 3

export interface NodesOptions {
  logger: Logger
  /** Told when something is known anew of the nodes. */
  onChange?(): void
  /** Told of each request that a node failed, as a reason to look at it. */
  onFailure?(name: string): void
  /** Told of an ejection, in place of the log. */
  onEjection?(name: string, why: string): void
}

/** What is known of the nodes, as plain data. */
export interface Known {
  health: readonly Health[]
  chainId: string | undefined
}

export class Nodes {
  readonly #options: NodesOptions
  #config: FilterConfig | undefined
  #fairness: FilterConfig['fairness'] = null
  /** The nodes' time that each client network used. */
  readonly usage = createClassUsage()
  /** What the chain's time is, by the nodes' head blocks. */
  readonly clock = createChainClock()
  #clockWarning: string | undefined
  #states: readonly NodeState[] = []
  #routes = createRoutes([])
  #pick = picks['least-requests']
  #version = 0
  #chainId: string | undefined

  constructor(options: NodesOptions) {
    this.#options = options
  }

  get states(): readonly NodeState[] {
    return this.#states
  }

  /** The chain that the nodes are on; undefined until that is known. */
  get chainId(): string | undefined {
    return this.#chainId
  }

  /** Puts a configuration in force. A node that stays as it was keeps what is known of it. */
  configure(config: FilterConfig): void {
    if (config === this.#config) return
    this.#config = config
    this.#pick = picks[config.balance]
    this.#setStates(config)
    this.#setGates(config)
  }

  #setStates(config: FilterConfig): void {
    const before = new Map(this.#states.map((state) => [JSON.stringify(state.node), state]))
    const states = nodesOf(config).map((node) => before.get(JSON.stringify(node)) ?? new NodeState(node))
    if (states.length === this.#states.length && states.every((state, at) => state === this.#states[at]))
      return
    this.#states = states
    this.#routes = createRoutes(states)
    if (!states.some(({ health }) => health.info?.chainId === this.#chainId)) this.#chainId = undefined
    this.#version++
  }

  /** What waits at a gate that is replaced still gets its turn there. */
  #setGates({ fairness }: FilterConfig): void {
    const isSame = JSON.stringify(fairness) === JSON.stringify(this.#fairness)
    for (const state of this.#states)
      if (!isSame || (fairness && !state.gate))
        state.gate = fairness ? new Gate(fairness, this.usage) : undefined
    this.#fairness = fairness
  }

  route(path: string, isPush: boolean): Route {
    return this.#routes.of(path, isPush)
  }

  /** The node to ask, which is `preferred` while that is in; undefined where all are out. */
  choose(route: Route, client: Address, except?: NodeState, preferred?: NodeState): NodeState | undefined {
    const { members } = route
    if (members.length === 1) return this.#only(members[0]!, except)
    const now = Date.now()
    if (route.version !== this.#version || route.until <= now) this.#decide(route, now)
    if (preferred && route.choice.includes(preferred)) return preferred
    const choice = except ? route.choice.filter((state) => state !== except) : route.choice
    return choice.length === 0 ? undefined : this.#pick(choice, client)
  }

  /** Whether another node could be asked as well. */
  hasOther(route: Route, state: NodeState): boolean {
    return route.choice.length > 1 || (route.choice.length === 1 && route.choice[0] !== state)
  }

  #only(state: NodeState, except: NodeState | undefined): NodeState | undefined {
    return state === except || (state.health.out !== undefined && !state.node.isOnly) ? undefined : state
  }

  #decide(route: Route, now: number): void {
    const { members, isPush } = route
    const ready = members.filter((state) => state.isIn(now))
    const weighty = ready.filter(({ node }) => node.weight > 0)
    // Whether a node that was ejected answers again is tried with what can be asked twice.
    const tried = isPush ? weighty.filter(({ isOnTrial }) => !isOnTrial) : weighty
    const kept = [tried, weighty, ready].find(({ length }) => length > 0)
    const fit = members.filter((state) => state.isFit(now))
    route.choice = kept ?? (fit.length > 0 ? fit : members.filter(({ health }) => health.out === undefined))
    route.version = this.#version
    const ends = members.map(({ health }) => health.ejectedUntil).filter((until) => until > now)
    route.until = Math.min(Number.POSITIVE_INFINITY, ...ends)
  }

  /** A node gave a good answer. */
  answered(state: NodeState): void {
    state.failures = 0
    if (!state.isOnTrial) return
    state.isOnTrial = false
    this.#version++
  }

  /** A transaction failed: nobody is billed for its time, so that its sender is charged more of it here. */
  chargeFailure(client: Address, milliseconds: number): void {
    this.usage.push.add(clientNetwork(client), (FAILURE_FACTOR - 1) * milliseconds, performance.now())
  }

  /** A node failed a request. */
  failed(state: NodeState, failure: NodeFailure): void {
    state.counts[failure]++
    const now = Date.now()
    if (ejects(state, failure, this.#states, now)) this.#ejected(state, now)
    this.#options.onFailure?.(state.name)
  }

  /** Another process of this filter ejected a node. */
  eject(name: string, why: string): void {
    const state = this.#states.find((one) => one.name === name)
    const now = Date.now()
    if (!state || state.isEjected(now)) return
    eject(state, why, now)
    this.#ejected(state, now)
  }

  #ejected(state: NodeState, now: number): void {
    const { ejectedUntil, ejectedFor } = state.health
    state.isOnTrial = true
    const { logger, onEjection } = this.#options
    const seconds = ((ejectedUntil - now) / 1000).toFixed(1)
    if (onEjection) onEjection(state.name, ejectedFor)
    else logger.warn(`${state.name} is out for ${seconds} s: requests failed: ${ejectedFor}`)
    this.#changed([])
  }

  /** Takes what looks found. */
  looked(looks: readonly Look[]): void {
    if (!this.#config) return
    const current = looks.filter(({ state }) => this.#states.includes(state))
    const before = current.map(({ state }) => ({ state, out: state.health.out }))
    const { maxHeadAge, maxHeadLag, healthInterval } = this.#config
    const rules = { maxHeadAge, maxHeadLag, healthInterval }
    const context = { states: this.#states, rules, chainId: this.#chainId, now: Date.now() }
    this.#chainId = assess(current, context)
    for (const { info } of current) if (info) this.#observe(info, context.now)
    for (const { state, out } of before) this.#say(state, out)
    this.#changed(before.filter(({ state, out }) => out !== state.health.out).map(({ state }) => state))
  }

  #say({ node, health }: NodeState, before: string | undefined): void {
    const { logger } = this.#options
    if (before === undefined && health.out !== undefined)
      logger.warn(
        `${node.name} is out: ${health.out}${node.isOnly ? '; requests are still sent to it, as there is no other' : ''}`,
      )
    if (before !== undefined && health.out === undefined) logger.info(`${node.name} is in`)
  }

  /** A node's answer to a client's get_info: newer than its last look. */
  informed({ health }: NodeState, info: ChainInfo): void {
    if (health.info && (health.info.head > info.head || health.info.chainId !== info.chainId)) return
    health.info = info
    this.#observe(info, Date.now())
  }

  #observe({ headTime, chainId }: ChainInfo, now: number): void {
    if (this.#chainId !== undefined && chainId !== this.#chainId) return
    this.clock.observe(headTime, now)
    const warning = this.clock.warning()
    if (warning !== undefined && this.#clockWarning === undefined) this.#options.logger.warn(warning)
    this.#clockWarning = warning
  }

  /** Takes what the primary of several processes knows. */
  told({ health: told, chainId }: Known): void {
    this.#chainId = chainId
    const changed: NodeState[] = []
    for (const health of told) {
      const state = this.#states.find(
        ({ node }) => node.name === health.name && node.origin === health.origin,
      )
      if (!state) continue
      const { ejectedUntil } = state.health
      if (health.ejectedUntil > ejectedUntil) state.isOnTrial = true
      Object.assign(state.health, health, { ejectedUntil: Math.max(ejectedUntil, health.ejectedUntil) })
      if (health.info) this.clock.observe(health.info.headTime, health.lookedAt)
      changed.push(state)
    }
    this.#changed(changed)
  }

  /** Which nodes are in, by name, and whether that is any of them. */
  summary(): { status: 'ok' | 'no node is in'; states: Record<string, 'in' | 'out'> } {
    const now = Date.now()
    const states = this.#states.map((state) => [state.name, state.isFit(now) ? 'in' : 'out'] as const)
    const isAny = states.some(([, state]) => state === 'in')
    return { status: isAny ? 'ok' : 'no node is in', states: Object.fromEntries(states) }
  }

  /** What other processes of this filter are told. */
  known(): Known {
    return { health: this.#states.map(({ health }) => health), chainId: this.#chainId }
  }

  /** What waits for a node that is out now is asked of another one. */
  #changed(looked: readonly NodeState[]): void {
    this.#version++
    for (const { health, node, gate, waiting } of looked)
      if (health.out !== undefined && !node.isOnly) {
        gate?.empty()
        for (const attempt of [...waiting]) attempt.giveUp()
      }
    this.#options.onChange?.()
  }
}
