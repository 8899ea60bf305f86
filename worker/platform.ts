// The interface between the pipeline and a runtime. A runtime file builds a platform and listens.
import type { Context } from 'hono'
import type { Address } from '../shared/address.ts'
import type { ViolationCode } from '../shared/violations.ts'
import type { HeaderPairs } from './http1/fields.ts'
import type { UpstreamError } from './http1/upstream.ts'
import type { Node } from './nodes/node.ts'
import type { Asking } from './tracing/tracing.ts'

export type { HeaderPairs, UpstreamError }

/** What came of reading a body that may be too large to hold. */
export type BodyRead =
  | { bytes: Uint8Array }
  /** Over the limit: nothing of it is held any more. */
  | { tooLarge: true }
  /** The client went away, or its framing broke: it has its answer, or needs none. */
  | { aborted: true }
  /** It did not come in time. */
  | { late: true }
  /** All bodies in flight together, or those of this client, are at their limit. */
  | { overloaded: true }

/** What nodeos is asked. */
export interface UpstreamQuestion {
  method: string
  /** Path and query; the origin is the node's. */
  target: string
  headers: HeaderPairs
  body: Uint8Array | string | null
  /** Seconds until the head of the response. */
  headTimeout: number
}

/** Whoever asks a node: told what comes of it. */
export interface UpstreamWatch {
  /** It is sent once more to the same node where a kept connection turns out to be closed. */
  readonly resend: boolean
  /** Set by the platform until the response's head has come: ends the request, as `retracted`. */
  retract: (() => void) | undefined
  /** Told the head of the response. False: it is not passed on, and the request ends as `declined`. */
  head(status: number, headers: HeaderPairs): boolean
  /** Nothing more comes from the node. Called once. */
  ended(error: UpstreamError | undefined): void
}

/** A client's request for nodeos: what was judged. */
export interface UpstreamRequest extends UpstreamQuestion {
  client: Address
  /** Asking twice does no harm, nor does not asking to the end: nothing in it is executed. */
  retryable: boolean
  /** It has no turn to wait for. */
  isUngated: boolean
}

/** How the response of nodeos is passed on. */
export interface ResponsePolicy {
  /** Lower-case header name to the value set on the response; "" removes it. */
  headers: ReadonlyMap<string, string>
  /** Bytes of the response's body to keep for `observe`; 0 for none. */
  keep: number
  /** Told of each request to a node, where the request is traced. */
  asked?: ((asking: Asking) => void) | undefined
  /** Told the milliseconds of the node's time that were its own, when the head of the answer has come. */
  spent(milliseconds: number): void
  /** Told the headers of the answer that is passed on; `observe` follows. */
  begun(headers: HeaderPairs): void
  /** Called once, after the response has passed; `body` is undefined where it was larger than `keep`, or came in part. */
  observe(status: number, body: Uint8Array | undefined): void
}

/** nodeos could not be asked, or did not answer, or too many are asking it. */
export interface UpstreamTrouble {
  code: Extract<ViolationCode, `NODEOS_${string}` | 'OVERLOADED'>
  detail: string
  /** What the connection met, for the operator: `connect ECONNREFUSED 127.0.0.1:8888`. */
  reason?: string | undefined
  /** How the request to a node ended. */
  ended?: UpstreamError | 'declined' | 'retracted' | 'moved'
}

/** An answer of nodeos that is held whole. */
export interface UpstreamAnswer {
  status: number
  headers: HeaderPairs
  body: Uint8Array
}

/** A response of the filter's own. */
export interface Answer {
  status: number
  /** Without the framing. */
  fields: HeaderPairs
  body: string | Uint8Array
  /** The connection has no further use. */
  close: boolean
}

/** Whoever follows a request to its end. */
export interface RequestWatch {
  /**
   * Its response is over, or its client has left: called once. `status` is 0 where no response was begun; `bytes` are
   * those of the response's body that were sent.
   */
  over(status: number, bytes: number): void
}

/** One request on its way through the filter, as the runtime has it. It is answered once: by `forward` or `answer`. */
export interface FilterRequest {
  readonly method: string
  /** The request target: path and query. */
  readonly target: string
  readonly headers: HeaderPairs
  /** Address of the other end of the connection, or the client's as the runtime itself vouches for it. */
  readonly peer: string
  /** Milliseconds, by performance.now(), at which its head had come. */
  readonly began: number
  /** Reads the whole body, holding at most `maxBytes` of it. */
  readBody(maxBytes: number, client: Address): Promise<BodyRead> | BodyRead
  /**
   * Sends a request to a node and streams the answer to the client. Resolves when the answer has begun, or to why
   * there is none; the request is then still to be answered.
   */
  forward(
    node: Node,
    request: UpstreamRequest,
    policy: ResponsePolicy,
    watch: UpstreamWatch,
  ): Promise<UpstreamTrouble | undefined>
  /** Sends a response of the filter's own. */
  answer(answer: Answer): void
  /** Set while it waits for its turn at a node: called where its client leaves, or its time is over. */
  whenGone: (() => void) | undefined
  /** Told of its end. */
  watch: RequestWatch | undefined
  /** Keeps a runtime alive that may end with the response, until work is done for which that does not wait. */
  waitUntil?(work: Promise<unknown>): void
  /** Lets go of what is held for it, where its runtime does not say when its response is over. */
  finished?(): void
  /** What Hono is given once the request is answered. */
  readonly response: Response
}

/** How nodes are reached. */
export interface Upstreams {
  /**
   * Asks a node on behalf of whoever wants to know, so that no client's leaving ends it. Undefined where the answer's
   * body has more than `maxBytes`.
   */
  ask(
    node: Node,
    question: UpstreamQuestion,
    maxBytes: number,
    watch: UpstreamWatch,
  ): Promise<UpstreamAnswer | UpstreamTrouble | undefined>
  /** A request may wait for what another one asks; on Cloudflare each has its own connections. */
  sharesAnswers: boolean
  /** Closes connections to nodes other than these, once what is under way on them is done. */
  keepNodes?(nodes: readonly Node[]): void
}

/** `Bindings` is what the runtime hands to the app beside a Request: `app.fetch(request, bindings)`. */
export interface Platform<Bindings extends object> extends Upstreams {
  /** The request that Hono passes on. */
  open(c: Context<{ Bindings: Bindings }>): FilterRequest
  /** Whether a network (as of clientNetwork) asks more often than the runtime's own limit allows. */
  isOverRate?(network: string): Promise<boolean>
}
