// What each client has open on the Node listener: connections, and the requests on them.
import type { Socket } from 'node:net'
import { clientNetwork, formatAddress, inAnyCidr, parseAddress, parseCidr } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config.ts'
import type { MemoryBans } from '../bans/memory.ts'

export interface ClientLoad {
  connections: number
  requests: number
}

export interface ClientLoads {
  configure(config: FilterConfig): void
  /** Counts a connection until it closes; false where it may not be served. */
  open(socket: Socket): boolean
  /** What the client of a connection has open; undefined for trusted proxies, which are not counted. */
  of(socket: Socket): ClientLoad | undefined
}

/** One client is an address, or an IPv6 /64. */
export function createClientLoads(initial: FilterConfig, bans: Pick<MemoryBans, 'isShutOut'>): ClientLoads {
  const rangesOf = ({ trustedProxies }: FilterConfig) => trustedProxies.map((range) => parseCidr(range)!)
  let trusted = rangesOf(initial)
  let { maxConnectionsPerClient } = initial
  const loads = new Map<string, ClientLoad>()
  const ofSocket = new WeakMap<Socket, ClientLoad>()

  return {
    configure: (next) => {
      trusted = rangesOf(next)
      maxConnectionsPerClient = next.maxConnectionsPerClient
    },
    open: (socket) => {
      // Asked for now, and so remembered: a client that resets its connection takes its address along. One that
      // did so already could not be held to anything that it sent.
      const address = parseAddress(socket.remoteAddress ?? '')
      if (!address) return false
      if (inAnyCidr(address, trusted)) return true
      const peer = formatAddress(address)
      if (bans.isShutOut(peer)) return false
      const client = clientNetwork(peer)
      const load = loads.get(client) ?? { connections: 0, requests: 0 }
      if (load.connections >= maxConnectionsPerClient) return false
      load.connections++
      loads.set(client, load)
      ofSocket.set(socket, load)
      socket.once('close', () => {
        load.connections--
        if (load.connections === 0) loads.delete(client)
      })
      return true
    },
    of: (socket) => ofSocket.get(socket),
  }
}
