// Converts bytes to text with one character per byte and back, in the fastest ways available.
import { Buffer } from 'node:buffer'
import type { TcpSocket } from './sockets.ts'

/** What Node's Buffer has beside its documented methods, and Bun's and Deno's as well. */
interface Latin1Buffer extends Buffer {
  latin1Slice(start: number, end: number): string
  latin1Write(text: string, at: number): number
}

/** The bytes from `start` to `end`; `toString('latin1')` takes ten times as long on Bun. */
export function textOf(bytes: Buffer, start: number, end: number): string {
  return (bytes as Latin1Buffer).latin1Slice(start, end)
}

const headEnd = Buffer.from('\r\n\r\n')

/** Where the empty line behind a head begins, or -1. */
export function findHeadEnd(bytes: Buffer, from: number): number {
  return bytes.indexOf(headEnd, from)
}

/** Bytes up to which a second write costs more than copying everything into one. */
const SMALL = 16_384

/** Room for a small body, with its head before it. */
const SCRATCH_SIZE = SMALL + 4_096

let scratch = Buffer.allocUnsafeSlow(SCRATCH_SIZE) as Latin1Buffer

/**
 * Writes text and a body, together where that pays, without a copy that lives longer than the call. Returns what
 * `socket.write` does. Characters stand for a byte each, in the body as well where it is text.
 */
export function writeMessage(socket: TcpSocket, head: string, body: Uint8Array | string, tail = ''): boolean {
  const bodyEnd = head.length + body.length
  const size = bodyEnd + tail.length
  if (size > SCRATCH_SIZE) {
    if (head !== '') socket.write(head, 'latin1')
    const more = typeof body === 'string' ? socket.write(body, 'latin1') : socket.write(body)
    return tail === '' ? more : socket.write(tail, 'latin1')
  }
  scratch.latin1Write(head, 0)
  if (typeof body === 'string') scratch.latin1Write(body, head.length)
  else scratch.set(body, head.length)
  if (tail !== '') scratch.latin1Write(tail, bodyEnd)
  const more = socket.write(scratch.subarray(0, size))
  // Not everything is with the kernel yet: what waits keeps these bytes.
  if (socket.writableLength > 0) scratch = Buffer.allocUnsafeSlow(SCRATCH_SIZE) as Latin1Buffer
  return more
}

/** Text as writeMessage takes it: itself where it is ASCII, else its UTF-8. */
export function toWire(text: string): string | Buffer {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text)
}
