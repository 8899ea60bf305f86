// Keep-alive connections to nodeos, with one request at a time on each.
import { Buffer } from 'node:buffer'
import { type BodyReader, FixedBody } from './body.ts'
import { createChunkedBody } from './chunked-body.ts'
import { type HeaderPairs, writeFields } from './fields.ts'
import { rememberHeads } from './remembered.ts'
import { type ResponseHead, readResponseHead } from './response-head.ts'
import type { Sockets, TcpSocket } from './sockets.ts'
import { findHeadEnd, textOf, toWire, writeMessage } from './wire-bytes.ts'

export interface UpstreamJob {
  method: string
  /** Path and query. */
  target: string
  /** Without Host and the framing. */
  headers: HeaderPairs
  body: Uint8Array | string | null
  /** Milliseconds until the response's head, and between two pieces of its body. */
  headTimeout: number
  bodyTimeout: number
  /** The request is sent once more where a kept connection turns out to be closed. */
  mayRetry: boolean
  listener: UpstreamListener
}

/** Told what comes; exactly one of `onEnd` and `onError` is called, once. */
export interface UpstreamListener {
  onHead(status: number, headers: HeaderPairs): void
  /** False: no more until `resume`. */
  onData(chunk: Buffer): boolean
  onEnd(): void
  /** `reason` is what the socket says of a connection that broke. */
  onError(error: UpstreamError, reason?: string): void
}

export type UpstreamError =
  /** No connection was made, so nothing was sent. */
  | 'unconnected'
  /** The connection broke. */
  | 'closed'
  /** No head, or nothing more of the body, in time. */
  | 'late'
  /** By whoever asked. */
  | 'aborted'

export interface UpstreamCall {
  /** Ends it; the listener's `onError` is called, unless the call has ended. */
  abort(): void
  resume(): void
}

export interface Upstream {
  send(job: UpstreamJob): UpstreamCall
  /** Resolves when what is under way is done; idle connections are closed. */
  close(): Promise<void>
  /** Ends everything. */
  destroy(): void
}

export interface UpstreamOptions {
  sockets: Sockets
  /** As in http://127.0.0.1:8888. */
  origin: string
  /** Connections; requests over that wait for one. */
  connections: number
  /** Milliseconds. */
  connectTimeout: number
}

/** Milliseconds for which a connection to a named host is used: then the name is looked up anew. */
const NAMED_LIFETIME = 30_000

/** Milliseconds after which an idle connection is closed, before its other end may do so just as it is used. */
const IDLE_TIME = 4_000

const SWEEP_INTERVAL = 500

/** Bytes of a response head. */
const MAX_HEAD = 65_536

const readHead = rememberHeads<ResponseHead, undefined>((text) => readResponseHead(text, false))
const readBodylessHead = rememberHeads<ResponseHead, undefined>((text) => readResponseHead(text, true))

export function createUpstream({ sockets, origin, connections, connectTimeout }: UpstreamOptions): Upstream {
  const url = new URL(origin)
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const isTls = url.protocol === 'https:'
  const isAddress = /^[\d.]+$|:/.test(hostname)
  const port = Number(url.port || (isTls ? 443 : 80))
  const pool: Pool = {
    host: url.host,
    connect: () => {
      if (!isTls) return sockets.connect({ host: hostname, port })
      return sockets.connectTls({ host: hostname, port, servername: isAddress ? '' : hostname })
    },
    connectedEvent: isTls ? 'secureConnect' : 'connect',
    connectTimeout,
    lifetime: isAddress ? Number.POSITIVE_INFINITY : NAMED_LIFETIME,
    connections,
    idle: [],
    open: new Set(),
    waiting: [],
    closing: undefined,
  }
  const sweep = setInterval(() => {
    const now = Date.now()
    for (const connection of pool.open) if (connection.deadline <= now) connection.expire()
    for (const call of [...pool.waiting]) if (call.deadline <= now) call.fail('late')
  }, SWEEP_INTERVAL)
  sweep.unref()

  return {
    send: (job) => {
      const call = new Call(pool, job)
      let connection = pool.idle.pop()
      // Closed, and about to say so.
      while (connection?.isDestroyed) connection = pool.idle.pop()
      if (connection) connection.begin(call)
      else if (pool.open.size < connections) new UpstreamConnection(pool, call)
      else pool.waiting.push(call)
      return call
    },
    close: async () => {
      for (const connection of [...pool.idle]) connection.destroy()
      if (pool.open.size > 0)
        await new Promise<void>((resolve) => {
          pool.closing = resolve
        })
      clearInterval(sweep)
    },
    destroy: () => {
      for (const call of [...pool.waiting]) call.fail('aborted')
      for (const connection of pool.open) connection.abort()
    },
  }
}

interface Pool {
  host: string
  connect(): TcpSocket
  connectedEvent: string
  connectTimeout: number
  lifetime: number
  connections: number
  /** The one that was used last is used next. */
  idle: UpstreamConnection[]
  open: Set<UpstreamConnection>
  waiting: Call[]
  /** Called when no connection is left; there is one when no more is to be kept. */
  closing: (() => void) | undefined
}

class Call implements UpstreamCall {
  readonly job: UpstreamJob
  readonly #pool: Pool
  connection: UpstreamConnection | undefined
  /** Unix time in milliseconds until which it waits for a connection and then for the head. */
  deadline: number
  #isOver = false

  constructor(pool: Pool, job: UpstreamJob) {
    this.#pool = pool
    this.job = job
    this.deadline = Date.now() + job.headTimeout
  }

  abort(): void {
    this.fail('aborted')
  }

  resume(): void {
    this.connection?.resume()
  }

  fail(error: UpstreamError, reason?: string): void {
    if (this.#isOver) return
    this.#isOver = true
    const { connection } = this
    this.connection = undefined
    if (connection) connection.drop()
    else {
      const { waiting } = this.#pool
      const at = waiting.indexOf(this)
      if (at >= 0) waiting.splice(at, 1)
    }
    this.job.listener.onError(error, reason)
  }

  end(): void {
    this.#isOver = true
    this.connection = undefined
    this.job.listener.onEnd()
  }
}

class UpstreamConnection {
  /** Unix time in milliseconds at which whatever is waited for is late. */
  deadline: number
  /** Unix time in milliseconds after which it gets no further request. */
  readonly #until: number
  readonly #pool: Pool
  readonly #socket: TcpSocket
  #call: Call | undefined
  #isConnected = false
  /** It had a request before. */
  #isUsed = false
  /** Something of the response has come. */
  #hasBegun = false
  #partialHead: Buffer | undefined
  /** The body that is being read; undefined before it. */
  #body: BodyReader | undefined
  /** The connection's end is the body's. */
  #endsBody = false
  #isPaused = false
  #keepAlive = false
  #reason: string | undefined

  constructor(pool: Pool, call: Call) {
    this.#pool = pool
    pool.open.add(this)
    const now = Date.now()
    this.deadline = now + pool.connectTimeout
    this.#until = now + pool.lifetime
    const socket = pool.connect()
    this.#socket = socket
    socket.once(pool.connectedEvent, () => {
      this.#isConnected = true
      if (this.#call) this.deadline = this.#call.deadline
    })
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    // 'close' follows.
    socket.on('error', (error) => {
      this.#reason = error?.message
    })
    socket.on('end', () => this.#onEnd())
    socket.on('close', () => this.#onClose())
    this.begin(call)
  }

  /** Sends a request. */
  begin(call: Call): void {
    const { method, target, headers, body } = call.job
    call.connection = this
    this.#call = call
    this.#hasBegun = false
    this.#body = undefined
    if (this.#isConnected) this.deadline = call.deadline
    let head = `${method} ${target} HTTP/1.1\r\nhost: ${this.#pool.host}\r\n${writeFields(headers)}`
    if (body === null) {
      // Without a length a body might be expected with these.
      head +=
        method === 'GET' || method === 'HEAD' || method === 'OPTIONS' ? '\r\n' : 'content-length: 0\r\n\r\n'
      this.#socket.write(head, 'latin1')
      return
    }
    const bytes = typeof body === 'string' ? toWire(body) : body
    writeMessage(this.#socket, `${head}content-length: ${bytes.length}\r\n\r\n`, bytes)
  }

  get isDestroyed(): boolean {
    return this.#socket.destroyed
  }

  resume(): void {
    if (!this.#isPaused || !this.#call) return
    this.#isPaused = false
    this.deadline = Date.now() + this.#call.job.bodyTimeout
    this.#socket.resume()
  }

  destroy(): void {
    this.#leaveIdle()
    this.#socket.destroy()
  }

  /** Ends it, and knows its call no more. */
  drop(): void {
    this.#call = undefined
    this.destroy()
  }

  /** Ends it and its call. */
  abort(): void {
    if (this.#call) this.#call.fail('aborted')
    else this.destroy()
  }

  expire(): void {
    const call = this.#call
    if (!call) this.destroy()
    else call.fail(this.#isConnected ? 'late' : 'unconnected')
  }

  #leaveIdle(): void {
    const { idle } = this.#pool
    const at = idle.indexOf(this)
    if (at >= 0) idle.splice(at, 1)
  }

  #onData(chunk: Buffer): void {
    // Nobody asked for anything.
    if (!this.#call) this.destroy()
    else if (this.#body) this.#readBody(this.#body, chunk, 0)
    else {
      this.#hasBegun = true
      const bytes = this.#partialHead ? Buffer.concat([this.#partialHead, chunk]) : chunk
      this.#partialHead = undefined
      this.#readHead(bytes, 0)
    }
  }

  #readHead(bytes: Buffer, from: number): void {
    const call = this.#call!
    const end = findHeadEnd(bytes, from)
    if (end < 0 || end - from > MAX_HEAD) {
      if (bytes.length - from > MAX_HEAD) call.fail('closed')
      else this.#partialHead = bytes.subarray(from)
      return
    }
    const head = (call.job.method === 'HEAD' ? readBodylessHead : readHead)(textOf(bytes, from, end + 2))
    const at = end + 4
    // 101 would make another protocol of it, which was not asked for.
    if (!head || head.status === 101) call.fail('closed')
    else if (head.status < 200) this.#readHead(bytes, at)
    else this.#begin(call, head, bytes, at)
  }

  /** Passes a head on, and what has come of the body. */
  #begin(call: Call, { status, headers, body, keepAlive }: ResponseHead, bytes: Buffer, at: number): void {
    const { job } = call
    const reader =
      body && 'chunked' in body
        ? createChunkedBody()
        : new FixedBody(body === undefined ? Number.POSITIVE_INFINITY : body.length)
    this.#body = reader
    this.#endsBody = body === undefined
    this.#keepAlive = keepAlive && body !== undefined
    this.deadline = Date.now() + job.bodyTimeout
    job.listener.onHead(status, headers)
    if (call.connection === this) this.#readBody(reader, bytes, at)
  }

  #readBody(body: BodyReader, bytes: Buffer, from: number): void {
    const call = this.#call!
    const end = body.feed(bytes, from, (data) => this.#give(call, data))
    if (end < 0) call.fail('closed')
    if (call.connection !== this || !body.done) return
    // More than was asked for: what it would be is anybody's guess.
    if (end < bytes.length) this.#keepAlive = false
    this.#finish(call)
  }

  #give(call: Call, data: Buffer): void {
    if (call.connection !== this || data.length === 0) return
    if (call.job.listener.onData(data)) {
      if (!this.#isPaused) this.deadline = Date.now() + call.job.bodyTimeout
      return
    }
    // Nobody can say how long the client takes.
    this.deadline = Number.POSITIVE_INFINITY
    this.#isPaused = true
    this.#socket.pause()
  }

  #finish(call: Call): void {
    const pool = this.#pool
    this.#call = undefined
    this.#isUsed = true
    if (this.#isPaused) {
      this.#isPaused = false
      this.#socket.resume()
    }
    const now = Date.now()
    const isLasting = this.#keepAlive && pool.closing === undefined && now < this.#until
    const isKept = isLasting && this.#socket.writableLength === 0
    const next = isKept ? pool.waiting.shift() : undefined
    if (next) this.begin(next)
    else if (isKept) {
      this.deadline = now + IDLE_TIME
      pool.idle.push(this)
    } else this.#socket.destroy()
    call.end()
  }

  #onEnd(): void {
    const call = this.#call
    if (call && this.#body && this.#endsBody) this.#finish(call)
    else this.destroy()
  }

  #onClose(): void {
    const pool = this.#pool
    this.#leaveIdle()
    pool.open.delete(this)
    const call = this.#call
    this.#call = undefined
    if (call && call.connection === this) {
      call.connection = undefined
      // It may have been closed as idle, just before or while the request was sent.
      if (this.#isUsed && !this.#hasBegun && call.job.mayRetry) new UpstreamConnection(pool, call)
      else call.fail(this.#isConnected ? 'closed' : 'unconnected', this.#reason)
    }
    const next = pool.open.size < pool.connections ? pool.waiting.shift() : undefined
    if (next) new UpstreamConnection(pool, next)
    if (pool.open.size === 0) pool.closing?.()
  }
}
