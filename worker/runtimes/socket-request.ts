// A request on a client's socket, as the pipeline sees it.
import type { Buffer } from 'node:buffer'
import type { Address } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { Exchange, ExchangeListener } from '../http1/exchange.ts'
import type { Upstream } from '../http1/upstream.ts'
import type { Node } from '../nodes/node.ts'
import { TOO_MANY } from '../nodes/trouble.ts'
import type {
  Answer,
  BodyRead,
  FilterRequest,
  HeaderPairs,
  RequestWatch,
  ResponsePolicy,
  UpstreamRequest,
  UpstreamTrouble,
  UpstreamWatch,
} from '../platform.ts'
import { BodyReading, type Room } from './bodies.ts'
import { Forwarding, type Load } from './forwarding.ts'
import { LARGE_BODY } from './large-bodies.ts'

/** What all requests of a filter share. */
export interface Traffic extends Room {
  config(): FilterConfig
  load: Load
  upstreamOf(node: Node): Upstream
}

const NO_BODY: BodyRead = { bytes: new Uint8Array(0) }
const ABORTED: BodyRead = { aborted: true }

/** Says to Hono that the response is written by other means, as @hono/node-server's RESPONSE_ALREADY_SENT does. */
const WRITTEN = new Response(null, { status: 204 })

export class SocketRequest implements FilterRequest, ExchangeListener {
  readonly method: string
  readonly target: string
  readonly headers: HeaderPairs
  readonly peer: string
  readonly began = performance.now()
  whenGone: (() => void) | undefined = undefined
  watch: RequestWatch | undefined = undefined
  readonly #exchange: Exchange
  readonly #traffic: Traffic
  readonly #whenLate: (request: FilterRequest) => void
  /** Bytes of the body that are held, where it came in one piece, and for whom. */
  #held = 0
  #client: Address | undefined
  #reading: BodyReading | undefined
  #forwarding: Forwarding | undefined

  constructor(exchange: Exchange, traffic: Traffic, whenLate: (request: FilterRequest) => void) {
    const { method, target, headers } = exchange.head
    this.method = method
    this.target = target
    this.headers = headers
    this.peer = exchange.peer
    this.#exchange = exchange
    this.#traffic = traffic
    this.#whenLate = whenLate
    exchange.attach(this)
  }

  /** Sends a Response of Hono's own, where nothing was written. */
  async respond(response: Response): Promise<void> {
    if (response === WRITTEN || this.#exchange.response.isBegun || this.#exchange.isOver) return
    const fields = [...response.headers].flat()
    this.#exchange.response.send(response.status, fields, await response.text(), true)
  }

  get response(): Response {
    return WRITTEN
  }

  readBody(maxBytes: number, client: Address): Promise<BodyRead> | BodyRead {
    const exchange = this.#exchange
    if (exchange.isOver) return ABORTED
    if (!exchange.hasBody) return NO_BODY
    const whole = exchange.takeBody()
    if (whole && whole.length <= LARGE_BODY) return this.#hold(whole, maxBytes, client)
    return new Promise((resolve) => {
      this.#reading = new BodyReading(exchange, client, maxBytes, this.#traffic, resolve)
      this.#reading.start(whole)
    })
  }

  #hold(whole: Buffer, maxBytes: number, client: Address): BodyRead {
    if (whole.length > maxBytes) return { tooLarge: true }
    const { buffered } = this.#traffic
    const fits = buffered.hold(client, whole.length)
    if (!fits) {
      buffered.release(client, whole.length)
      return { overloaded: true }
    }
    this.#held = whole.length
    this.#client = client
    return { bytes: whole }
  }

  forward(
    node: Node,
    request: UpstreamRequest,
    policy: ResponsePolicy,
    watch: UpstreamWatch,
  ): Promise<UpstreamTrouble | undefined> {
    if (this.#exchange.isOver) {
      watch.ended('aborted')
      return Promise.resolve(undefined)
    }
    const { load, buffered, config, upstreamOf } = this.#traffic
    const settings = config()
    if (request.headTimeout > settings.nodeosTimeout)
      this.#exchange.allow((request.headTimeout + settings.nodeosBodyTimeout) * 1000)
    // A client that leaves lets go of its connection and of the body it sent, but not of its turn at nodeos.
    const bytes = request.body?.length ?? 0
    const fits = bytes === 0 || buffered.hold(request.client, bytes)
    load.requests++
    const end = () => {
      if (bytes > 0) buffered.release(request.client, bytes)
      load.requests--
    }
    if (!fits || load.requests > settings.maxConnections) {
      end()
      watch.ended('aborted')
      return Promise.resolve(TOO_MANY)
    }
    return new Promise((resolve) => {
      this.#forwarding = new Forwarding(this.#exchange, request, policy, watch, settings, load, resolve, end)
      this.#forwarding.start(upstreamOf(node))
    })
  }

  answer({ status, fields, body, close }: Answer): void {
    if (!this.#exchange.response.isBegun) this.#exchange.response.send(status, fields, body, close)
  }

  gone(): void {
    this.whenGone?.()
    this.#forwarding?.abandon()
  }

  drained(): void {
    this.#forwarding?.drained()
  }

  late(): void {
    this.#whenLate(this)
    this.whenGone?.()
    this.#forwarding?.abandon()
  }

  over(): void {
    this.#reading?.release()
    if (this.#held > 0) this.#traffic.buffered.release(this.#client!, this.#held)
    this.#held = 0
    const { status, bytes } = this.#exchange.response
    this.watch?.over(status, bytes)
  }
}

/** Hono routes by the path in a URL, whose authority is not for a client's Host to choose. */
const ORIGIN = 'http://filter'

/**
 * The Request that Hono is given: made of the exchange as far as something of it is asked for, as @hono/node-server
 * does. Its body is read through the SocketRequest only.
 */
class LazyRequest {
  readonly #exchange: Exchange

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  get method(): string {
    return this.#exchange.method
  }

  get url(): string {
    const { target } = this.#exchange
    return target.startsWith('/') ? ORIGIN + target : `${ORIGIN}/`
  }

  get headers(): Headers {
    const headers = new Headers()
    const pairs = this.#exchange.headers
    for (let at = 0; at < pairs.length; at += 2) headers.append(pairs[at]!, pairs[at + 1]!)
    return headers
  }
}
Object.setPrototypeOf(LazyRequest.prototype, Request.prototype)

export function requestFor(exchange: Exchange): Request {
  const request: object = new LazyRequest(exchange)
  if (!(request instanceof Request)) throw new Error('a Request is no longer told by its prototype')
  return request
}
