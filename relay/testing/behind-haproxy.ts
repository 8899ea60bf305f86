// What stands behind HAProxy in tests, and requests through it.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface Filter {
  name: string
  address: string
  url: string
  stop: () => Promise<void>
}

/** Stands for a filter: healthy, and answers with its own name after `delay` ms. */
export async function createFilter(delay: number, onPort = 0, host = '127.0.0.1'): Promise<Filter> {
  const server: Server = createServer((incoming, response) => {
    response.setHeader('x-filter', String((server.address() as AddressInfo).port))
    if (incoming.url === '/patroneos/health') response.end()
    else setTimeout(() => response.end('{}'), delay)
  })
  server.listen(onPort, host)
  await once(server, 'listening')
  const name = String((server.address() as AddressInfo).port)
  const address = `${host.includes(':') ? `[${host}]` : host}:${name}`
  return {
    name,
    address,
    url: `http://${address}`,
    stop: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A request through HAProxy, and which filter answered it. */
export function get(port: number): Promise<{ status: number; filter: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { port, host: '127.0.0.1', path: '/v1/chain/get_info', rejectUnauthorized: false, agent: false },
      (response) => {
        response.resume()
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, filter: String(response.headers['x-filter']) }),
        )
        response.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end()
  })
}
