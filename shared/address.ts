// IP addresses in one canonical form, so that the same client is the same string in reports, logs and bans.
import ipaddr from 'ipaddr.js'

/** One bare IPv4 or IPv6 address in canonical text (RFC 5952): no port, no zone; IPv4-mapped IPv6 is IPv4. */
export type Address = string & { readonly __brand: 'Address' }

export type ParsedAddress = ipaddr.IPv4 | ipaddr.IPv6
export type Cidr = [ParsedAddress, number]

/**
 * Parses one bare address. Takes dotted IPv4 of four decimal parts and RFC 4291 IPv6 text; undefined for
 * anything else (names, ports, brackets, numbers, octal or short IPv4 forms).
 */
export function parseAddress(text: string): ParsedAddress | undefined {
  // ipaddr.js takes what inet_aton took as well, and ::a.b.c.d for ::ffff:a.b.c.d.
  if (!text.includes(':')) return isDotted(text) ? ipaddr.IPv4.parse(text) : undefined
  const hexadecimal = text.replace(/[^:%]*\.[^:%]*(?=%|$)/, toHexGroups)
  if (hexadecimal.includes('.') || !ipaddr.IPv6.isValid(hexadecimal)) return undefined
  const address = ipaddr.IPv6.parse(hexadecimal)
  if (address.isIPv4MappedAddress()) return address.toIPv4Address()
  address.zoneId = undefined as never
  return address
}

const isDotted = (text: string) => ipaddr.IPv4.isValidFourPartDecimal(text)

/** `192.0.2.1` as the last two groups of an IPv6 address; anything else is left as it is. */
function toHexGroups(text: string): string {
  if (!isDotted(text)) return text
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(text).octets
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

/** The canonical text of a parsed address. */
export function formatAddress(address: ParsedAddress): Address {
  return (
    address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString()
  ) as Address
}

/** Parses `a.b.c.d/n`, `x::/n` or a bare address (all its bits); undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const [base = '', bits, ...rest] = text.split('/')
  const address = parseAddress(base)
  if (!address || rest.length > 0 || base.includes('%')) return undefined
  const width = address.kind() === 'ipv4' ? 32 : 128
  if (bits === undefined) return [address, width]
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > width) return undefined
  return [address, Number(bits)]
}

export function inAnyCidr(address: ParsedAddress, ranges: readonly Cidr[]): boolean {
  return ranges.some(([base, bits]) => base.kind() === address.kind() && address.match(base as never, bits))
}

/**
 * What counts as one client: an IPv4 address, or the /64 of an IPv6 address, since one IPv6 customer is handed
 * at least a /64 (RFC 6177) and may change its address within it at will.
 */
export function clientNetwork(address: Address): string {
  if (!address.includes(':')) return address
  // Asked for every request, and parsing takes ten times as long; the text is canonical and all hexadecimal.
  const [before = '', after] = address.split('::')
  const left = before === '' ? [] : before.split(':')
  const right = after ? after.split(':') : []
  while (after !== undefined && left.length + right.length < 8) left.push('0')
  return `${[...left, ...right].slice(0, 4).join(':')}::/64`
}

/** An address within a network as clientNetwork names it: the one address, or the first of the /64. */
export function addressIn(network: string): Address {
  return network.replace(/\/64$/, '') as Address
}

/** A host as it stands in a URL, without the brackets of an IPv6 address. */
export function unbracketed(host: string): string {
  return host.replace(/^\[([^\]]*:[^\]]*)\]$/, '$1')
}
