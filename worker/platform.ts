// What differs between runtimes, and nothing else: a runtime file builds one of these and listens.
import type { Context } from 'hono'
import type { Address } from '../shared/address.ts'
import type { ViolationCode } from '../shared/violations.ts'

/** Header names and values in turn, as they came: `['Accept', '*\/*', 'X-Forwarded-For', '203.0.113.9']`. */
export type HeaderPairs = string[]

/** A request as the runtime received it. */
export interface IncomingRequest {
  method: string
  /** The request target as sent: path and query. */
  target: string
  headers: HeaderPairs
  /** Address of the other end of the connection, or the client's as the runtime itself vouches for it. */
  peer: string
}

/** What came of reading a body that may be too large to hold. */
export type BodyRead =
  | { bytes: Uint8Array }
  /** Over the limit: nothing of it is held any more. */
  | { tooLarge: true }
  /** The client went away, or its framing broke. */
  | { aborted: true }
  /** All bodies in flight together, or those of this client, are at their limit. */
  | { overloaded: true }

/** What nodeos is asked. */
export interface UpstreamQuestion {
  method: string
  /** Path and query; the origin is the runtime's matter. */
  target: string
  headers: HeaderPairs
  body: Uint8Array | string | null
}

/** A client's request for nodeos: what was judged. */
export interface UpstreamRequest extends UpstreamQuestion {
  client: Address
  /** Asking twice does no harm, nor does not asking to the end: nothing in it is executed. */
  retryable: boolean
}

/** How the response of nodeos is passed on. */
export interface ResponsePolicy {
  /** Lower-case header name to the value set on the response; "" removes it. */
  headers: ReadonlyMap<string, string>
  /** Bytes of the response's body to keep for `observe`; 0 for none. */
  keep: number
  /** Called once, after the response has passed; `body` is undefined where it was larger than `keep`. */
  observe(status: number, body: Uint8Array | undefined): void
}

/** nodeos could not be asked, or did not answer, or too many are asking it. */
export interface UpstreamTrouble {
  code: Extract<ViolationCode, `NODEOS_${string}` | 'OVERLOADED'>
  detail: string
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

export interface Platform {
  incoming(c: Context): IncomingRequest
  /** Reads the whole body, holding at most `maxBytes` of it. */
  readBody(c: Context, maxBytes: number, client: Address): Promise<BodyRead> | BodyRead
  /** Sends the request to nodeos and streams the answer to the client. */
  forward(c: Context, request: UpstreamRequest, policy: ResponsePolicy): Promise<Response | UpstreamTrouble>
  /**
   * Asks nodeos on behalf of whoever wants to know, so that no client's leaving ends it; again where a kept
   * connection was closed. Undefined where the answer's body has more than `maxBytes`.
   */
  ask(question: UpstreamQuestion, maxBytes: number): Promise<UpstreamAnswer | UpstreamTrouble | undefined>
  /** Sends a response of the filter's own. */
  answer(c: Context, answer: Answer): Response
  /** A request may wait for what another one asks; on Cloudflare each has its own connections. */
  sharesAnswers: boolean
  /** Whether a network (as of clientNetwork) asks more often than the runtime's own limit allows. */
  isOverRate?(network: string): Promise<boolean>
  /** Keeps a runtime alive that may end with the response, until work is done for which that does not wait. */
  waitUntil?(c: Context, work: Promise<unknown>): void
}
