// Opens and closes listeners, with a clear error when a port cannot be used.
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { StartError } from './start-error.ts'

/** An HTTP server for a small app beside the traffic: config API and relay. */
export function createAppServer(
  fetch: (request: Request, env: object) => Response | Promise<Response>,
  options: ServerOptions = {},
): Server {
  // Without overrideGlobalObjects every listener of the process would set the global Response anew.
  const listener: RequestListener = getRequestListener(fetch, { overrideGlobalObjects: false })
  return createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, connectionsCheckingInterval: 1_000, ...options },
    listener,
  )
}

/**
 * Connections that may wait to be accepted; the kernel takes at most net.core.somaxconn. Over it the kernel drops a
 * newcomer's first packet, which its client sends again a second later. Node's own 511 are soon taken in a flood.
 */
const BACKLOG = 65_535

/** What listens: node:net's Server, and whatever has the same methods. */
export interface Listenable {
  once(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  off(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  listen(options: { port: number; host: string | undefined; backlog: number }, listening: () => void): unknown
  address(): unknown
}

/** Listens and resolves to the address as text; throws a StartError that says which listener and why. */
export async function listen(
  server: Listenable,
  name: string,
  ip: string,
  port: string | number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message
      reject(new StartError(`cannot listen on ${formatEndpoint(ip, Number(port))} (${name}): ${why}`))
    }
    server.once('error', refuse)
    const host = ip === '' ? undefined : ip
    server.listen({ port: Number(port), host, backlog: BACKLOG }, () => {
      server.off('error', refuse)
      resolve(formatEndpoint(ip, (server.address() as AddressInfo).port))
    })
  })
}

function formatEndpoint(ip: string, port: number): string {
  return `${ip === '' ? '*' : ip.includes(':') ? `[${ip}]` : ip}:${port}`
}

/** Stops taking connections, closes the idle ones, and resolves when the busy ones are done or time is up. */
export async function closeServer(server: Server, milliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  server.closeIdleConnections()
  // A connection that is busy now is kept alive after its response, as if there were more to come.
  const sweep = setInterval(() => server.closeIdleConnections(), 100)
  const timer = setTimeout(() => server.closeAllConnections(), milliseconds)
  await closed
  clearInterval(sweep)
  clearTimeout(timer)
}
