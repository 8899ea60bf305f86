// Decides which headers are passed on, in both directions. Follows RFC 9110, section 7.6.1.
import type { Address } from '../shared/address.ts'
import { connectionOptions } from './http1/fields.ts'
import { rememberWork } from './http1/remembered.ts'
import type { HeaderPairs } from './platform.ts'

/** They belong to one connection and are never passed on. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Credentials for somebody else than nodeos, claims about the client, and what the filter sets itself. */
const notForUpstream = new Set([
  'authorization',
  'cookie',
  'expect',
  'forwarded',
  'x-real-ip',
  'host',
  'content-length',
  'content-encoding',
])

function isWithheld(name: string): boolean {
  return (
    hopByHop.has(name) ||
    notForUpstream.has(name) ||
    name.startsWith('x-forwarded-') ||
    name.startsWith('cf-')
  )
}

/** The value of a header; several lines of one name are joined, as RFC 9110, section 5.3 allows. */
export function headerValue(headers: HeaderPairs, name: string): string {
  let value = ''
  for (let at = 0; at < headers.length; at += 2)
    if (headers[at]!.length === name.length && headers[at]!.toLowerCase() === name)
      value = value === '' ? headers[at + 1]! : `${value}, ${headers[at + 1]}`
  return value
}

/** Names that Connection lists, as belonging to this connection only. */
function connectionNames(headers: HeaderPairs): Set<string> | undefined {
  const value = headerValue(headers, 'connection').toLowerCase()
  if (value === '' || value === 'keep-alive' || value === 'close') return undefined
  return new Set(connectionOptions(value))
}

/** The headers for nodeos: the client's without those, and its address as the filter knows it. */
export const upstreamHeaders = rememberWork((headers, client: Address, rebuilt: boolean): HeaderPairs => {
  const listed = connectionNames(headers)
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase()
    if (isWithheld(name) || listed?.has(name)) continue
    // A server that takes an underscore for a hyphen, as CGI does, must not find there what is withheld.
    if (name.includes('_') && isWithheld(name.replaceAll('_', '-'))) continue
    // A rebuilt body is JSON whatever the client called it, and its answer is read for failures.
    if (rebuilt && (name === 'content-type' || name === 'accept-encoding')) continue
    kept.push(name, headers[at + 1]!)
  }
  if (rebuilt) kept.push('content-type', 'application/json')
  kept.push('x-forwarded-for', client)
  return kept
})

/** nodeos's response headers without hop-by-hop ones, then the configured ones. */
export const responseHeaders = rememberWork(
  (headers, configured: ReadonlyMap<string, string>): HeaderPairs => {
    const listed = connectionNames(headers)
    const kept: string[] = []
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!.toLowerCase()
      if (hopByHop.has(name) || listed?.has(name) || configured.has(name)) continue
      kept.push(headers[at]!, headers[at + 1]!)
    }
    for (const [name, value] of configured) if (value !== '') kept.push(name, value)
    return kept
  },
)

/**
 * The headers for a client of an answer that is held whole: without `except`, and without the length, which is set anew for
 * the body as it is sent.
 */
export function heldFields(
  headers: HeaderPairs,
  configured: ReadonlyMap<string, string>,
  except?: string,
): HeaderPairs {
  const pairs = responseHeaders(headers, configured)
  const kept: string[] = []
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at]!.toLowerCase()
    if (name !== 'content-length' && name !== except) kept.push(name, pairs[at + 1]!)
  }
  return kept
}

/** Whether an answer is nobody's own and as it stands: nodeos sends neither header, something before it might. */
export function isPlain(headers: HeaderPairs): boolean {
  return headerValue(headers, 'set-cookie') === '' && headerValue(headers, 'content-encoding') === ''
}
