// Asks nodes: one, and where it fails what may be asked twice, one other.
import { type Address, clientNetwork } from '../../shared/address.ts'
import { GET_INFO } from '../../shared/paths.ts'
import { pathOf } from '../endpoints.ts'
import type { Gate, GateTrouble, Leaver, RequestClass, Ticket } from '../fairness/gate.ts'
import { kindOf } from '../fairness/kind.ts'
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
import type { Asking } from '../tracing/tracing.ts'
import { isBusy, type NodeState, type Waiting } from './node-state.ts'
import type { Nodes } from './nodes.ts'
import { createRetryBudget, type RetryBudget } from './retry-budget.ts'
import type { Route } from './routes.ts'
import { ALL_OUT, MOVED, NO_TURN, NOT_SERVED } from './trouble.ts'

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
    const path = pathOf(question.target)
    const route = nodes.route(path, !question.retryable)
    const first = nodes.choose(route, question.client)
    if (!first) return Promise.resolve(nobody(route))
    this.#budget.request(Date.now())
    const asked: Query = {
      client: question.client,
      path,
      body: question.body,
      isGated: !question.isUngated,
      policy,
    }
    const send = (state: NodeState, attempt: Attempt) =>
      attempt.inTurn(request, () => request.forward(state.node, question, policy, attempt))
    if (!nodes.hasOther(route, first)) return send(first, this.#attempt(first, route, asked, false))
    return this.#twice(first, route, asked, send, (trouble) => trouble?.ended).then(({ result }) => result)
  }

  /** As Upstreams's, by `preferred` where it is in, or whichever node is picked. Only for what may be asked twice. */
  async ask(
    question: UpstreamQuestion & { client: Address },
    maxBytes: number,
    preferred: NodeState | undefined,
  ): Promise<Asked> {
    const { nodes, upstreams } = this.#parts
    const path = pathOf(question.target)
    const route = nodes.route(path, false)
    const first = nodes.choose(route, question.client, undefined, preferred)
    if (!first) return { answer: nobody(route), state: undefined }
    this.#budget.request(Date.now())
    const { client } = question
    const asked: Query = { client, path, body: question.body, isGated: true, policy: undefined }
    const send = (
      state: NodeState,
      attempt: Attempt,
    ): Promise<UpstreamAnswer | UpstreamTrouble | undefined> =>
      attempt.inTurn(undefined, () => upstreams.ask(state.node, question, maxBytes, attempt))
    if (!nodes.hasOther(route, first))
      return { answer: await send(first, this.#attempt(first, route, asked, false)), state: first }
    const { result, state } = await this.#twice(first, route, asked, send, (answer) =>
      answer && 'code' in answer ? answer.ended : undefined,
    )
    return { answer: result, state }
  }

  #attempt(state: NodeState, route: Route, query: Query, mayRepeat: boolean): Attempt {
    return new Attempt(state, route, query, mayRepeat ? this.#budget : undefined, this.#parts)
  }

  async #twice<T>(
    first: NodeState,
    route: Route,
    query: Query,
    send: (state: NodeState, attempt: Attempt) => Promise<T>,
    ended: (result: T) => UpstreamTrouble['ended'],
  ): Promise<{ result: T; state: NodeState }> {
    const result = await send(first, this.#attempt(first, route, query, true))
    const how = ended(result)
    if (how === undefined || !mayAskAgain(how, route.isPush)) return { result, state: first }
    const second = this.#parts.nodes.choose(route, query.client, first)
    // What was declined or retracted has its place in the budget already; what only waited needs none.
    const isTaken = how === 'declined' || how === 'retracted' || how === 'moved'
    if (!second || !(isTaken || this.#budget.take(Date.now()))) return { result, state: first }
    second.counts.retries++
    return { result: await send(second, this.#attempt(second, route, query, false)), state: second }
  }
}

const nobody = ({ members }: Route) => (members.length === 0 ? NOT_SERVED : ALL_OUT)

/** A transaction may have been executed wherever its bytes have gone; a connection that was not made took none. */
function mayAskAgain(how: NonNullable<UpstreamTrouble['ended']>, isPush: boolean): boolean {
  const isUntouched = how === 'unconnected' || how === 'declined' || how === 'moved'
  return isUntouched || (!isPush && (how === 'closed' || how === 'retracted'))
}

/** What is asked, as far as it matters to whose turn it is. */
interface Query {
  client: Address
  path: string
  body: Uint8Array | string | null
  isGated: boolean
  policy: Pick<ResponsePolicy, 'spent' | 'begun' | 'asked'> | undefined
}

const troubles: Record<GateTrouble, UpstreamTrouble | undefined> = {
  overloaded: NO_TURN,
  moved: MOVED,
  gone: undefined,
}

/** One request to one node: waits for its turn, keeps the node's state, and decides whether the answer is passed on. */
class Attempt implements UpstreamWatch, Waiting, Ticket {
  retract: (() => void) | undefined
  charged = 0
  readonly requestClass: RequestClass
  readonly #state: NodeState
  readonly #route: Route
  readonly #query: Query
  /** Of what may be asked of another node. */
  readonly #budget: RetryBudget | undefined
  readonly #parts: ForwarderParts
  /** Where it is, until it has left. */
  #gate: Gate | undefined
  #began = 0
  #network: string | undefined
  /** Milliseconds that it waited for its turn. */
  #waited = 0
  /** The head of an answer has come. */
  #isAnswered = false

  constructor(
    state: NodeState,
    route: Route,
    query: Query,
    budget: RetryBudget | undefined,
    parts: ForwarderParts,
  ) {
    this.#state = state
    this.#route = route
    this.#query = query
    this.#budget = budget
    this.#parts = parts
    this.requestClass = route.isPush ? 'push' : query.path === GET_INFO ? 'info' : 'read'
    state.counts.requests++
    state.underWay++
  }

  /** Asks when it is its turn. */
  inTurn<T>(
    client: Leaver | undefined,
    ask: () => Promise<T | UpstreamTrouble | undefined>,
  ): Promise<T | UpstreamTrouble | undefined> {
    const gate = this.#query.isGated ? this.#state.gate : undefined
    const waiting = gate?.enter(this, client)
    const { turn } = this.#state.times
    if (!waiting) {
      if (gate) turn.observe(0)
      this.#begin(gate)
      return ask()
    }
    const since = performance.now()
    return waiting.then((trouble) => {
      this.#waited = performance.now() - since
      turn.observe(this.#waited / 1000)
      if (client) client.whenGone = undefined
      if (trouble === undefined) {
        this.#begin(gate)
        return ask()
      }
      this.#state.underWay--
      return troubles[trouble]
    })
  }

  #begin(gate: Gate | undefined): void {
    this.#gate = gate
    this.#began = performance.now()
    if (this.#budget && !this.#route.isPush) this.#state.waiting.add(this)
  }

  get bytes(): number {
    return this.#query.body?.length ?? 0
  }

  get network(): string {
    this.#network ??= clientNetwork(this.#query.client)
    return this.#network
  }

  get kind(): string {
    const { path, body } = this.#query
    return this.requestClass === 'read' ? kindOf(path, body) : path
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
    const { counts, times, waiting } = this.#state
    const milliseconds = performance.now() - this.#began
    this.retract = undefined
    waiting.delete(this)
    counts.answers++
    counts.seconds += milliseconds / 1000
    times.answer.observe(milliseconds / 1000)
    this.#isAnswered = true
    this.#query.policy?.asked?.(this.#asking(milliseconds, isBusy(status) ? 'busy' : undefined))
    this.#state.answeredAt = Date.now()
    if (!isBusy(status)) {
      this.#leave(milliseconds)
      nodes.answered(this.#state)
      learn(headers)
      this.#query.policy?.begun(headers)
      return true
    }
    this.#leave(0)
    nodes.failed(this.#state, 'busy')
    // A gateway that says 502 may have passed a transaction on before.
    const isUntaken = !this.#route.isPush || status !== 502
    if (isUntaken && this.#budget && this.#hasOther() && this.#budget.take(Date.now())) return false
    this.#query.policy?.begun(headers)
    return true
  }

  #asking(milliseconds: number, error: string | undefined): Asking {
    const sent = this.#began
    return { node: this.#state.name, waited: this.#waited, sent, ended: sent + milliseconds, error }
  }

  #hasOther(): boolean {
    return this.#parts.nodes.hasOther(this.#route, this.#state)
  }

  #leave(milliseconds: number): void {
    const gate = this.#gate
    this.#gate = undefined
    const share = gate ? gate.leave(this, milliseconds) : milliseconds
    this.#query.policy?.spent(share)
  }

  ended(error: UpstreamError | undefined): void {
    const state = this.#state
    this.retract = undefined
    state.waiting.delete(this)
    state.underWay--
    if (error !== undefined && !this.#isAnswered && this.#began > 0)
      this.#query.policy?.asked?.(this.#asking(performance.now() - this.#began, error))
    // Without an answer, its time was spent all the same.
    if (this.#gate) this.#leave(error === 'unconnected' ? 0 : performance.now() - this.#began)
    if (error !== undefined && error !== 'aborted') this.#parts.nodes.failed(state, error)
  }
}
