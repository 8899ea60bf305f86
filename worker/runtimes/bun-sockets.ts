// Bun's own TCP sockets behind the interface of http1/sockets.ts. Bun's node:net adds streams on top of them, which take a
// sixth of the time of a push. bun.com/docs/runtime/networking/tcp
import { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { nodeTls, type Sockets, type TcpServer, type TcpSocket } from '../http1/sockets.ts'

/** A socket of Bun's; `write` returns how many bytes went to the kernel, or -1 where the socket is closed. */
interface NativeSocket {
  data: BunSocket
  readonly remoteAddress: string
  write(bytes: Uint8Array): number
  pause(): void
  resume(): void
  /** Sends what ends the stream (FIN), and still reads. */
  shutdown(): void
  /** Closes at once. */
  end(): void
  /** Resets the connection. */
  terminate(): void
}

interface Handlers {
  open(socket: NativeSocket): void
  data(socket: NativeSocket, chunk: Buffer): void
  drain(socket: NativeSocket): void
  end(socket: NativeSocket): void
  close(socket: NativeSocket): void
  error(socket: NativeSocket, error: Error): void
}

interface TcpAddress {
  hostname: string
  port: number
}

interface Listener {
  readonly port: number
  stop(): void
}

declare const Bun: {
  listen(options: TcpAddress & { socket: Handlers; allowHalfOpen: boolean }): Listener
  connect(options: TcpAddress & { socket: Handlers; data: BunSocket }): Promise<unknown>
}

const handlers: Handlers = {
  open: (socket) => socket.data.opened(socket),
  data: ({ data }, chunk) => data.received(chunk),
  drain: ({ data }) => data.flush(),
  end: ({ data }) => void data.emit('end'),
  close: ({ data }) => data.closed(),
  // It is closed next.
  error: () => {},
}

class BunSocket extends EventEmitter implements TcpSocket {
  remoteAddress: string | undefined
  destroyed = false
  writableLength = 0
  #native: NativeSocket | undefined
  /** What the kernel has not taken yet. */
  #waiting: Uint8Array[] = []
  #whenSent: (() => void)[] = []
  #isPaused = false
  #isEnding = false

  opened(native: NativeSocket): void {
    if (this.destroyed) {
      native.end()
      return
    }
    this.#native = native
    this.remoteAddress = native.remoteAddress
    if (this.#isPaused) native.pause()
    this.emit('connect')
    this.flush()
  }

  received(chunk: Buffer): void {
    if (!this.destroyed) this.emit('data', chunk)
  }

  write(chunk: Uint8Array | string, how?: 'latin1' | (() => void)): boolean {
    if (typeof how === 'function') {
      this.#whenSent.push(how)
      return true
    }
    // As of a socket that is closed: whoever writes hears of that by 'close'.
    if (this.destroyed) return false
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk
    const sent = this.#native && this.#waiting.length === 0 ? Math.max(0, this.#native.write(bytes)) : 0
    if (sent === bytes.length) return true
    this.#waiting.push(sent === 0 ? bytes : bytes.subarray(sent))
    this.writableLength += bytes.length - sent
    return false
  }

  /** Sends what waits. */
  flush(): void {
    if (this.destroyed || !this.#native || this.#waiting.length === 0) return
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const sent = Math.max(0, this.#native.write(next))
      this.writableLength -= sent
      if (sent < next.length) {
        this.#waiting[0] = next.subarray(sent)
        return
      }
      this.#waiting.shift()
    }
    for (const sent of this.#whenSent.splice(0)) sent()
    if (this.#isEnding) this.#native.shutdown()
    else this.emit('drain')
  }

  isPaused(): boolean {
    return this.#isPaused
  }

  pause(): void {
    this.#isPaused = true
    this.#native?.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#native?.resume()
  }

  end(): void {
    this.#isEnding = true
    if (this.#waiting.length === 0) this.#native?.shutdown()
  }

  destroy(): void {
    if (this.destroyed) return
    this.closed()
    this.#native?.end()
  }

  resetAndDestroy(): void {
    if (this.destroyed) return
    this.closed()
    this.#native?.terminate()
  }

  closed(): void {
    if (this.destroyed) return
    this.destroyed = true
    // Not from within whatever closes it.
    process.nextTick(() => this.emit('close'))
  }
}

class BunServer extends EventEmitter implements TcpServer {
  #listener: Listener | undefined
  readonly #onConnection: (socket: TcpSocket) => void

  constructor(onConnection: (socket: TcpSocket) => void) {
    super()
    this.#onConnection = onConnection
  }

  listen({ port, host }: { port: number; host: string | undefined }, listening: () => void): void {
    try {
      this.#listener = host === undefined ? this.#listenOnAll(port) : this.#listenOn(host, port)
      process.nextTick(listening)
    } catch (error) {
      process.nextTick(() => this.emit('error', error))
    }
  }

  #listenOn(hostname: string, port: number): Listener {
    const open = (native: NativeSocket) => {
      const socket = new BunSocket()
      native.data = socket
      socket.opened(native)
      this.#onConnection(socket)
    }
    return Bun.listen({ hostname, port, socket: { ...handlers, open }, allowHalfOpen: true })
  }

  #listenOnAll(port: number): Listener {
    try {
      return this.#listenOn('::', port)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw error
      // A machine without IPv6.
      return this.#listenOn('0.0.0.0', port)
    }
  }

  address(): { port: number } {
    return { port: this.#listener!.port }
  }

  close(): void {
    this.#listener?.stop()
  }
}

export const bunSockets: Sockets = {
  createServer: (onConnection) => new BunServer(onConnection),
  connectTls: nodeTls,
  connect: ({ host, port }) => {
    const data = new BunSocket()
    Bun.connect({ hostname: host, port, socket: handlers, data }).catch(() => data.closed())
    return data
  },
}
