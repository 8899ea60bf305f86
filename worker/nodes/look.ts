// Looks at the nodes: asks each for get_info, or for its own path, and takes what they answer into their states.
import type { FilterConfig } from '../../shared/config/filter.ts'
import { GET_INFO } from '../../shared/paths.ts'
import type { UpstreamAnswer, Upstreams, UpstreamTrouble, UpstreamWatch } from '../platform.ts'
import { chainInfoOf } from './chain-info.ts'
import type { Look } from './health.ts'
import { isBusy, type NodeState } from './node-state.ts'
import type { Nodes } from './nodes.ts'

/** Bytes of an answer that are read. */
const MAX_ANSWER = 65_536

/** Seconds that a node has to answer; it has that much to do, or is stopped, where it takes longer. */
const TIMEOUT = 2

/** Milliseconds between two looks that failed requests bring about. */
const SOONEST = 1_000

export interface LookParts {
  nodes: Nodes
  config(): FilterConfig
  ask: Upstreams['ask']
}

export class Looks {
  readonly #parts: LookParts
  #timer: NodeJS.Timeout | undefined
  /** Unix time in milliseconds of the last round's begin. */
  #began = 0
  #underWay: Promise<void> | undefined
  readonly #soon = new Map<string, number>()
  #isStopped = false

  constructor(parts: LookParts) {
    this.#parts = parts
  }

  /** Looks again and again until `stop`. */
  start(): void {
    if (this.#isStopped) return
    // Behind a round that is under way, as the configuration may be another one. That round may wait for a node that
    // is late; a node that was added does not.
    if (this.#underWay) void this.#lookAtNew()
    const round = (this.#underWay ?? Promise.resolve()).then(() => this.round())
    this.#later(() => {
      if (!this.#mayRest()) void round.then(() => this.start())
    })
  }

  /** An only node that answers: nothing would follow from another look, until somebody asks or a request fails. */
  #mayRest(): boolean {
    const { states } = this.#parts.nodes
    return states.every(({ node, health }) => node.isOnly && health.lookedAt > 0 && health.out === undefined)
  }

  #later(act: () => void): void {
    // A tenth more or less: several filters do not look at one time.
    const interval = this.#parts.config().healthInterval * 1000 * (0.9 + Math.random() * 0.2)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      act()
    }, interval)
    this.#timer.unref()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** Looks at all nodes, and resolves when all have answered or are late. One round at a time. */
  round(): Promise<void> {
    this.#underWay ??= this.#lookAtAll().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #lookAtNew(): Promise<void> {
    const { nodes, config } = this.#parts
    nodes.configure(config())
    const unknown = nodes.states.filter(({ isKnown }) => !isKnown)
    nodes.looked(await Promise.all(unknown.map((state) => this.#look(state))))
  }

  async #lookAtAll(): Promise<void> {
    const { nodes, config } = this.#parts
    this.#began = Date.now()
    nodes.configure(config())
    const looks = await Promise.all(nodes.states.map((state) => this.#look(state)))
    if (!this.#isStopped) nodes.looked(looks)
  }

  /** A round, where it is time for one: for runtimes in which nothing runs between requests, and for whoever asks. */
  ifDue(): Promise<void> | undefined {
    if (Date.now() - this.#began < this.#parts.config().healthInterval * 1000) return undefined
    return this.round()
  }

  /** Looks at one node at once, as it failed a request; at an only one by and by. */
  async soon(name: string): Promise<void> {
    const { nodes } = this.#parts
    const now = Date.now()
    const state = nodes.states.find((one) => one.name === name)
    if (!state || this.#isStopped || now - (this.#soon.get(name) ?? 0) < SOONEST) return
    if (state.node.isOnly) {
      if (this.#timer === undefined) this.#later(() => this.start())
      return
    }
    this.#soon.set(name, now)
    const look = await this.#look(state)
    // A good look ahead of its time would have a node in too early.
    if (look.trouble !== undefined && !this.#isStopped) nodes.looked([look])
  }

  async #look(state: NodeState): Promise<Look> {
    const { config, ask } = this.#parts
    const { node } = state
    const question = {
      method: 'GET',
      target: node.health,
      headers: ['user-agent', 'patroneos', 'accept', 'application/json', 'accept-encoding', 'identity'],
      body: null,
      headTimeout: Math.min(TIMEOUT, config().healthInterval),
    }
    return lookOf(state, await ask(node, question, MAX_ANSWER, silentWatch()))
  }
}

/** Looks are no requests: nothing is counted of them. */
const silentWatch = (): UpstreamWatch => ({
  resend: true,
  retract: undefined,
  head: () => true,
  ended: () => {},
})

function lookOf(state: NodeState, answer: UpstreamAnswer | UpstreamTrouble | undefined): Look {
  const bad = (trouble: string, mayRecover = false): Look => ({ state, trouble, mayRecover, info: undefined })
  const { health: path, origin } = state.node
  if (answer === undefined) return bad(`its answer to ${path} has more than ${MAX_ANSWER} bytes`)
  if ('code' in answer) {
    const isLate = answer.ended === 'late'
    return bad(
      isLate ? `no answer to ${path} in time` : `${origin} does not answer${reasonOf(answer)}`,
      isLate || answer.ended === 'aborted',
    )
  }
  const { status } = answer
  if (status < 200 || status > 299) {
    return bad(statusTrouble(state, answer), isBusy(status))
  }
  if (path !== GET_INFO) return { state, trouble: undefined, mayRecover: false, info: undefined }
  const info = chainInfoOf(new TextDecoder().decode(answer.body))
  if (info || state.node.isOnly) return { state, trouble: undefined, mayRecover: false, info }
  return bad(
    'its answer to get_info lacks chain_id, head_block_num, head_block_time or last_irreversible_block_num',
  )
}

const reasonOf = ({ reason }: UpstreamTrouble) => (reason ? ` (${reason})` : '')

function statusTrouble({ node: { origin, health } }: NodeState, { status, body }: UpstreamAnswer): string {
  // nodeos: plugins/http_plugin (allow_host).
  const refusesHost = status === 400 && /HTTP HOST header/i.test(new TextDecoder().decode(body))
  if (!refusesHost) return `answers ${health} with ${status}`
  const { host } = new URL(origin)
  return `it refuses the header "Host: ${host}", which the filter sends: set http-alias = ${host} or http-validate-host = false in its config.ini, or name it by an address that it listens on`
}
