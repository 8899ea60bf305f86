// What the tests of HTTP/1.1 share.
import { Duplex } from 'node:stream'
import type { Http1Limits } from '../http1/server.ts'

export const LIMITS: Http1Limits = {
  maxHeaderSize: 8_192,
  headTimeout: 60_000,
  bodyTimeout: 60_000,
  keepAliveTimeout: 60_000,
  requestTimeout: 60_000,
  maxConnections: 100,
}

/** What a listener answers to what is no request. */
export const REFUSED = { fields: ['X-Rejected-By', 'test'], body: '{}' }

/** A connection within the process: what a server wrote, and what it is sent. */
export interface Wire {
  /** To be emitted as a server's 'connection'. */
  socket: Duplex
  send(bytes: string): void
  written(): string
}

export function createWire(): Wire {
  let written = ''
  const socket = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      written += chunk.toString('latin1')
      done()
    },
  })
  return { socket, send: (bytes) => void socket.push(Buffer.from(bytes, 'latin1')), written: () => written }
}
