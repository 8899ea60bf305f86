// Decides whether a path and a method are served.
import { type Violation, violation } from '../shared/violations.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'OPTIONS']
export const ALLOWED_METHODS = METHODS.join(', ')

/** Methods that may reach nodeos in monitor mode: it takes a body with any of them. */
const FORWARDED_METHODS = [...METHODS, 'PUT', 'PATCH', 'DELETE']

/** Paths of nodeos's own, whichever of its plugins serves them: plugins/<name>_api_plugin. */
const nodeosPath =
  /^\/v1\/(?:chain|history|trace_api|node|producer|producer_ha|net|wallet|db_size|test_control|txn_test_gen|prometheus|state_history|login|account_history)(?:\/|$)|^\/v2\/chain(?:\/|$)/

/**
 * Paths as nodeos knows them: it compares the raw target with exact strings. Anything that a server could read
 * in another way (percent-encoding, dot segments, empty segments, a whole URL) is no path of nodeos's.
 */
const plainPath = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+)+\/?$|^\/$/

/** A path of RFC 3986, section 3.3, without empty segments. */
const wellFormedPath = /^(?:\/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)*\/?$/

/**
 * What servers read in several ways: a dot segment, also with parameters behind it, and a slash, a backslash, a dot or a
 * control character that is encoded, once or twice.
 */
const ambiguous = /(?:^|\/)\.{1,2}(?:;[^/]*)?(?:\/|$)|%(?:25)*(?:2[ef]|5c|[01][0-9a-f]|7f)/i

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** What is no request to nodeos in any mode: a target that is no path, and methods of proxies and other protocols. */
export function judgeForm(method: string, target: string): Violation | undefined {
  if (!target.startsWith('/') || target.includes('#'))
    return violation('ENDPOINT_NOT_ALLOWED', `${shown(target)} is not the path of a request`)
  return FORWARDED_METHODS.includes(method) ? undefined : methodNotAllowed(method)
}

/**
 * Builds the policy from lists of exact paths and `/prefix/*`; deny beats allow. nodeos's own paths are taken only as
 * nodeos itself would; below another service's prefix every path passes that can be read in one way only.
 */
export function createEndpointPolicy(lists: { allow: string[]; deny: string[] }) {
  const allowed = matcher(lists.allow)
  const denied = matcher(lists.deny)

  return (method: string, target: string): Violation | undefined => {
    const path = pathOf(target)
    if (!allowed(path) || denied(path) || (!plainPath.test(path) && !isOtherService(path, denied)))
      return violation('ENDPOINT_NOT_ALLOWED', `Path ${shown(path)} is not served here`)
    if (target.includes('#')) return violation('ENDPOINT_NOT_ALLOWED', 'A request target has no fragment')
    return METHODS.includes(method) ? undefined : methodNotAllowed(method)
  }
}

/** Whether a path that is allowed, and not plain, is one that only another service than nodeos can be asked for. */
function isOtherService(path: string, denied: (path: string) => boolean): boolean {
  if (!wellFormedPath.test(path) || ambiguous.test(path)) return false
  const decoded = decodePath(path)
  if (decoded === undefined || nodeosPath.test(decoded) || denied(decoded)) return false
  // Some servers leave out what stands behind a semicolon.
  return !decoded.includes(';') || !denied(decoded.replace(/;[^/]*/g, ''))
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

function methodNotAllowed(method: string): Violation {
  return violation(
    'METHOD_NOT_ALLOWED',
    `Method ${shown(method)} is not served; allowed are ${ALLOWED_METHODS}`,
  )
}

function matcher(patterns: string[]): (path: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('/*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('/*')).map((pattern) => pattern.slice(0, -1))
  return (path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix))
}

function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text
}
