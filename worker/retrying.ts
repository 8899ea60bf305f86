// Limits the transactions with retry_trx of one client. Each holds a connection for minutes, because nodeos answers only
// when the transaction is in a block.
import { type Address, clientNetwork } from '../shared/address.ts'

/** Of all clients together: half of the connections to a node are left to others. */
const MAX_ALL = 512

export interface Retrying {
  /** Counts one more of a client's network; false where it, or all together, have as many as they may. */
  enter(client: Address, max: number): boolean
  leave(client: Address): void
}

export function createRetrying(): Retrying {
  const counts = new Map<string, number>()
  let all = 0

  return {
    enter: (client, max) => {
      const network = clientNetwork(client)
      const count = counts.get(network) ?? 0
      if (count >= max || all >= MAX_ALL) return false
      all++
      counts.set(network, count + 1)
      return true
    },
    leave: (client) => {
      all--
      const network = clientNetwork(client)
      const left = (counts.get(network) ?? 0) - 1
      if (left > 0) counts.set(network, left)
      else counts.delete(network)
    },
  }
}
