// The platform on Node, Bun and Deno: HTTP/1.1 on sockets, from the client and to nodeos, and what a client may hold
// open and for how long.
import { Buffer } from 'node:buffer'
import type { Context } from 'hono'
import type { Address } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config.ts'
import { listen } from '../../shared/node-program.ts'
import type { Filter } from '../app.ts'
import { responseHeaders } from '../headers.ts'
import type { Exchange } from '../http1/client-connection.ts'
import { createHttp1Server, type Http1Limits } from '../http1/server.ts'
import type { Sockets } from '../http1/sockets.ts'
import {
  createUpstream,
  type Upstream,
  type UpstreamError,
  type UpstreamJob,
  type UpstreamListener,
} from '../http1/upstream.ts'
import { nodeosOrigin } from '../nodeos-origin.ts'
import type {
  BodyRead,
  HeaderPairs,
  Platform,
  ResponsePolicy,
  UpstreamAnswer,
  UpstreamQuestion,
  UpstreamRequest,
  UpstreamTrouble,
} from '../platform.ts'
import { createBufferedBytes } from './buffered-bytes.ts'
import { createClientLoads } from './client-loads.ts'
import { createLargeBodies, LARGE_BODY, takeTurn } from './large-bodies.ts'

/** Connections to nodeos; requests over that wait for one. */
const UPSTREAM_CONNECTIONS = 1024

/** Milliseconds that exchanges have to end when the filter does. */
const LAST_EXCHANGES = 1_000

/** Milliseconds to connect to nodeos. */
const CONNECT_TIMEOUT = 5_000

const OVERLOADED: UpstreamTrouble = {
  code: 'OVERLOADED',
  detail: 'Too many requests at one time; try again',
}

const UNREACHABLE: UpstreamTrouble = {
  code: 'NODEOS_UNREACHABLE',
  detail: 'nodeos does not answer; try again',
}

const NO_BODY: BodyRead = { bytes: new Uint8Array(0) }

/** Says to the app, and to the listener, that the response is written by other means. */
const ANSWERED = new Response(null, { status: 204 })

export interface SocketPlatform {
  platform: Platform
  /** Resolves when what is under way to nodeos is done. */
  close(): Promise<void>
}

export function createSocketPlatform(config: () => FilterConfig, sockets: Sockets): SocketPlatform {
  let current: { settings: FilterConfig; origin: string; upstream: Upstream } | undefined
  const buffered = createBufferedBytes(config)
  const largeBodies = createLargeBodies()
  const load: Load = { exchanges: 0, answerBytes: 0 }

  const upstreamOf = (settings: FilterConfig): Upstream => {
    if (current?.settings === settings) return current.upstream
    const origin = nodeosOrigin(settings)
    if (current?.origin !== origin) {
      void current?.upstream.close()
      const upstream = createUpstream({
        sockets,
        origin,
        connections: UPSTREAM_CONNECTIONS,
        connectTimeout: CONNECT_TIMEOUT,
      })
      current = { settings, origin, upstream }
    }
    current.settings = settings
    return current.upstream
  }

  const readBody = (c: Context, maxBytes: number, client: Address): Promise<BodyRead> | BodyRead => {
    const exchange = exchangeOf(c)
    if (exchange.isOver) return { aborted: true }
    if (!exchange.hasBody) return NO_BODY
    const whole = exchange.takeBody()
    if (whole && whole.length <= LARGE_BODY) {
      if (whole.length > maxBytes) return { tooLarge: true }
      const fits = buffered.hold(client, whole.length)
      if (fits) {
        exchange.onOver = () => buffered.release(client, whole.length)
        return { bytes: whole }
      }
      buffered.release(client, whole.length)
      return { overloaded: true }
    }
    return new Promise((resolve) => {
      const chunks: Buffer[] = []
      let size = 0
      let isWhole = false
      /** Ends the turn of a large body, or its wait for one. */
      let leave: (() => void) | undefined
      let hasTurn = false
      let isScheduled = false
      const release = () => {
        leave?.()
        leave = undefined
        if (size > 0) buffered.release(client, size)
        size = 0
      }
      exchange.onOver = release
      const finish = (read: BodyRead) => {
        exchange.stopReading()
        if ('bytes' in read) {
          leave?.()
          leave = undefined
        } else release()
        resolve(read)
      }
      const take = (chunk: Buffer) => {
        size += chunk.length
        const fits = buffered.hold(client, chunk.length)
        if (size > maxBytes) return finish({ tooLarge: true })
        if (!fits) return finish({ overloaded: true })
        chunks.push(chunk)
        if (size <= LARGE_BODY) return
        // Else one socket would be read for two megabytes before the next one's turn.
        exchange.pause()
        if (leave) {
          if (hasTurn) schedule()
        } else
          leave = largeBodies.enter(client, () => {
            hasTurn = true
            schedule()
          })
      }
      const schedule = () => {
        if (!isScheduled) setImmediate(readOn)
        isScheduled = true
      }
      const readOn = () => {
        isScheduled = false
        exchange.resume()
        if (isWhole) takeTurn(deliver)
      }
      const end = () => {
        isWhole = true
        if (size <= LARGE_BODY) deliver()
      }
      const deliver = () => {
        if (exchange.isOver) finish({ aborted: true })
        else finish({ bytes: joined(chunks, size) })
      }
      if (whole) {
        take(whole)
        end()
      } else exchange.read({ data: take, end, aborted: () => finish({ aborted: true }) })
    })
  }

  const platform: Platform = {
    incoming: (c) => exchangeOf(c),
    readBody,
    forward: (c, request, policy) => {
      const exchange = exchangeOf(c)
      if (exchange.isOver) return Promise.resolve(ANSWERED)
      const settings = config()
      // A client that leaves lets go of its connection and of the body it sent, but not of its turn at nodeos.
      const bytes = request.body?.length ?? 0
      const fits = bytes === 0 || buffered.hold(request.client, bytes)
      load.exchanges++
      const end = () => {
        if (bytes > 0) buffered.release(request.client, bytes)
        load.exchanges--
      }
      if (!fits || load.exchanges > settings.maxConnections) {
        end()
        return Promise.resolve(OVERLOADED)
      }
      return new Promise((resolve) => {
        new Forwarding(exchange, request, policy, settings, load, resolve, end).start(upstreamOf(settings))
      })
    },
    ask: (question, maxBytes) => {
      const settings = config()
      return ask(upstreamOf(settings), question, settings, maxBytes)
    },
    answer: (c, { status, fields, body, close }) => {
      exchangeOf(c).respond(status, fields, body, close)
      return ANSWERED
    },
    sharesAnswers: true,
  }
  return {
    platform,
    close: async () => {
      // What is left belongs to clients that are gone.
      const timer = setTimeout(() => current?.upstream.destroy(), LAST_EXCHANGES)
      await current?.upstream.close()
      clearTimeout(timer)
    },
  }
}

function exchangeOf(c: Context): Exchange {
  return c.env as Exchange
}

interface Load {
  exchanges: number
  /** Bytes of nodeos's answers that are kept to be judged. */
  answerBytes: number
}

/** A request that is sent to nodeos, and its response that goes straight to the client. */
class Forwarding implements UpstreamListener {
  readonly #exchange: Exchange
  readonly #request: UpstreamRequest
  readonly #policy: ResponsePolicy
  readonly #settings: FilterConfig
  /** Of all exchanges together. */
  readonly #load: Load
  readonly #resolve: (answer: Response | UpstreamTrouble) => void
  /** Called once, when nothing more comes from nodeos. */
  readonly #end: () => void
  #status = 0
  /** The answer so far, while it is kept. */
  #kept: Buffer[] | undefined
  #keptBytes = 0

  constructor(
    exchange: Exchange,
    request: UpstreamRequest,
    policy: ResponsePolicy,
    settings: FilterConfig,
    load: Load,
    resolve: (answer: Response | UpstreamTrouble) => void,
    end: () => void,
  ) {
    this.#exchange = exchange
    this.#request = request
    this.#policy = policy
    this.#settings = settings
    this.#load = load
    this.#resolve = resolve
    this.#end = end
    if (policy.keep > 0) this.#kept = []
  }

  start(upstream: Upstream): void {
    const { retryable } = this.#request
    const call = upstream.send(jobOf(this.#request, this.#settings, retryable, this))
    this.#exchange.onDrain = () => call.resume()
    // nodeos executes a transaction that it was handed, so a client that leaves does not escape the verdict.
    this.#exchange.onGone = () => (retryable ? call.abort() : call.resume())
  }

  onHead(status: number, headers: HeaderPairs): void {
    this.#status = status
    this.#exchange.begin(status, responseHeaders(headers, this.#policy.headers))
    this.#resolve(ANSWERED)
  }

  onData(chunk: Buffer): boolean {
    if (this.#kept) {
      this.#kept.push(chunk)
      this.#keptBytes += chunk.length
      this.#load.answerBytes += chunk.length
      if (this.#keptBytes > this.#policy.keep || this.#load.answerBytes > this.#settings.maxBufferedBytes)
        this.#letGo()
    }
    return this.#exchange.write(chunk)
  }

  onEnd(): void {
    this.#exchange.end()
    const answer = this.#kept && joined(this.#kept, this.#keptBytes)
    this.#letGo()
    this.#end()
    this.#policy.observe(this.#status, answer)
  }

  onError(error: UpstreamError): void {
    this.#letGo()
    // The head is out; a closed connection is all that can still say that the body is not whole.
    if (this.#status > 0) this.#exchange.cut()
    else this.#resolve(this.#exchange.isOver ? ANSWERED : troubleOf(error, this.#settings))
    this.#end()
    if (this.#status > 0) this.#policy.observe(this.#status, undefined)
  }

  #letGo(): void {
    this.#load.answerBytes -= this.#keptBytes
    this.#kept = undefined
    this.#keptBytes = 0
  }
}

function jobOf(
  { target, method, headers, body }: UpstreamQuestion,
  { nodeosTimeout, nodeosBodyTimeout }: FilterConfig,
  mayRetry: boolean,
  listener: UpstreamListener,
): UpstreamJob {
  return {
    target,
    method,
    headers,
    body,
    headTimeout: nodeosTimeout * 1000,
    bodyTimeout: nodeosBodyTimeout * 1000,
    mayRetry,
    listener,
  }
}

/** The whole answer; undefined where its body has more than `maxBytes`. */
function ask(
  upstream: Upstream,
  question: UpstreamQuestion,
  settings: FilterConfig,
  maxBytes: number,
): Promise<UpstreamAnswer | UpstreamTrouble | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    let status = 0
    let headers: HeaderPairs = []
    const listener: UpstreamListener = {
      onHead: (statusCode, pairs) => {
        status = statusCode
        headers = pairs
      },
      onData: (chunk) => {
        size += chunk.length
        if (size <= maxBytes) chunks.push(chunk)
        else {
          resolve(undefined)
          // Not from within what the call itself does; the rest is not read.
          queueMicrotask(() => call.abort())
        }
        return true
      },
      onEnd: () => resolve({ status, headers, body: joined(chunks, size) }),
      onError: (error) => resolve(troubleOf(error, settings)),
    }
    const call = upstream.send(jobOf(question, settings, true, listener))
  })
}

function joined(chunks: Buffer[], size: number): Buffer {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
}

function troubleOf(error: UpstreamError, settings: FilterConfig): UpstreamTrouble {
  if (error === 'late')
    return { code: 'NODEOS_TIMEOUT', detail: `nodeos did not answer within ${settings.nodeosTimeout} s` }
  return UNREACHABLE
}

/** The filter's listener. */
export interface FilterListener {
  /** Where it listens, as text. */
  address: string
  /** Puts changed limits in force. */
  configure(config: FilterConfig): void
  /** Takes no more connections, and lets each of those that there are end with its next response. */
  retire(): void
  /** Takes no more connections; resolves when requests under way are done, or are cut off after `milliseconds`. */
  close(milliseconds: number): Promise<void>
}

/** Listens for clients, and answers them with the filter. */
export async function listenOnSocket(
  { app, refused, isShutOut }: Pick<Filter, 'app' | 'refused' | 'isShutOut'>,
  config: FilterConfig,
  sockets: Sockets,
): Promise<FilterListener> {
  const loads = createClientLoads(config, isShutOut)
  const { server, configure, retire, close } = createHttp1Server({
    sockets,
    limits: limitsOf(config),
    admits: loads.open,
    refused,
    serve: (exchange) => {
      // Hono asks a request for its method and its URL only.
      const answered = app.fetch(exchange as unknown as Request, exchange)
      if (answered instanceof Promise) void answered.then((response) => answer(exchange, response))
      else void answer(exchange, answered)
    },
  })
  const address = await listen(server, 'listenPort', config.listenIP, config.listenPort)
  return {
    address,
    configure: (next) => {
      loads.configure(next)
      configure(limitsOf(next))
    },
    retire,
    close,
  }
}

function limitsOf(config: FilterConfig): Http1Limits {
  return {
    maxHeaderSize: config.maxHeaderSize,
    headTimeout: config.headTimeout * 1000,
    bodyTimeout: config.bodyTimeout * 1000,
    keepAliveTimeout: config.keepAliveTimeout * 1000,
    requestTimeout: config.requestTimeout * 1000,
    maxConnections: config.maxConnections,
  }
}

/** Sends a Response of Hono's own, where nothing has answered yet. */
async function answer(exchange: Exchange, response: Response): Promise<void> {
  if (exchange.isAnswered || exchange.isOver) return
  exchange.respond(response.status, [...response.headers].flat(), await response.text(), true)
}
