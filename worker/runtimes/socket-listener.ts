// The filter's listener on Node, Bun and Deno: the limits on connections, and the Hono app behind it.
import type { FilterConfig } from '../../shared/config/filter.ts'
import { listen } from '../../shared/program/listening.ts'
import type { Filter } from '../app.ts'
import { createHttp1Server, type Http1Limits } from '../http1/server.ts'
import type { Sockets } from '../http1/sockets.ts'
import { createClientLoads } from './client-loads.ts'
import { requestFor, SocketRequest, type Traffic } from './socket-request.ts'

export interface FilterListener {
  /** Where it listens, as text. */
  address: string
  /** Connections that are open. */
  connections(): number
  /** Puts changed limits in force. */
  configure(config: FilterConfig): void
  /** Takes no more connections, and lets each of those that there are end with its next response. */
  retire(): void
  /** Takes no more connections; resolves when requests under way are done, or are cut off after `milliseconds`. */
  close(milliseconds: number): Promise<void>
}

/** Listens for clients, and answers them with the filter. */
export async function listenOnSocket(
  { app, refused, late, isShutOut, isAllowed }: Filter<SocketRequest>,
  config: FilterConfig,
  traffic: Traffic,
  sockets: Sockets,
): Promise<FilterListener> {
  const loads = createClientLoads(config, { isShutOut, isAllowed })
  const { server, connections, configure, retire, close } = createHttp1Server({
    sockets,
    limits: limitsOf(config),
    admits: loads.open,
    refuse: refused,
    serve: (exchange) => {
      const request = new SocketRequest(exchange, traffic, late)
      const answered = app.fetch(requestFor(exchange), request)
      if (answered instanceof Promise) void answered.then((response) => request.respond(response))
      else void request.respond(answered)
    },
  })
  const address = await listen(server, 'listenPort', config.listenIP, config.listenPort)
  return {
    address,
    connections,
    configure: (next) => {
      loads.configure(next)
      configure(limitsOf(next))
    },
    retire,
    close,
  }
}

function limitsOf(config: FilterConfig): Http1Limits {
  return {
    maxHeaderSize: config.maxHeaderSize,
    headTimeout: config.headTimeout * 1000,
    bodyTimeout: config.bodyTimeout * 1000,
    keepAliveTimeout: config.keepAliveTimeout * 1000,
    requestTimeout: config.requestTimeout * 1000,
    maxConnections: config.maxConnections,
  }
}
