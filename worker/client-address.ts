// Finds the client's address: the other end of the connection, or the address that a trusted proxy reports.
import {
  type Address,
  type Cidr,
  formatAddress,
  inAnyCidr,
  type ParsedAddress,
  parseAddress,
} from '../shared/address.ts'
import { trimmed } from './http1/fields.ts'

interface Hop {
  address: Address
  trusted: boolean
}

/** Hops that are remembered, since every request of a connection, and of a proxy, comes from the same one. */
const MAX_REMEMBERED = 10_000

/** Characters of the longest entry: an IPv6 address with a zone, in brackets and with a port. */
const MAX_HOP_LENGTH = 64

/**
 * Finds the client of a request: the rightmost address, the connection's own included, that is not a trusted
 * proxy. Each proxy appends the address it saw to X-Forwarded-For, so what stands left of the first untrusted
 * one is the client's own claim. An entry that is no address ends the search: then the proxy that passed it on
 * is the client, as nothing better is known.
 */
export function createClientAddress(
  trusted: readonly Cidr[],
): (peer: string, forwardedFor: string) => Address {
  const hops = new Map<string, Hop | undefined>()

  const hopOf = (text: string): Hop | undefined => {
    if (hops.has(text)) return hops.get(text)
    const parsed = parseHop(text)
    const hop = parsed && { address: formatAddress(parsed), trusted: inAnyCidr(parsed, trusted) }
    if (text.length > MAX_HOP_LENGTH) return hop
    if (hops.size >= MAX_REMEMBERED) hops.clear()
    // Copied: V8 keeps the whole header alive behind a slice of it.
    hops.set([...text].join(''), hop)
    return hop
  }

  return (peer, forwardedFor) => {
    const nearest = hopOf(peer)
    if (!nearest) throw new Error(`the runtime gave a peer that is no address: ${JSON.stringify(peer)}`)
    if (!nearest.trusted || forwardedFor === '') return nearest.address
    let client = nearest
    let end = forwardedFor.length
    while (end >= 0) {
      const comma = forwardedFor.lastIndexOf(',', end - 1)
      const hop = hopOf(trimmed(forwardedFor, comma + 1, end))
      if (!hop) return client.address
      client = hop
      if (!hop.trusted || comma < 0) return client.address
      end = comma
    }
    return client.address
  }
}

/** An entry of X-Forwarded-For: an address, with a port as some proxies add it, IPv6 then in brackets. */
function parseHop(text: string): ParsedAddress | undefined {
  if (text.length > MAX_HOP_LENGTH) return undefined
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)
  const withPort = /^([\d.]+):\d{1,5}$/.exec(text)
  return parseAddress(bracketed?.[1] ?? withPort?.[1] ?? text)
}
