// The platform on Node: bodies read from the socket's stream, requests sent through undici, and the response
// written straight from one to the other without Web streams in between.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import { type Dispatcher, errors, Pool } from 'undici'
import type { FilterConfig } from '../../shared/config.ts'
import { responseHeaders } from '../headers.ts'
import { nodeosOrigin } from '../nodeos-origin.ts'
import type {
  BodyRead,
  HeaderPairs,
  Platform,
  ResponsePolicy,
  UpstreamRequest,
  UpstreamTrouble,
} from '../platform.ts'

/** Connections to nodeos; requests over that wait for one. */
const UPSTREAM_CONNECTIONS = 1024

/** Seconds to connect to nodeos. */
const CONNECT_TIMEOUT = 5

/** The status that nginx logs where the client went away; nobody sees it. */
const CLIENT_CLOSED_REQUEST = 499

/**
 * Bytes of a body over which it takes its turn: reading and judging such ones costs milliseconds, in which every
 * other client would wait.
 */
const LARGE_BODY = 65_536

/** Bytes of a response's body up to which copying it into one write costs less than a second one. */
const SMALL_BODY = 16_384

const NO_BODY: BodyRead = { bytes: new Uint8Array(0) }

export interface NodePlatform extends Platform {
  /** Resolves when what is under way to nodeos is done. */
  close(): Promise<void>
}

export function createNodePlatform(config: () => FilterConfig): NodePlatform {
  let pool: { origin: string; dispatcher: Pool } | undefined
  let heldBytes = 0

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

  const readBody = (c: Context, maxBytes: number): Promise<BodyRead> | BodyRead => {
    const { incoming, outgoing } = bindings(c)
    const { 'content-length': length, 'transfer-encoding': coding, expect } = incoming.headers
    if (coding === undefined && (length === undefined || length === '0')) return NO_BODY
    // Only now, after the head was judged, is a client that waits told to go on.
    if (expect?.toLowerCase() === '100-continue') outgoing.writeContinue()

    return new Promise((resolve) => {
      const chunks: Uint8Array[] = []
      let size = 0
      const finish = (read: BodyRead) => {
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
        heldBytes -= size
        size = 0
      }
      const onData = (chunk: Uint8Array) => {
        size += chunk.length
        heldBytes += chunk.length
        if (size > maxBytes) return finish({ tooLarge: true })
        if (heldBytes > config().maxBufferedBytes) return finish({ overloaded: true })
        chunks.push(chunk)
        if (size > LARGE_BODY) {
          // Else one socket would be read for two megabytes before the next one's turn.
          incoming.pause()
          setImmediate(() => incoming.resume())
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
      return new Promise((resolve) => {
        const exchange = {
          ...bindings(c),
          request,
          policy,
          config: current,
          dispatcher: dispatcherOf(current),
          resolve,
        }
        send(exchange, request.retryable)
      })
    },
    waitUntil: () => {},
    close: async () => pool?.dispatcher.close(),
  }
}

function bindings(c: Context): HttpBindings {
  return c.env as HttpBindings
}

/** Large bodies that wait to be judged, one in each turn of the event loop. */
const turns: (() => void)[] = []

function takeTurn(work: () => void): void {
  turns.push(work)
  if (turns.length === 1) setImmediate(nextTurn)
}

function nextTurn(): void {
  turns[0]!()
  turns.shift()
  if (turns.length > 0) setImmediate(nextTurn)
}

interface Exchange {
  incoming: IncomingMessage
  outgoing: ServerResponse
  request: UpstreamRequest
  policy: ResponsePolicy
  config: FilterConfig
  dispatcher: Dispatcher
  resolve(answer: Response | UpstreamTrouble): void
}

/** Sends the request; `mayRetry`: once more where nodeos closed a kept connection just as it was used again. */
function send(exchange: Exchange, mayRetry: boolean): void {
  const { outgoing, request, policy, config, dispatcher, resolve } = exchange
  const kept: Uint8Array[] = []
  let keptBytes = 0
  let status = 0
  /** Bytes of the body as nodeos announced them; NaN where it did not. */
  let length = Number.NaN
  let abort: (() => void) | undefined

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      abort = () => controller.abort(new errors.RequestAbortedError())
      if (outgoing.destroyed) abort()
      else outgoing.once('close', abort)
    },
    onResponseStart(controller, statusCode, headers) {
      if (statusCode < 200) return
      const forClient = responseHeaders(toPairs(controller.rawHeaders as Buffer[]), policy.headers)
      status = statusCode
      length = Number(headers['content-length'])
      if (request.method === 'HEAD')
        return resolve(new Response(null, { status, headers: toEntries(forClient) }))
      outgoing.writeHead(status, forClient)
      resolve(RESPONSE_ALREADY_SENT)
    },
    onResponseData(controller, chunk) {
      if (keptBytes + chunk.length <= policy.keep) kept.push(chunk)
      keptBytes += chunk.length
      if (request.method === 'HEAD') return
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
      if (abort) outgoing.off('close', abort)
      if (request.method !== 'HEAD' && !outgoing.writableEnded) outgoing.end()
      policy.observe(status, keptBytes > policy.keep ? undefined : joined(kept, keptBytes))
    },
    onResponseError(_controller, error) {
      if (abort) outgoing.off('close', abort)
      if (status > 0) {
        // The head is out; a closed connection is all that can still say that the body is not whole.
        outgoing.destroy()
        policy.observe(status, undefined)
      } else if (outgoing.destroyed) resolve(new Response(null, { status: CLIENT_CLOSED_REQUEST }))
      else if (mayRetry && isClosedConnection(error)) send(exchange, false)
      else resolve(troubleOf(error, config))
    },
  }
  try {
    dispatcher.dispatch(
      {
        path: request.target,
        method: request.method as Dispatcher.HttpMethod,
        headers: request.headers,
        body: request.body,
        headersTimeout: config.nodeosTimeout * 1000,
        bodyTimeout: config.nodeosBodyTimeout * 1000,
      },
      handler,
    )
  } catch (error) {
    resolve(troubleOf(error as Error, config))
  }
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
  if (code === 'UND_ERR_HEADERS_TIMEOUT')
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
