// A client whose every byte the test sends itself.
import { connect, type Socket } from 'node:net'
import { vi } from 'vitest'

export interface RawClient {
  socket: Socket
  /** Resolves when the connection has ended, however it did. */
  closed: Promise<void>
  send(request: string): void
  /** What has come. */
  bytes(): Buffer
  /** The same, one character a byte. */
  text(): string
  /** Waits until what has come matches. */
  received(what: RegExp): Promise<unknown>
}

export function rawClient(port: number, localAddress = '127.0.0.1'): RawClient {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
  })
  const bytes = () => Buffer.concat(chunks)
  const text = () => bytes().toString('latin1')
  return {
    socket,
    closed,
    bytes,
    text,
    send: (request) => void socket.write(request, 'latin1'),
    received: (what) => vi.waitUntil(() => what.test(text()), { timeout: 10_000, interval: 20 }),
  }
}

/** A head, with the empty line behind it. */
export function requestHead(method: string, target: string, ...fields: string[]): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: filter.example', ...fields, '', ''].join('\r\n')
}

export const contentLength = (body: string) => `Content-Length: ${Buffer.byteLength(body)}`
