// Stands before a server on loopback and passes bytes on, late where it is told to.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, connect as netConnect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface SlowProxy {
  port: number
  /** Milliseconds for what a server answers. */
  delay: number
}

export async function slowProxyForTest(port: number): Promise<SlowProxy> {
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = netConnect(port, '127.0.0.1')
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    client.pipe(server)
    server.on('data', (chunk) => {
      if (slow.delay === 0) client.write(chunk)
      else setTimeout(() => client.write(chunk), slow.delay)
    })
    client.on('close', () => server.destroy())
    server.on('close', () => client.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => {
    proxy.close()
    for (const socket of sockets) socket.destroy()
  })
  const slow: SlowProxy = { port: (proxy.address() as AddressInfo).port, delay: 0 }
  return slow
}
