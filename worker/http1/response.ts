// Frames a response and writes it to the client's connection.
import { STATUS_CODES } from 'node:http'
import type { ClientConnection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import { type HeaderPairs, hasField, withoutField, writeFields } from './fields.ts'
import { httpDate } from './http-date.ts'
import type { RequestHead } from './request-head.ts'
import { toWire, writeMessage } from './wire-bytes.ts'

export class ResponseWriter {
  /** A response was begun. */
  isBegun = false
  /** Of the response that was begun; 0 where there is none. */
  status = 0
  /** Of its body, so far. */
  bytes = 0
  readonly #exchange: Exchange
  readonly #connection: ClientConnection
  readonly #head: RequestHead
  #pendingHead = ''
  #staysOpen = false
  #sendsChunks = false
  #sendsBody = true
  #waitsForDrain = false

  constructor(exchange: Exchange, connection: ClientConnection, head: RequestHead) {
    this.#exchange = exchange
    this.#connection = connection
    this.#head = head
  }

  /** Sends a whole response; its length is added to the fields. */
  send(status: number, fields: HeaderPairs, body: string | Uint8Array, close: boolean): void {
    const bytes = typeof body === 'string' ? toWire(body) : body
    this.begin(status, [...fields, 'content-length', String(bytes.length)], close)
    this.write(bytes)
    this.end()
  }

  /**
   * Begins a response. Its body follows with `write` and `end`, framed by the Content-Length among the fields, else in
   * chunks. The head goes out with the body's first piece.
   */
  begin(status: number, given: HeaderPairs, close = false): void {
    this.isBegun = true
    if (this.#exchange.isOver) return
    this.status = status
    const { owner } = this.#connection
    const fields = fieldsFor(status, given)
    const hasLength = hasField(fields, 'content-length')
    const bodyless = this.#head.method === 'HEAD' || isBodyless(status)
    this.#sendsBody = !bodyless
    this.#sendsChunks = !bodyless && !hasLength && this.#head.takesChunks
    this.#staysOpen =
      !close &&
      !owner.retired &&
      this.#head.keepAlive &&
      !this.#connection.isLast &&
      (bodyless || hasLength || this.#sendsChunks) &&
      this.#exchange.skipBody()
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${writeFields(fields)}`
    if (!hasField(fields, 'date')) text += `Date: ${httpDate()}\r\n`
    if (this.#sendsChunks) text += 'Transfer-Encoding: chunked\r\n'
    this.#pendingHead = this.#staysOpen
      ? `${text}Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(owner.limits.keepAliveTimeout / 1000)}\r\n\r\n`
      : `${text}Connection: close\r\n\r\n`
  }

  /** Writes a piece of the body; false: wait until the listener is told `drained` before the next one. */
  write(chunk: Uint8Array | string): boolean {
    if (this.#exchange.isOver) return true
    if (!this.#sendsBody || chunk.length === 0) return true
    this.bytes += chunk.length
    const { socket } = this.#connection
    const head = this.#pendingHead + (this.#sendsChunks ? `${chunk.length.toString(16)}\r\n` : '')
    this.#pendingHead = ''
    const more = writeMessage(socket, head, chunk, this.#sendsChunks ? '\r\n' : '')
    if (!more && !this.#waitsForDrain) {
      this.#waitsForDrain = true
      socket.once('drain', () => {
        this.#waitsForDrain = false
        this.#exchange.drained()
      })
    }
    return more
  }

  /** Ends the response. */
  end(): void {
    if (this.#exchange.isOver) return
    const { socket } = this.#connection
    const last = this.#pendingHead + (this.#sendsChunks ? '0\r\n\r\n' : '')
    this.#pendingHead = ''
    if (last !== '') socket.write(last, 'latin1')
    if (socket.writableLength === 0) this.#exchange.finish(this.#staysOpen)
    // A client that does not read its response is still being served, and timed.
    else socket.write('', () => this.#exchange.finish(this.#staysOpen))
  }

  /** Cuts the response off, as its body cannot be completed. */
  cut(): void {
    // Not an orderly end, which may be that of the body for a client of HTTP/1.0.
    this.#connection.socket.resetAndDestroy()
  }
}

/** Whether a response of this status has no body, whatever its fields say (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5). */
export function isBodyless(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}

/**
 * The fields that fit a status: 204 has no length (RFC 9110, section 8.6), 205 one of 0 (section 15.3.6); that of 304
 * is the one that 200 would have had.
 */
export function fieldsFor(status: number, fields: HeaderPairs): HeaderPairs {
  if (status !== 204 && status !== 205) return fields
  const kept = withoutField(fields, 'content-length')
  return status === 205 ? [...kept, 'content-length', '0'] : kept
}
