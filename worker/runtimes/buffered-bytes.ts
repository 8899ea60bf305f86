// Counts the bytes of buffered request bodies, per client and in total.
import { type Address, clientNetwork } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'

export interface BufferedBytes {
  /** Adds bytes that are held for a client; false where that is more than is allowed. */
  hold(client: Address, bytes: number): boolean
  /** Takes them off again, however often they were more than allowed. */
  release(client: Address, bytes: number): void
}

/** The limits are those of the configuration in force. */
export function createBufferedBytes(config: () => FilterConfig): BufferedBytes {
  let all = 0
  const ofClients = new Map<string, number>()

  return {
    hold: (address, bytes) => {
      const client = clientNetwork(address)
      const ofClient = (ofClients.get(client) ?? 0) + bytes
      if (ofClient > 0) ofClients.set(client, ofClient)
      all += bytes
      const { maxBufferedBytes, maxBufferedBytesPerClient } = config()
      return all <= maxBufferedBytes && ofClient <= maxBufferedBytesPerClient
    },
    release: (address, bytes) => {
      const client = clientNetwork(address)
      const left = ofClients.get(client)! - bytes
      if (left > 0) ofClients.set(client, left)
      else ofClients.delete(client)
      all -= bytes
    },
  }
}
