// The interface to TCP and TLS sockets. node:net and node:tls implement it on every runtime.
import type { Buffer } from 'node:buffer'
import { connect, createServer, type Server } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** As node:net's Socket has them. */
export interface TcpSocket {
  readonly remoteAddress?: string | undefined
  readonly destroyed: boolean
  /** Bytes that wait to be sent. */
  readonly writableLength: number
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error?: Error) => void): unknown
  once(event: string, listener: () => void): unknown
  /** False: 'drain' follows. Text is one character a byte. */
  write(bytes: Uint8Array): boolean
  write(text: string, encoding: 'latin1'): boolean
  write(nothing: '', sent: () => void): boolean
  isPaused(): boolean
  pause(): unknown
  resume(): unknown
  end(): unknown
  destroy(): unknown
  resetAndDestroy(): unknown
}

/** As node:net's Server has them. */
export interface TcpServer {
  once(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  off(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  listen(options: { port: number; host: string | undefined; backlog: number }, listening: () => void): unknown
  address(): unknown
  /** Takes no more connections. */
  close(): unknown
}

export interface TlsAddress {
  host: string
  port: number
  /** For SNI and the certificate; "" where `host` is an address, which is no server name (RFC 6066, section 3). */
  servername: string
}

/** Sockets send at once (TCP_NODELAY). */
export interface Sockets<S extends TcpServer = TcpServer> {
  /** Its connections are half-open: one whose client sends nothing more (FIN, 'end') may still be written to. */
  createServer(onConnection: (socket: TcpSocket) => void): S
  /** Emits 'connect', or 'close' where nobody listens there; ends when its other end does. */
  connect(address: { host: string; port: number }): TcpSocket
  /** Emits 'secureConnect', or 'close' where the certificate is not trusted. */
  connectTls(address: TlsAddress): TcpSocket
}

/** node:tls as it is on every runtime. */
export const nodeTls = (address: TlsAddress): TcpSocket =>
  connectTls({ ...address, ALPNProtocols: ['http/1.1'] }).setNoDelay()

export const nodeSockets: Sockets<Server> = {
  createServer: (onConnection) => createServer({ noDelay: true, allowHalfOpen: true }, onConnection),
  connect: (address) => connect({ ...address, noDelay: true }),
  connectTls: nodeTls,
}
