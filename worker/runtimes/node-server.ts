// The filter's listener on Node: what a client may hold open, and for how long.
import { createServer, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import type { FilterConfig } from '../../shared/config.ts'
import type { MemoryBans } from '../bans/memory.ts'
import { createClientLoads } from './client-loads.ts'

export interface FilterServer {
  server: Server
  /** Puts changed limits in force for connections and requests to come. */
  configure(config: FilterConfig): void
  /** Takes no more connections; those that there are end with their next response. */
  retire(): void
}

export function createFilterServer(
  app: Hono,
  initial: FilterConfig,
  bans: Pick<MemoryBans, 'isShutOut'>,
): FilterServer {
  let config = initial
  const handle = getRequestListener(app.fetch)
  const server = createServer({
    maxHeaderSize: initial.maxHeaderSize,
    // How often the timeouts below are looked at.
    connectionsCheckingInterval: 1_000,
    // An upgraded connection would pass bytes that nothing judges; without this the request is just HTTP.
    shouldUpgradeCallback: () => false,
  })
  // Node cuts off lines over its own limit without a word; the filter counts them and says so.
  server.maxHeadersCount = 0

  const loads = createClientLoads(initial, bans)
  server.on('connection', (socket: Socket) => {
    if (!loads.open(socket)) socket.destroy()
  })

  let retired = false
  const responses = new Map<ServerResponse, number>()
  server.on('request', (incoming, outgoing) => {
    // Where a connection is closed with many requests read already, the rest of them come here all the same.
    if (incoming.socket.destroyed) return
    if (responses.size >= config.maxConnections || !loads.begin(incoming.socket, outgoing)) {
      incoming.socket.destroy()
      return
    }
    if (retired) outgoing.shouldKeepAlive = false
    responses.set(outgoing, Date.now())
    outgoing.once('close', () => responses.delete(outgoing))
    void handle(incoming, outgoing)
  })
  // Node would answer 100 at once; the filter does so when it has judged the head and wants the body.
  server.on('checkContinue', (incoming, outgoing) => server.emit('request', incoming, outgoing))

  // A client that reads its response slowly is never idle, so the whole exchange is timed as well.
  const sweep = setInterval(() => {
    const oldest = Date.now() - config.requestTimeout * 1000
    for (const [outgoing, since] of responses) {
      if (since > oldest) break
      outgoing.destroy()
    }
  }, 1_000)
  sweep.unref()
  server.on('close', () => clearInterval(sweep))

  const configure = (next: FilterConfig) => {
    config = next
    loads.configure(next)
    server.maxConnections = next.maxConnections
    server.headersTimeout = next.headTimeout * 1000
    server.requestTimeout = (next.headTimeout + next.bodyTimeout) * 1000
    server.keepAliveTimeout = next.keepAliveTimeout * 1000
  }
  configure(initial)
  const retire = () => {
    retired = true
    // Not the close of node:http, which ends idle connections, on which a request may be under way to here.
    NetServer.prototype.close.call(server)
  }
  return { server, configure, retire }
}
