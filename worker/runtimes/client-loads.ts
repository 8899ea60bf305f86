// What each client has open on the Node listener: connections, and the requests on them.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { clientNetwork, formatAddress, inAnyCidr, parseAddress, parseCidr } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config.ts'
import type { MemoryBans } from '../bans/memory.ts'

interface ClientLoad {
  connections: Set<Socket>
  requests: number
}

/** Milliseconds without service for a client that has more under way than it may. */
const PAUSE = 1_000

export interface ClientLoads {
  configure(config: FilterConfig): void
  /** Counts a connection until it closes; false where it may not be served. */
  open(socket: Socket): boolean
  /** Counts a request until its response closes; false where it may not be served. */
  begin(socket: Socket, outgoing: ServerResponse): boolean
}

/** One client is an address, or an IPv6 /64. */
export function createClientLoads(initial: FilterConfig, bans: Pick<MemoryBans, 'isShutOut'>): ClientLoads {
  const rangesOf = ({ trustedProxies }: FilterConfig) => trustedProxies.map((range) => parseCidr(range)!)
  let trusted = rangesOf(initial)
  let { maxConnectionsPerClient, maxRequestsAhead } = initial
  const loads = new Map<string, ClientLoad>()
  const ofSocket = new WeakMap<Socket, { client: string; load: ClientLoad; requests: number }>()
  const paused = new Set<string>()

  /**
   * Requests sent ahead on one connection are all under way at once. To read thousands of them just to refuse
   * them costs as much as to serve them, so whoever sends too many is not listened to for a while.
   */
  const pause = (client: string, load: ClientLoad) => {
    for (const socket of load.connections) socket.destroy()
    if (paused.has(client)) return
    paused.add(client)
    setTimeout(() => paused.delete(client), PAUSE).unref()
  }

  return {
    configure: (next) => {
      trusted = rangesOf(next)
      maxConnectionsPerClient = next.maxConnectionsPerClient
      maxRequestsAhead = next.maxRequestsAhead
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
      if (paused.has(client)) return false
      const load = loads.get(client) ?? { connections: new Set(), requests: 0 }
      if (load.connections.size >= maxConnectionsPerClient) return false
      load.connections.add(socket)
      loads.set(client, load)
      ofSocket.set(socket, { client, load, requests: 0 })
      socket.once('close', () => {
        load.connections.delete(socket)
        if (load.connections.size === 0) loads.delete(client)
      })
      return true
    },
    begin: (socket, outgoing) => {
      const found = ofSocket.get(socket)
      if (!found) return true
      const { client, load } = found
      if (load.requests >= maxConnectionsPerClient || found.requests > maxRequestsAhead) {
        pause(client, load)
        return false
      }
      load.requests++
      found.requests++
      outgoing.once('close', () => {
        load.requests--
        found.requests--
      })
      return true
    },
  }
}
