// One request on a client's connection, and its response.
import type { Buffer } from 'node:buffer'
import { type BodyReader, FixedBody } from './body.ts'
import { createChunkedBody } from './chunked-body.ts'
import type { ClientConnection } from './connection.ts'
import type { HeaderPairs } from './fields.ts'
import type { RequestHead } from './request-head.ts'
import { ResponseWriter } from './response.ts'

/** Takes a body as it comes. Either `end` or `aborted` is called, once, unless reading is stopped before. */
export interface BodySink {
  data(chunk: Buffer): void
  end(): void
  aborted(): void
}

/** Whoever serves an exchange is told of these. */
export interface ExchangeListener {
  /** The client went before its response was whole. */
  gone(): void
  /** The end, be it the response's or the client's. */
  over(): void
  /** What was written is on its way, where `write` asked to wait. */
  drained(): void
  /** Its time is over, and no response was begun: the last chance to begin one. */
  late(): void
}

const NOBODY: ExchangeListener = { gone: () => {}, over: () => {}, drained: () => {}, late: () => {} }

export class Exchange {
  readonly head: RequestHead
  readonly peer: string
  readonly response: ResponseWriter
  /** The response is whole, or the client is gone: nothing more is sent. */
  isOver = false
  readonly #connection: ClientConnection
  #listener = NOBODY
  /** What came behind the head. */
  #input: Buffer | undefined
  /** Undefined where there is none. */
  readonly #body: BodyReader | undefined
  #sink: BodySink | undefined
  /** The client may send the body, or goes on with it. */
  #isComing: boolean

  constructor(connection: ClientConnection, head: RequestHead, input: Buffer | undefined) {
    this.#connection = connection
    this.head = head
    this.peer = connection.peer
    this.response = new ResponseWriter(this, connection, head)
    this.#isComing = !head.awaitsContinue || input !== undefined
    const { body } = head
    if (body && 'chunked' in body) this.#body = createChunkedBody()
    else if (body && body.length > 0) this.#body = new FixedBody(body.length)
    if (this.#body) {
      this.#input = input
      connection.allow(connection.owner.limits.bodyTimeout)
    } else this.#bodyWasRead(input)
  }

  get method(): string {
    return this.head.method
  }

  get target(): string {
    return this.head.target
  }

  get headers(): HeaderPairs {
    return this.head.headers
  }

  /** Who is told from now on; there is one. */
  attach(listener: ExchangeListener): void {
    if (this.#listener !== NOBODY) throw new Error('an exchange has one listener')
    this.#listener = listener
  }

  /** The body, or a part of it, is still to come and is wanted. */
  get isReading(): boolean {
    return this.#sink !== undefined
  }

  /** Whether the request has a body that was not read yet. */
  get hasBody(): boolean {
    return this.#body !== undefined && !this.#body.done
  }

  /** Milliseconds from now that the response may take, where `requestTimeout` is too short. */
  allow(milliseconds: number): void {
    this.#connection.allow(milliseconds)
  }

  /** The body in one piece, where it has come with the head and its length is known. */
  takeBody(): Buffer | undefined {
    const { body } = this.head
    const input = this.#input
    if (!body || 'chunked' in body || !input || input.length < body.length || !this.hasBody) return undefined
    let whole: Buffer | undefined
    this.#input = undefined
    const end = this.#body!.feed(input, 0, (data) => {
      whole = data
    })
    this.#bodyWasRead(end < input.length ? input.subarray(end) : undefined)
    return whole
  }

  /** Reads the body as it comes. */
  read(sink: BodySink): void {
    if (this.isOver) {
      sink.aborted()
      return
    }
    const connection = this.#connection
    const { socket } = connection
    this.#sink = sink
    if (!this.#isComing) socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')
    this.#isComing = true
    const parts = this.#takeInput()
    if (socket.isPaused()) socket.resume()
    for (const part of parts) {
      if (this.isReading) this.receive(part)
      else connection.keep(part)
    }
    // Nothing more can come.
    if (this.isReading && connection.isEnded) connection.destroy()
  }

  pause(): void {
    this.#connection.socket.pause()
  }

  resume(): void {
    this.#connection.socket.resume()
  }

  /** Takes bytes of the body. */
  receive(bytes: Buffer): void {
    const end = this.#body!.feed(bytes, 0, (data) => this.#sink?.data(data))
    if (end < 0) {
      this.#connection.refuse({ status: 400, detail: 'The body is not well chunked' })
      this.abort()
    } else if (this.#body!.done) {
      const sink = this.#sink
      this.stopReading()
      this.#bodyWasRead(end < bytes.length ? bytes.subarray(end) : undefined)
      sink?.end()
    }
  }

  /** Leaves the rest of the body unread; the connection then ends with the response. */
  stopReading(): void {
    this.#sink = undefined
  }

  /** What stands behind the body belongs to the next request. */
  #bodyWasRead(rest: Buffer | undefined): void {
    const connection = this.#connection
    connection.allow(connection.owner.limits.requestTimeout)
    connection.keep(rest)
  }

  /** Bytes that have come and belong to the body, or stand behind it. */
  #takeInput(): Buffer[] {
    const parts = [this.#input, this.#connection.takeInput()]
    this.#input = undefined
    return parts.filter((part) => part !== undefined)
  }

  /** Whether the connection can be used after a response to a body that was not read: where all of it has come. */
  skipBody(): boolean {
    this.takeBody()
    return !this.hasBody
  }

  late(): void {
    this.#listener.late()
  }

  drained(): void {
    this.#listener.drained()
  }

  /** The client is gone, or what it sent cannot be read on. */
  abort(): void {
    if (this.isOver) return
    this.isOver = true
    const sink = this.#sink
    this.stopReading()
    sink?.aborted()
    this.#listener.gone()
    this.#listener.over()
  }

  /** The response is whole. */
  finish(staysOpen: boolean): void {
    if (this.isOver) return
    this.isOver = true
    this.#listener.over()
    // A client that still waits for 100 sends no body.
    if (this.hasBody && this.#isComing) this.#connection.finish(staysOpen, this.#body, this.#takeInput())
    else this.#connection.finish(staysOpen)
  }
}
