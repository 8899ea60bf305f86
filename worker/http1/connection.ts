// A client's connection. Requests are served one after another; pipelined requests wait in the socket, where they cost
// nothing.
import { Buffer } from 'node:buffer'
import { STATUS_CODES } from 'node:http'
import type { BodyReader } from './body.ts'
import { Exchange } from './exchange.ts'
import { type HeaderPairs, isCleanHead, writeFields } from './fields.ts'
import { httpDate } from './http-date.ts'
import { rememberHeads } from './remembered.ts'
import { type RefusedHead, type RequestHead, readRequestHead, refusalOfLines } from './request-head.ts'
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

/** What came and was no request, or was none in time. */
export interface Refusal {
  /** 400, 408, 417, 431, 501 or 505. */
  status: number
  detail: string
}

/** What all connections of a listener share. */
export interface ConnectionOwner {
  limits: ConnectionLimits
  /** True when connections are to end with their next response. */
  retired: boolean
  serve(exchange: Exchange): void
  /** Told of what was no request; its answer is sent, without fields that frame it, and the connection ends. */
  refuse(peer: string, refusal: Refusal): { fields: HeaderPairs; body: string | Uint8Array }
  closed(connection: ClientConnection): void
}

/** Milliseconds in which a client whose connection ends may read the last response, or send its next bytes. */
const LINGER_TIME = 2_000

/**
 * Bytes that such a client may still send, and milliseconds for it; they are thrown away. Many clients send a body
 * whole before they read the answer, and a connection that is closed on them takes that back.
 */
const DISCARDED_BYTES = 33_554_432
const DISCARD_TIME = 30_000

/** Empty lines before a request that count as nothing (RFC 9112, section 2.2): some clients end a body with one. */
const MAX_EMPTY_LINES = 64

const CR = 0x0d
const LF = 0x0a

const readHead = rememberHeads<RequestHead, RefusedHead>(readRequestHead)
const ignore = () => {}

export class ClientConnection {
  readonly socket: TcpSocket
  readonly peer: string
  readonly owner: ConnectionOwner
  /** Unix time in milliseconds at which whatever is waited for is late. */
  deadline: number
  /** The client sends nothing more (FIN), and may still read. */
  isEnded = false
  /** What came and was not looked at yet, or is not a whole head yet. */
  #input: Buffer | undefined
  /** Of a head that is not whole: bytes that are known to be clean, and bytes of whole lines that may stand in one. */
  #cleanBytes = 0
  #judgedBytes = 0
  #emptyLines = 0
  #exchange: Exchange | undefined
  #open = true
  /** The last response is out, and so many bytes have come since. */
  #discarded = -1
  /** Of the last request, what is still to be thrown away before the connection ends. */
  #rest: BodyReader | undefined
  /** Unix time in milliseconds. */
  #discardEnd = 0

  constructor(socket: TcpSocket, owner: ConnectionOwner) {
    this.socket = socket
    this.owner = owner
    // Asked for now, as a client that resets its connection takes its address along.
    this.peer = socket.remoteAddress ?? ''
    this.deadline = Date.now() + owner.limits.headTimeout
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('end', () => this.#onEnd())
    socket.on('close', () => this.#onClose())
  }

  /** No request is under way, none has begun to arrive, and no last answer is on its way. */
  get isIdle(): boolean {
    return this.#exchange === undefined && !this.#hasBegun && this.#discarded < 0
  }

  /** No other request can come. */
  get isLast(): boolean {
    return this.isEnded && this.#input === undefined
  }

  /** Something of a request has come; a CR may be the first half of an empty line. */
  get #hasBegun(): boolean {
    return this.#input !== undefined && !(this.#input.length === 1 && this.#input[0] === CR)
  }

  /** Gives what is waited for so many milliseconds from now. */
  allow(milliseconds: number): void {
    this.deadline = Date.now() + milliseconds
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Ends what is late. */
  expire(): void {
    const exchange = this.#exchange
    this.deadline = Number.POSITIVE_INFINITY
    if (this.#discarded >= 0) this.destroy()
    else if (exchange ? exchange.isReading : this.#hasBegun) {
      this.refuse({ status: 408, detail: 'The request did not arrive in time' })
      exchange?.abort()
    } else {
      if (exchange && !exchange.response.isBegun) exchange.late()
      // It has begun no answer, or not sent it whole.
      if (this.#exchange === exchange) this.destroy()
    }
  }

  /** Answers what is no request, and closes. */
  refuse(refusal: Refusal): void {
    this.#exchange = undefined
    const { fields, body } = this.owner.refuse(this.peer, refusal)
    const bytes = typeof body === 'string' ? toWire(body) : body
    const head = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n${writeFields(fields)}Content-Length: ${bytes.length}\r\nDate: ${httpDate()}\r\nConnection: close\r\n\r\n`
    writeMessage(this.socket, head, bytes)
    this.finish(false)
  }

  /**
   * Goes on when an exchange is over. Where the connection ends, `rest` is what is still to come of a body, and `parts`
   * what has come of it.
   */
  finish(staysOpen: boolean, rest?: BodyReader, parts: Buffer[] = []): void {
    this.#exchange = undefined
    if (this.#input) this.#input = this.#withoutEmptyLines(this.#input)
    // Whoever sent ahead was told that the connection stays open.
    if (!staysOpen || (!this.#input && (this.isEnded || this.owner.retired))) {
      this.#end(rest, parts)
      return
    }
    this.allow(this.owner.limits.keepAliveTimeout)
    // A turn of the event loop for everybody else.
    if (this.#input) setImmediate(() => this.#readOn())
    else if (this.socket.isPaused()) this.socket.resume()
  }

  /** Ends the connection, once the rest of the last body has been thrown away. */
  #end(rest: BodyReader | undefined, parts: Buffer[]): void {
    this.#input = undefined
    this.#discarded = 0
    this.#discardEnd = Date.now() + DISCARD_TIME
    this.allow(LINGER_TIME)
    // A proxy that passes the body on would stop at the end of this connection, so that comes behind the body.
    if (rest && !this.isEnded && rest.left <= DISCARDED_BYTES) this.#rest = rest
    else this.socket.end()
    for (const part of parts) this.#discard(part)
    this.socket.resume()
  }

  #discard(bytes: Buffer): void {
    this.#discarded += bytes.length
    if (this.#discarded > DISCARDED_BYTES) {
      this.destroy()
      return
    }
    this.deadline = Math.min(Date.now() + LINGER_TIME, this.#discardEnd)
    if (!this.#rest || (this.#rest.feed(bytes, 0, ignore) >= 0 && !this.#rest.done)) return
    this.#rest = undefined
    this.socket.end()
  }

  /** Keeps what belongs to a later request, and takes no more until its turn. */
  keep(bytes: Buffer | undefined): void {
    if (!bytes || this.#discarded >= 0) return
    this.#input = this.#input ? Buffer.concat([this.#input, bytes]) : bytes
    this.socket.pause()
  }

  /** Hands over what was kept. */
  takeInput(): Buffer | undefined {
    const input = this.#input
    this.#input = undefined
    return input
  }

  #readOn(): void {
    if (!this.#open || this.#exchange) return
    const input = this.takeInput()
    if (!input) return
    if (this.socket.isPaused()) this.socket.resume()
    this.#readHead(input)
  }

  #onData(chunk: Buffer): void {
    if (this.#discarded >= 0) this.#discard(chunk)
    else if (this.#exchange?.isReading) this.#exchange.receive(chunk)
    else if (this.#exchange || this.socket.isPaused()) this.keep(chunk)
    else {
      const input = this.takeInput()
      this.#readHead(input ? Buffer.concat([input, chunk]) : chunk)
    }
  }

  #readHead(bytes: Buffer): void {
    const { maxHeaderSize } = this.owner.limits
    const from = bytes[0] === CR ? this.#emptyLinesEnd(bytes) : 0
    if (this.#emptyLines > MAX_EMPTY_LINES) {
      this.refuse({ status: 400, detail: `More than ${MAX_EMPTY_LINES} empty lines before a request` })
      return
    }
    const end = findHeadEnd(bytes, from)
    // All but the last byte of the end may be there.
    const size = end < 0 ? bytes.length - 3 - from : end - from
    if (size > maxHeaderSize) {
      this.refuse({ status: 431, detail: `The head has more than ${maxHeaderSize} bytes` })
      return
    }
    if (end < 0) {
      this.#keepPartial(from === 0 ? bytes : bytes.subarray(from))
      return
    }
    const head = readHead(textOf(bytes, from, end + 2))
    if ('status' in head) {
      this.refuse(head)
      return
    }
    this.#cleanBytes = 0
    this.#judgedBytes = 0
    this.#emptyLines = 0
    const bodyAt = end + 4
    const exchange = new Exchange(this, head, bodyAt < bytes.length ? bytes.subarray(bodyAt) : undefined)
    this.#exchange = exchange
    this.owner.serve(exchange)
  }

  /** Keeps the beginning of a head, unless it can be the beginning of none: its whole lines are judged as they come. */
  #keepPartial(bytes: Buffer): void {
    if (bytes.length === 0) {
      if (this.isEnded || this.owner.retired) this.#end(undefined, [])
      return
    }
    if (this.#cleanBytes === 0 && !(bytes.length === 1 && bytes[0] === CR))
      this.allow(this.owner.limits.headTimeout)
    const isClean = isCleanHead(textOf(bytes, this.#cleanBytes, bytes.length))
    // The other half of a line's end may be still to come.
    this.#cleanBytes = bytes.at(-1) === CR ? bytes.length - 1 : bytes.length
    const lines = isClean ? bytes.lastIndexOf(LF) + 1 : bytes.length
    if (lines > this.#judgedBytes || !isClean) {
      this.#judgedBytes = lines
      const refusal = refusalOfLines(textOf(bytes, 0, lines))
      if (refusal) {
        this.refuse(refusal)
        return
      }
    }
    if (this.isEnded) this.destroy()
    else this.#input = bytes
  }

  /** Index behind the empty lines with which the bytes begin; they are counted. */
  #emptyLinesEnd(bytes: Buffer): number {
    let at = 0
    while (bytes[at] === CR && bytes[at + 1] === LF) {
      at += 2
      this.#emptyLines++
    }
    return at
  }

  /** Of bytes that wait for their turn; undefined where nothing is left. */
  #withoutEmptyLines(bytes: Buffer): Buffer | undefined {
    const from = this.#emptyLinesEnd(bytes)
    return from === bytes.length ? undefined : bytes.subarray(from)
  }

  /** The client sends nothing more. What it has sent is served; of a request that is not whole, nothing can come. */
  #onEnd(): void {
    this.isEnded = true
    if (this.#discarded >= 0) {
      // Nothing is left to throw away.
      if (this.#rest) this.socket.end()
      this.#rest = undefined
    } else if (this.#exchange ? this.#exchange.isReading : !this.socket.isPaused()) this.destroy()
  }

  #onClose(): void {
    this.#open = false
    const exchange = this.#exchange
    this.#exchange = undefined
    this.owner.closed(this)
    exchange?.abort()
  }
}
