// The filter's listener: HTTP/1.1 on TCP sockets. README.md beside this file says why it exists.
import { ClientConnection, type ConnectionLimits, type ConnectionOwner } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { Sockets, TcpServer, TcpSocket } from './sockets.ts'

export interface Http1Limits extends ConnectionLimits {
  maxConnections: number
}

export interface Http1Server<S extends TcpServer> {
  server: S
  /** Connections that are open. */
  connections(): number
  /** Puts changed limits in force. */
  configure(limits: Http1Limits): void
  /** Takes no more connections; those that there are end with their next response. */
  retire(): void
  /** Takes no more connections and resolves when all are done, or were cut off after so many milliseconds. */
  close(milliseconds: number): Promise<void>
}

export interface Http1ServerOptions<S extends TcpServer> {
  sockets: Sockets<S>
  limits: Http1Limits
  /** Whether a connection is to be served; called once for each. */
  admits(socket: TcpSocket): boolean
  serve(exchange: Exchange): void
  /** Told of what was no request, and says what it is answered with. */
  refuse: ConnectionOwner['refuse']
}

/** Milliseconds between looks at what is late. */
const SWEEP_INTERVAL = 500

export function createHttp1Server<S extends TcpServer>({
  sockets,
  limits,
  admits,
  serve,
  refuse,
}: Http1ServerOptions<S>): Http1Server<S> {
  const connections = new Set<ClientConnection>()
  let whenEmpty: (() => void) | undefined

  const owner: ConnectionOwner & { limits: Http1Limits } = {
    limits,
    retired: false,
    serve,
    refuse,
    closed: (connection) => {
      connections.delete(connection)
      if (connections.size === 0) whenEmpty?.()
    },
  }

  const server = sockets.createServer((socket) => {
    // 'close' follows.
    socket.on('error', () => {})
    if (connections.size >= owner.limits.maxConnections || !admits(socket)) socket.destroy()
    else connections.add(new ClientConnection(socket, owner))
  })

  const sweep = setInterval(() => {
    const now = Date.now()
    for (const connection of connections) if (connection.deadline <= now) connection.expire()
  }, SWEEP_INTERVAL)
  sweep.unref()

  const retire = () => {
    owner.retired = true
    server.close()
  }

  return {
    server,
    connections: () => connections.size,
    configure: (next) => {
      owner.limits = next
    },
    retire,
    close: async (milliseconds) => {
      if (!owner.retired) retire()
      const empty = new Promise<void>((resolve) => {
        whenEmpty = resolve
      })
      for (const connection of connections) if (connection.isIdle) connection.destroy()
      const timer = setTimeout(() => {
        for (const connection of connections) connection.destroy()
      }, milliseconds)
      if (connections.size > 0) await empty
      clearTimeout(timer)
      clearInterval(sweep)
    },
  }
}
