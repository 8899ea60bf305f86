// The platform on Node: bodies read from the socket's stream, requests sent through undici, and the response
// written straight from one to the other without Web streams in between.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import { type Dispatcher, errors, Pool } from 'undici'
import type { Address } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config.ts'
import { responseHeaders } from '../headers.ts'
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
import { createLargeBodies, LARGE_BODY, takeTurn } from './large-bodies.ts'

/** Connections to nodeos; requests over that wait for one. */
const UPSTREAM_CONNECTIONS = 1024

/** Milliseconds that exchanges have to end when the filter does. */
const LAST_EXCHANGES = 1_000

/** Seconds to connect to nodeos. */
const CONNECT_TIMEOUT = 5

/** The status that nginx logs where the client went away; nobody sees it. */
const CLIENT_CLOSED_REQUEST = 499

/** Bytes of a response's body up to which copying it into one write costs less than a second one. */
const SMALL_BODY = 16_384

const OVERLOADED: UpstreamTrouble = {
  code: 'OVERLOADED',
  detail: 'Too many requests at one time; try again',
}

const NO_BODY: BodyRead = { bytes: new Uint8Array(0) }

export interface NodePlatform extends Platform {
  /** Resolves when what is under way to nodeos is done. */
  close(): Promise<void>
}

export function createNodePlatform(config: () => FilterConfig): NodePlatform {
  let pool: { origin: string; dispatcher: Pool } | undefined
  const buffered = createBufferedBytes(config)
  const largeBodies = createLargeBodies()
  const load = { exchanges: 0, answerBytes: 0 }

  const dispatcherOf = (current: FilterConfig): Pool => {
    const origin = nodeosOrigin(current)
    if (pool?.origin === origin) return pool.dispatcher
    void pool?.dispatcher.close()
    const dispatcher = new Pool(origin, {
      connections: UPSTREAM_CONNECTIONS,
      connect: { timeout: CONNECT_TIMEOUT * 1000 },
    })
    pool = { origin, dispatcher }
    return dispatcher
  }

  const readBody = (c: Context, maxBytes: number, client: Address): Promise<BodyRead> | BodyRead => {
    const { incoming, outgoing } = bindings(c)
    const { 'content-length': length, 'transfer-encoding': coding, expect } = incoming.headers
    if (coding === undefined && (length === undefined || length === '0')) return NO_BODY
    // Only now, after the head was judged, is a client that waits told to go on.
    if (expect?.toLowerCase() === '100-continue') outgoing.writeContinue()

    return new Promise((resolve) => {
      const chunks: Uint8Array[] = []
      let size = 0
      let leave: (() => void) | undefined
      const finish = (read: BodyRead) => {
        leave?.()
        incoming.off('data', onData).off('end', onEnd).off('close', onClose)
        if ('bytes' in read) outgoing.once('close', release)
        else {
          release()
          // The rest of the body is not wanted, so the connection has no further use.
          outgoing.shouldKeepAlive = false
        }
        resolve(read)
      }
      const release = () => {
        if (size > 0) buffered.release(client, size)
        size = 0
      }
      const onData = (chunk: Uint8Array) => {
        size += chunk.length
        const fits = buffered.hold(client, chunk.length)
        if (size > maxBytes) return finish({ tooLarge: true })
        if (!fits) return finish({ overloaded: true })
        chunks.push(chunk)
        if (size > LARGE_BODY) {
          // Else one socket would be read for two megabytes before the next one's turn.
          incoming.pause()
          const readOn = () => void setImmediate(() => incoming.resume())
          if (leave) readOn()
          else leave = largeBodies.enter(client, readOn)
        }
      }
      const onEnd = () => {
        // A request is closed once it was read; from here on the response tells whether the client is there.
        incoming.off('close', onClose)
        if (size > LARGE_BODY) takeTurn(deliver)
        else deliver()
      }
      const deliver = () => {
        if (outgoing.destroyed) finish({ aborted: true })
        else finish({ bytes: joined(chunks, size) })
      }
      const onClose = () => finish({ aborted: true })
      incoming.on('data', onData).on('end', onEnd).on('close', onClose)
      // node:http emits an error when a client aborts; 'close' follows it.
      incoming.on('error', () => {})
    })
  }

  return {
    incoming: (c) => {
      const { incoming } = bindings(c)
      return {
        method: incoming.method ?? '',
        target: incoming.url ?? '',
        headers: incoming.rawHeaders,
        peer: incoming.socket.remoteAddress ?? '::',
      }
    },
    readBody,
    forward: (c, request, policy) => {
      const current = config()
      // A client that leaves lets go of its connection and of the body it sent, but not of its turn at nodeos.
      const bytes = request.body?.length ?? 0
      const fits = bytes === 0 || buffered.hold(request.client, bytes)
      load.exchanges++
      const end = () => {
        if (bytes > 0) buffered.release(request.client, bytes)
        load.exchanges--
      }
      if (!fits || load.exchanges > current.maxConnections) {
        end()
        return Promise.resolve(OVERLOADED)
      }
      return new Promise((resolve) => {
        const exchange = {
          ...bindings(c),
          request,
          policy,
          config: current,
          dispatcher: dispatcherOf(current),
          load,
          resolve,
          end,
        }
        send(exchange, request.retryable)
      })
    },
    ask: async (request, maxBytes) => {
      const current = config()
      const dispatcher = dispatcherOf(current)
      try {
        return await ask(dispatcher, request, current, maxBytes).catch((error) => {
          if (!isClosedConnection(error)) throw error
          return ask(dispatcher, request, current, maxBytes)
        })
      } catch (error) {
        return troubleOf(error as Error, current)
      }
    },
    sharesAnswers: true,
    waitUntil: () => {},
    close: async () => {
      // What is left belongs to clients that are gone.
      const timer = setTimeout(() => void pool?.dispatcher.destroy(), LAST_EXCHANGES)
      await pool?.dispatcher.close()
      clearTimeout(timer)
    },
  }
}

function bindings(c: Context): HttpBindings {
  return c.env as HttpBindings
}

interface Exchange {
  incoming: IncomingMessage
  outgoing: ServerResponse
  request: UpstreamRequest
  policy: ResponsePolicy
  config: FilterConfig
  dispatcher: Dispatcher
  /** Of all exchanges together. */
  load: { answerBytes: number }
  resolve(answer: Response | UpstreamTrouble): void
  /** Called once, when nothing more comes from nodeos. */
  end(): void
}

/** Sends the request; `mayRetry`: once more where nodeos closed a kept connection just as it was used again. */
function send(exchange: Exchange, mayRetry: boolean): void {
  const { outgoing, request, policy, config, dispatcher, load, resolve } = exchange
  let kept: Uint8Array[] = []
  let keptBytes = 0
  let keeping = policy.keep > 0
  let status = 0
  /** Bytes of the body as nodeos announced them; NaN where it did not. */
  let length = Number.NaN
  let leave: (() => void) | undefined

  const stopKeeping = (): Uint8Array | undefined => {
    load.answerBytes -= keptBytes
    const answer = keeping ? joined(kept, keptBytes) : undefined
    keeping = false
    keptBytes = 0
    kept = []
    return answer
  }
  const end = (observed: Uint8Array | undefined) => {
    if (leave) outgoing.off('close', leave)
    exchange.end()
    if (status > 0) policy.observe(status, observed)
  }

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      const abort = () => controller.abort(new errors.RequestAbortedError())
      if (outgoing.destroyed) return abort()
      // nodeos executes a transaction that it was handed, so a client that leaves does not escape the verdict.
      leave = request.retryable ? abort : () => controller.resume()
      outgoing.once('close', leave)
    },
    onResponseStart(controller, statusCode, headers) {
      if (statusCode < 200) return
      const forClient = responseHeaders(toPairs(controller.rawHeaders as Buffer[]), policy.headers)
      status = statusCode
      length = Number(headers['content-length'])
      if (request.method === 'HEAD')
        return resolve(new Response(null, { status, headers: toEntries(forClient) }))
      if (!outgoing.destroyed) outgoing.writeHead(status, forClient)
      resolve(RESPONSE_ALREADY_SENT)
    },
    onResponseData(controller, chunk) {
      if (keeping) {
        kept.push(chunk)
        keptBytes += chunk.length
        load.answerBytes += chunk.length
        if (keptBytes > policy.keep || load.answerBytes > config.maxBufferedBytes) {
          keeping = false
          stopKeeping()
        }
      }
      if (request.method === 'HEAD' || outgoing.destroyed) return
      if (chunk.length === length && length <= SMALL_BODY) {
        // All of it: as text of one byte a character node:http joins it to the head, and one write sends both.
        outgoing.end(chunk.toString('latin1'), 'latin1')
        return
      }
      if (outgoing.write(chunk)) return
      controller.pause()
      outgoing.once('drain', () => controller.resume())
    },
    onResponseEnd() {
      if (request.method !== 'HEAD' && !outgoing.destroyed && !outgoing.writableEnded) outgoing.end()
      end(stopKeeping())
    },
    onResponseError(_controller, error) {
      stopKeeping()
      if (status === 0 && mayRetry && !outgoing.destroyed && isClosedConnection(error)) {
        if (leave) outgoing.off('close', leave)
        return send(exchange, false)
      }
      // The head is out; a closed connection is all that can still say that the body is not whole.
      if (status > 0) outgoing.destroy()
      else if (outgoing.destroyed) resolve(new Response(null, { status: CLIENT_CLOSED_REQUEST }))
      else resolve(troubleOf(error, config))
      end(undefined)
    },
  }
  try {
    dispatcher.dispatch(optionsOf(request, config), handler)
  } catch (error) {
    exchange.end()
    resolve(troubleOf(error as Error, config))
  }
}

function optionsOf(
  { target, method, headers, body }: UpstreamQuestion,
  { nodeosTimeout, nodeosBodyTimeout }: FilterConfig,
): Dispatcher.DispatchOptions {
  return {
    path: target,
    method: method as Dispatcher.HttpMethod,
    headers,
    body,
    headersTimeout: nodeosTimeout * 1000,
    bodyTimeout: nodeosBodyTimeout * 1000,
  }
}

/** The whole answer; undefined where its body has more than `maxBytes`. */
async function ask(
  dispatcher: Dispatcher,
  request: UpstreamQuestion,
  config: FilterConfig,
  maxBytes: number,
): Promise<UpstreamAnswer | undefined> {
  const { statusCode, headers, body } = await dispatcher.request(optionsOf(request, config))
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop closes the connection, so that the rest is not read.
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((line) => [name, line]),
  )
  return { status: statusCode, headers: pairs, body: joined(chunks, size) }
}

function joined(chunks: Uint8Array[], size: number): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
}

function isClosedConnection(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}

function troubleOf(error: Error, config: FilterConfig): UpstreamTrouble {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return { code: 'NODEOS_TIMEOUT', detail: `nodeos did not answer within ${config.nodeosTimeout} s` }
  if (code === 'UND_ERR_INVALID_ARG')
    return { code: 'NODEOS_REQUEST_NOT_CREATED', detail: 'The request could not be passed on to nodeos' }
  return { code: 'NODEOS_UNREACHABLE', detail: 'nodeos does not answer; try again' }
}

function toPairs(raw: Buffer[]): HeaderPairs {
  return raw.map((bytes) => bytes.toString('latin1'))
}

function toEntries(pairs: HeaderPairs): [string, string][] {
  return Array.from({ length: pairs.length / 2 }, (_, index) => [pairs[index * 2]!, pairs[index * 2 + 1]!])
}
