// A client's connection: requests are read from it one after another, and each has its response before the next one
// is looked at. Whoever sends ahead waits in the socket, where it costs nothing.
import { Buffer } from 'node:buffer'
import { STATUS_CODES } from 'node:http'
import { errorBody } from '../../shared/error-body.ts'
import { type Violation, violation } from '../../shared/violations.ts'
import type { HeaderPairs } from '../platform.ts'
import { rememberHeads } from '../remembered.ts'
import { type ChunkedBody, createChunkedBody } from './chunked-body.ts'
import { isCleanHead, writeFields } from './fields.ts'
import { DIRTY_HEAD, type RefusedHead, type RequestHead, readRequestHead } from './request-head.ts'
import type { TcpSocket } from './sockets.ts'
import { findHeadEnd, textOf, toWire, writeMessage } from './wire-bytes.ts'

/** Times are in milliseconds. */
export interface ConnectionLimits {
  /** Bytes of a request head. */
  maxHeaderSize: number
  headTimeout: number
  bodyTimeout: number
  /** From one response to the next request. */
  keepAliveTimeout: number
  /** From the end of a request to the end of its response. */
  requestTimeout: number
}

/** What all connections of a listener share. */
export interface ConnectionOwner {
  limits: ConnectionLimits
  /** True when connections are to end with their next response. */
  retired: boolean
  serve(exchange: Exchange): void
  /** Told of what was no request, and was answered. */
  refused(peer: string, found: Violation): void
  closed(connection: ClientConnection): void
}

/** Takes a body as it comes. Either `end` or `aborted` is called, once, unless reading is stopped before. */
export interface BodySink {
  data(chunk: Buffer): void
  end(): void
  aborted(): void
}

/** Milliseconds in which a client whose connection ends may read the last response. */
const LINGER_TIME = 2_000

/** Bytes that such a client may still send: to close on them at once would take the response back. */
const LINGER_BYTES = 1_048_576

const readHead = rememberHeads<RequestHead, RefusedHead>(readRequestHead)

export class ClientConnection {
  readonly socket: TcpSocket
  readonly peer: string
  readonly owner: ConnectionOwner
  /** Unix time in milliseconds at which whatever is waited for is late. */
  deadline: number
  /** What came and was not looked at yet. */
  input: Buffer | undefined
  #exchange: Exchange | undefined
  #lingering = -1
  #open = true

  constructor(socket: TcpSocket, owner: ConnectionOwner) {
    this.socket = socket
    this.owner = owner
    // Asked for now, as a client that resets its connection takes its address along.
    this.peer = socket.remoteAddress ?? ''
    this.deadline = Date.now() + owner.limits.headTimeout
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('close', () => this.#onClose())
  }

  /** No request is under way, none has begun to arrive, and no last answer is on its way. */
  get isIdle(): boolean {
    return this.#exchange === undefined && this.input === undefined && this.#lingering < 0
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Ends what is late. */
  expire(): void {
    const reading = this.#exchange ? this.#exchange.isReading : this.input !== undefined
    if (reading && this.#lingering < 0) {
      const exchange = this.#exchange
      this.#close(408, 'REQUEST_TIMEOUT', 'The request did not arrive in time')
      exchange?.abort()
    } else this.socket.destroy()
  }

  /** Answers what is no request, and closes. */
  refuse(status: number, detail: string): void {
    const found = violation(status === 431 ? 'TOO_MANY_HEADERS' : 'INVALID_HTTP', detail)
    this.#close(status, found.code, detail)
    this.owner.refused(this.peer, found)
  }

  #close(status: number, code: string, detail: string): void {
    const body = JSON.stringify(errorBody(code, status, detail))
    this.#exchange = undefined
    this.socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
        `X-Rejected-By: patroneos\r\nDate: ${httpDate()}\r\nConnection: close\r\n\r\n${body}`,
      'latin1',
    )
    this.finish(false)
  }

  /** Goes on when an exchange is over. */
  finish(staysOpen: boolean): void {
    this.#exchange = undefined
    // Whoever sent ahead was told that the connection stays open.
    if (!staysOpen || (this.owner.retired && !this.input)) {
      this.input = undefined
      this.#lingering = 0
      this.deadline = Date.now() + LINGER_TIME
      this.socket.end()
      this.socket.resume()
      return
    }
    this.deadline = Date.now() + this.owner.limits.keepAliveTimeout
    if (this.input) {
      this.deadline = Date.now() + this.owner.limits.headTimeout
      // A turn of the event loop for everybody else.
      setImmediate(() => this.#readOn())
    } else if (this.socket.isPaused()) this.socket.resume()
  }

  /** Keeps what belongs to a later request, and takes no more until its turn. */
  keep(bytes: Buffer | undefined): void {
    if (!bytes || this.#lingering >= 0) return
    this.input = this.input ? Buffer.concat([this.input, bytes]) : bytes
    this.socket.pause()
  }

  #readOn(): void {
    const { input } = this
    if (!this.#open || this.#exchange || !input) return
    this.input = undefined
    if (this.socket.isPaused()) this.socket.resume()
    this.#readHead(input)
  }

  #onData(chunk: Buffer): void {
    if (this.#lingering >= 0) {
      this.#lingering += chunk.length
      if (this.#lingering > LINGER_BYTES) this.socket.destroy()
    } else if (this.#exchange?.isReading) this.#exchange.receive(chunk)
    else if (this.#exchange || this.socket.isPaused()) this.keep(chunk)
    else if (this.input) {
      const input = Buffer.concat([this.input, chunk])
      this.input = undefined
      this.#readHead(input)
    } else {
      this.deadline = Date.now() + this.owner.limits.headTimeout
      this.#readHead(chunk)
    }
  }

  #readHead(bytes: Buffer): void {
    const { maxHeaderSize } = this.owner.limits
    // RFC 9112, section 2.2: an empty line may come before a request.
    const from = bytes[0] === 0x0d && bytes[1] === 0x0a ? 2 : 0
    const end = findHeadEnd(bytes, from)
    // All but the last byte of the end may be there.
    const size = end < 0 ? bytes.length - 3 - from : end - from
    if (end < 0 || size > maxHeaderSize) {
      if (size > maxHeaderSize) this.refuse(431, `The head has more than ${maxHeaderSize} bytes`)
      else if (!isCleanHead(textOf(bytes, from, bytes.length))) this.refuse(400, DIRTY_HEAD)
      else this.input = bytes
      return
    }
    const head = readHead(textOf(bytes, from, end + 2))
    if ('status' in head) {
      this.refuse(head.status, head.detail)
      return
    }
    const bodyAt = end + 4
    const exchange = new Exchange(this, head, bodyAt < bytes.length ? bytes.subarray(bodyAt) : undefined)
    this.#exchange = exchange
    this.owner.serve(exchange)
  }

  #onClose(): void {
    this.#open = false
    const exchange = this.#exchange
    this.#exchange = undefined
    this.owner.closed(this)
    exchange?.abort()
  }
}

/** One request and its response. */
export class Exchange {
  readonly method: string
  readonly target: string
  readonly headers: HeaderPairs
  readonly peer: string
  /** The response is whole, or the client is gone: nothing more is sent. */
  isOver = false
  /** A response was begun. */
  isAnswered = false
  /** Called once when the client goes before its response was whole. */
  onGone: (() => void) | undefined
  /** Called once at the end, be it the response's or the client's. */
  onOver: (() => void) | undefined
  /** Called when what was written is on its way, where `write` asked to wait. */
  onDrain: (() => void) | undefined
  readonly #connection: ClientConnection
  readonly #head: RequestHead
  /** What came behind the head. */
  #input: Buffer | undefined
  /** Bytes of the body that are still to come, where they were announced. */
  #left = 0
  #chunked: ChunkedBody | undefined
  #bodyIsRead: boolean
  #sink: BodySink | undefined
  #pendingHead = ''
  #staysOpen = false
  #sendsChunks = false
  #sendsBody = true
  #waitsForDrain = false

  constructor(connection: ClientConnection, head: RequestHead, input: Buffer | undefined) {
    this.#connection = connection
    this.#head = head
    this.method = head.method
    this.target = head.target
    this.headers = head.headers
    this.peer = connection.peer
    const { body } = head
    if (body && 'chunked' in body) this.#chunked = createChunkedBody()
    else if (body) this.#left = body.length
    this.#bodyIsRead = this.#left === 0 && this.#chunked === undefined
    if (this.#bodyIsRead) connection.keep(input)
    else this.#input = input
    connection.deadline =
      Date.now() + connection.owner.limits[this.#bodyIsRead ? 'requestTimeout' : 'bodyTimeout']
  }

  /** The body, or a part of it, is still to come and is wanted. */
  get isReading(): boolean {
    return this.#sink !== undefined
  }

  /** Whether the request has a body that was not read yet. */
  get hasBody(): boolean {
    return !this.#bodyIsRead
  }

  /** For Hono, which looks for the path in it. */
  get url(): string {
    return this.target.startsWith('/') ? `http://filter${this.target}` : 'http://filter/'
  }

  /** The body in one piece, where it has come with the head and its length is known. */
  takeBody(): Buffer | undefined {
    const input = this.#input
    if (this.#bodyIsRead || this.#chunked || !input || input.length < this.#left) return undefined
    const body = input.length === this.#left ? input : input.subarray(0, this.#left)
    this.#input = undefined
    this.#bodyWasRead(input, this.#left)
    return body
  }

  /** Reads the body as it comes. */
  read(sink: BodySink): void {
    if (this.isOver) {
      sink.aborted()
      return
    }
    this.#sink = sink
    const { socket } = this.#connection
    if (this.#head.awaitsContinue && !this.#input) socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')
    const connection = this.#connection
    const parts = [this.#input, connection.input]
    this.#input = undefined
    connection.input = undefined
    if (socket.isPaused()) socket.resume()
    for (const part of parts) {
      if (!part) continue
      if (this.isReading) this.receive(part)
      else connection.keep(part)
    }
  }

  pause(): void {
    this.#connection.socket.pause()
  }

  resume(): void {
    this.#connection.socket.resume()
  }

  /** Takes bytes of the body. */
  receive(bytes: Buffer): void {
    if (!this.#chunked) {
      const end = Math.min(this.#left, bytes.length)
      this.#left -= end
      this.#give(end === bytes.length ? bytes : bytes.subarray(0, end))
      if (this.#left === 0) this.#readWhole(bytes, end)
      return
    }
    const end = this.#chunked.feed(bytes, 0, (data) => this.#give(data))
    if (end < 0) {
      this.#connection.refuse(400, 'The body is not well chunked')
      this.abort()
    } else if (this.#chunked.done) this.#readWhole(bytes, end)
  }

  /** Leaves the rest of the body unread; the connection then ends with the response. */
  stopReading(): void {
    this.#sink = undefined
  }

  #give(data: Buffer): void {
    if (data.length > 0) this.#sink?.data(data)
  }

  #readWhole(bytes: Buffer, end: number): void {
    const sink = this.#sink
    this.stopReading()
    this.#bodyWasRead(bytes, end)
    sink?.end()
  }

  /** What stands behind the body belongs to the next request. */
  #bodyWasRead(bytes: Buffer, end: number): void {
    const connection = this.#connection
    this.#bodyIsRead = true
    connection.deadline = Date.now() + connection.owner.limits.requestTimeout
    if (end < bytes.length) connection.keep(bytes.subarray(end))
  }

  /** The client is gone, or what it sent cannot be read on. */
  abort(): void {
    if (this.isOver) return
    this.isOver = true
    const sink = this.#sink
    this.stopReading()
    sink?.aborted()
    this.onGone?.()
    this.#over()
  }

  #over(): void {
    const { onOver } = this
    this.onOver = undefined
    this.onGone = undefined
    onOver?.()
  }

  /** Sends a whole response; its length is added to the fields. */
  respond(status: number, fields: HeaderPairs, body: string | Uint8Array, close: boolean): void {
    const bytes = typeof body === 'string' ? toWire(body) : body
    // RFC 9110, section 8.6.
    if (status !== 204) fields.push('content-length', String(bytes.length))
    this.begin(status, fields, close)
    this.write(bytes)
    this.end()
  }

  /**
   * Begins a response. Its body follows with `write` and `end`, framed by the Content-Length among the fields, else in
   * chunks. The head goes out with the body's first piece.
   */
  begin(status: number, fields: HeaderPairs, close = false): void {
    this.isAnswered = true
    if (this.isOver) return
    const { retired, limits } = this.#connection.owner
    let hasLength = false
    let hasDate = false
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at]!
      if (name.length === 14) hasLength ||= name.toLowerCase() === 'content-length'
      else if (name.length === 4) hasDate ||= name.toLowerCase() === 'date'
    }
    const bodyless = this.method === 'HEAD' || status === 204 || status === 304
    this.#sendsBody = !bodyless
    this.#sendsChunks = !bodyless && !hasLength && this.#head.takesChunks
    this.#staysOpen =
      !close &&
      !retired &&
      this.#head.keepAlive &&
      (bodyless || hasLength || this.#sendsChunks) &&
      this.#skipBody()
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${writeFields(fields)}`
    if (!hasDate) text += `Date: ${httpDate()}\r\n`
    if (this.#sendsChunks) text += 'Transfer-Encoding: chunked\r\n'
    this.#pendingHead = this.#staysOpen
      ? `${text}Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(limits.keepAliveTimeout / 1000)}\r\n\r\n`
      : `${text}Connection: close\r\n\r\n`
  }

  /** Writes a piece of the body; false: wait for `onDrain` before the next one. */
  write(chunk: Uint8Array | string): boolean {
    if (this.isOver) return true
    if (!this.#sendsBody || chunk.length === 0) return true
    const { socket } = this.#connection
    const head = this.#pendingHead + (this.#sendsChunks ? `${chunk.length.toString(16)}\r\n` : '')
    this.#pendingHead = ''
    const more = writeMessage(socket, head, chunk, this.#sendsChunks ? '\r\n' : '')
    if (!more && !this.#waitsForDrain) {
      this.#waitsForDrain = true
      socket.once('drain', () => {
        this.#waitsForDrain = false
        this.onDrain?.()
      })
    }
    return more
  }

  /** Ends the response. */
  end(): void {
    if (this.isOver) return
    const { socket } = this.#connection
    const last = this.#pendingHead + (this.#sendsChunks ? '0\r\n\r\n' : '')
    this.#pendingHead = ''
    if (last !== '') socket.write(last, 'latin1')
    if (socket.writableLength === 0) this.#finish()
    // A client that does not read its response is still being served, and timed.
    else socket.write('', () => this.#finish())
  }

  /** Cuts the response off, as its body cannot be completed. */
  cut(): void {
    // Not an orderly end, which may be that of the body for a client of HTTP/1.0.
    this.#connection.socket.resetAndDestroy()
  }

  #finish(): void {
    if (this.isOver) return
    this.isOver = true
    this.#over()
    this.#connection.finish(this.#staysOpen)
  }

  /** Whether the connection can be used after a response to a body that was not read: where all of it has come. */
  #skipBody(): boolean {
    if (!this.#bodyIsRead) this.takeBody()
    return this.#bodyIsRead
  }
}

let date = ''
let dateSecond = 0

/** The time as RFC 9110, section 5.6.7 has it. */
function httpDate(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    date = new Date(second * 1000).toUTCString()
  }
  return date
}
