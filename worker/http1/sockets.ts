// What the listener and the client of HTTP/1.1 need of TCP: node:net's sockets have it on every runtime.
import type { Buffer } from 'node:buffer'
import { connect, createServer, type Server } from 'node:net'
import type { Listenable } from '../../shared/node-program.ts'

/** As node:net's Socket has them. */
export interface TcpSocket {
  readonly remoteAddress?: string | undefined
  readonly destroyed: boolean
  /** Bytes that wait to be sent. */
  readonly writableLength: number
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'end' | 'close' | 'error', listener: () => void): unknown
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

export interface TcpServer extends Listenable {
  /** Takes no more connections. */
  close(): unknown
}

/** Sockets send at once (TCP_NODELAY), and end when their other end does. */
export interface Sockets<S extends TcpServer = TcpServer> {
  createServer(onConnection: (socket: TcpSocket) => void): S
  /** Emits 'connect', or 'close' where nobody listens there. */
  connect(address: { host: string; port: number }): TcpSocket
}

export const nodeSockets: Sockets<Server> = {
  createServer: (onConnection) => createServer({ noDelay: true }, onConnection),
  connect: (address) => connect({ ...address, noDelay: true }),
}
