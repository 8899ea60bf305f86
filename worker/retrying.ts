// Limits the transactions with retry_trx of one client. Each holds a connection for minutes, because nodeos answers only
// when the transaction is in a block.
import { type Address, clientNetwork } from '../shared/address.ts'

export interface Retrying {
  /** Counts one more of a client's network; false where it has as many as it may. */
  enter(client: Address, max: number): boolean
  leave(client: Address): void
}

export function createRetrying(): Retrying {
  const counts = new Map<string, number>()

  return {
    enter: (client, max) => {
      const network = clientNetwork(client)
      const count = counts.get(network) ?? 0
      if (count >= max) return false
      counts.set(network, count + 1)
      return true
    },
    leave: (client) => {
      const network = clientNetwork(client)
      const left = (counts.get(network) ?? 0) - 1
      if (left > 0) counts.set(network, left)
      else counts.delete(network)
    },
  }
}
