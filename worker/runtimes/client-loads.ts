// Counts the open connections of each client on the filter's listener.
import { clientNetwork, formatAddress, inAnyCidr, parseAddress, parseCidr } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { ListenerHooks } from '../app.ts'
import type { TcpSocket } from '../http1/sockets.ts'

export interface ClientLoads {
  configure(config: FilterConfig): void
  /** Counts a connection until it closes; false where it may not be served. */
  open(socket: TcpSocket): boolean
}

/** One client is an address, or an IPv6 /64. */
export function createClientLoads(
  initial: FilterConfig,
  { isShutOut, isAllowed }: Pick<ListenerHooks, 'isShutOut' | 'isAllowed'>,
): ClientLoads {
  const rangesOf = ({ trustedProxies }: FilterConfig) => trustedProxies.map((range) => parseCidr(range)!)
  let trusted = rangesOf(initial)
  let { maxConnectionsPerClient } = initial
  const connections = new Map<string, number>()

  return {
    configure: (next) => {
      trusted = rangesOf(next)
      maxConnectionsPerClient = next.maxConnectionsPerClient
    },
    open: (socket) => {
      // A client that resets its connection takes its address along, and could not be held to anything that it sent.
      const address = parseAddress(socket.remoteAddress ?? '')
      if (!address) return false
      if (inAnyCidr(address, trusted)) return true
      const peer = formatAddress(address)
      if (isShutOut(peer)) return false
      if (isAllowed(peer)) return true
      const client = clientNetwork(peer)
      const open = connections.get(client) ?? 0
      if (open >= maxConnectionsPerClient) return false
      connections.set(client, open + 1)
      socket.once('close', () => {
        const left = connections.get(client)! - 1
        if (left > 0) connections.set(client, left)
        else connections.delete(client)
      })
      return true
    },
  }
}
