// Asks nodes: one, and where it fails what may be asked twice, one other.
import type { Address } from '../../shared/address.ts'
import { pathOf } from '../endpoints.ts'
import type {
  FilterRequest,
  HeaderPairs,
  ResponsePolicy,
  UpstreamAnswer,
  UpstreamError,
  UpstreamQuestion,
  UpstreamRequest,
  Upstreams,
  UpstreamTrouble,
  UpstreamWatch,
} from '../platform.ts'
import type { NodeState, Waiting } from './node-state.ts'
import type { Nodes } from './nodes.ts'
import { createRetryBudget, type RetryBudget } from './retry-budget.ts'
import type { Route } from './routes.ts'
import { ALL_OUT, NOT_SERVED } from './trouble.ts'

/** Whoever was asked, and what came of it. */
export interface Asked {
  /** Undefined where its body was too large. */
  answer: UpstreamAnswer | UpstreamTrouble | undefined
  /** Undefined where nobody was asked. */
  state: NodeState | undefined
}

export interface ForwarderParts {
  nodes: Nodes
  upstreams: Pick<Upstreams, 'ask'>
  /** Told the headers of nodeos's answers. */
  learn(headers: HeaderPairs): void
}

/** Statuses by which a node, or a gateway before it, says that it has not done what it was asked. */
const isBusy = (status: number) => status === 429 || status === 503 || status === 502

export class Forwarder {
  readonly #parts: ForwarderParts
  readonly #budget: RetryBudget = createRetryBudget()

  constructor(parts: ForwarderParts) {
    this.#parts = parts
  }

  /** As FilterRequest's, by whichever node is picked. */
  forward(
    request: FilterRequest,
    question: UpstreamRequest,
    policy: ResponsePolicy,
  ): Promise<UpstreamTrouble | undefined> {
    const { nodes } = this.#parts
    const route = nodes.route(pathOf(question.target), !question.retryable)
    const first = nodes.choose(route, question.client)
    if (!first) return Promise.resolve(route.members.length === 0 ? NOT_SERVED : ALL_OUT)
    this.#budget.request(Date.now())
    const send = (state: NodeState, attempt: Attempt) =>
      request.forward(state.node, question, policy, attempt)
    if (!nodes.hasOther(route, first)) return send(first, this.#attempt(first, route, false))
    return this.#twice(first, route, question.client, send, (trouble) => trouble?.ended).then(
      ({ result }) => result,
    )
  }

  /** As Upstreams's, by `preferred` where it is in, or whichever node is picked. Only for what may be asked twice. */
  async ask(
    question: UpstreamQuestion & { client: Address },
    maxBytes: number,
    preferred: NodeState | undefined,
  ): Promise<Asked> {
    const { nodes, upstreams } = this.#parts
    const route = nodes.route(pathOf(question.target), false)
    const first = nodes.choose(route, question.client, undefined, preferred)
    if (!first) return { answer: route.members.length === 0 ? NOT_SERVED : ALL_OUT, state: undefined }
    this.#budget.request(Date.now())
    const send = (state: NodeState, attempt: Attempt) =>
      upstreams.ask(state.node, question, maxBytes, attempt)
    if (!nodes.hasOther(route, first))
      return { answer: await send(first, this.#attempt(first, route, false)), state: first }
    const { result, state } = await this.#twice(first, route, question.client, send, (answer) =>
      answer && 'code' in answer ? answer.ended : undefined,
    )
    return { answer: result, state }
  }

  #attempt(state: NodeState, route: Route, mayRepeat: boolean): Attempt {
    return new Attempt(state, route, mayRepeat ? this.#budget : undefined, this.#parts)
  }

  async #twice<T>(
    first: NodeState,
    route: Route,
    client: Address,
    send: (state: NodeState, attempt: Attempt) => Promise<T>,
    ended: (result: T) => UpstreamTrouble['ended'],
  ): Promise<{ result: T; state: NodeState }> {
    const result = await send(first, this.#attempt(first, route, true))
    const how = ended(result)
    if (how === undefined || !mayAskAgain(how, route.isPush)) return { result, state: first }
    const second = this.#parts.nodes.choose(route, client, first)
    // What was declined or retracted has its place in the budget already.
    const isTaken = how === 'declined' || how === 'retracted'
    if (!second || !(isTaken || this.#budget.take(Date.now()))) return { result, state: first }
    second.counts.retries++
    return { result: await send(second, this.#attempt(second, route, false)), state: second }
  }
}

/** A transaction may have been executed wherever its bytes have gone; a connection that was not made took none. */
function mayAskAgain(how: UpstreamError | 'declined' | 'retracted', isPush: boolean): boolean {
  return how === 'unconnected' || how === 'declined' || (!isPush && (how === 'closed' || how === 'retracted'))
}

/** One request to one node: keeps its state, and decides whether its answer is passed on. */
class Attempt implements UpstreamWatch, Waiting {
  retract: (() => void) | undefined
  readonly #state: NodeState
  readonly #route: Route
  /** Of what may be asked of another node. */
  readonly #budget: RetryBudget | undefined
  readonly #parts: ForwarderParts
  readonly #began = performance.now()

  constructor(state: NodeState, route: Route, budget: RetryBudget | undefined, parts: ForwarderParts) {
    this.#state = state
    this.#route = route
    this.#budget = budget
    this.#parts = parts
    state.counts.requests++
    state.underWay++
    if (budget && !route.isPush) state.waiting.add(this)
  }

  /** Another node gets it instead. */
  get resend(): boolean {
    return this.#budget === undefined && !this.#route.isPush
  }

  giveUp(): void {
    if (this.retract && this.#budget?.take(Date.now())) this.retract()
  }

  head(status: number, headers: HeaderPairs): boolean {
    const { nodes, learn } = this.#parts
    const { counts, waiting } = this.#state
    this.retract = undefined
    waiting.delete(this)
    counts.answers++
    counts.seconds += (performance.now() - this.#began) / 1000
    this.#state.answeredAt = Date.now()
    if (!isBusy(status)) {
      nodes.answered(this.#state)
      learn(headers)
      return true
    }
    nodes.failed(this.#state, 'busy')
    // A gateway that says 502 may have passed a transaction on before.
    const isUntaken = !this.#route.isPush || status !== 502
    return !(isUntaken && this.#budget && this.#hasOther() && this.#budget.take(Date.now()))
  }

  #hasOther(): boolean {
    return this.#parts.nodes.hasOther(this.#route, this.#state)
  }

  ended(error: UpstreamError | undefined): void {
    const state = this.#state
    this.retract = undefined
    state.waiting.delete(this)
    state.underWay--
    if (error !== undefined && error !== 'aborted') this.#parts.nodes.failed(state, error)
  }
}
