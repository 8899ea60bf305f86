// Decides whether a path and a method are served.
import {
  decodedPath,
  isOfNodeos,
  isWellFormed,
  loosePath,
  nodeosPath,
  pathMatcher,
  plainPath,
} from '../shared/paths.ts'
import { type Violation, violation } from '../shared/violations.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'OPTIONS']
export const ALLOWED_METHODS = METHODS.join(', ')

/** Methods that nodeos acts on like on any other; what is left (CONNECT, TRACE, PRI, ...) asks it for nothing. */
const UNSERVED_METHODS = ['PUT', 'DELETE', 'PATCH']

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/**
 * Builds the policy from lists of exact paths and `/prefix/*`; deny beats allow. Paths of nodeos's own are compared as
 * nodeos does, byte for byte. Those of other services behind the filter may be written in any way that can be read in
 * one way only, and a denied one stays denied however a server may take it.
 */
export function createEndpointPolicy(lists: { allow: string[]; deny: string[] }) {
  const allowed = pathMatcher(lists.allow)
  const denied = pathMatcher(lists.deny)
  const allowedDecoded = pathMatcher(lists.allow.map(decodedPath))
  const deniedLoosely = pathMatcher(lists.deny.map((path) => withoutLastSlash(loosePath(path))))

  const isServed = (path: string): boolean => {
    if (nodeosPath.test(path)) return allowed(path) && !denied(path)
    if (!isWellFormed(path)) return false
    const loose = loosePath(path)
    if (isOfNodeos(loose)) return plainPath.test(path) && allowed(path) && !denied(path)
    return (
      allowedDecoded(decodedPath(path)) && !deniedLoosely(loose) && !deniedLoosely(withoutLastSlash(loose))
    )
  }

  return (method: string, target: string): Violation | undefined => {
    const path = pathOf(target)
    const found = isServed(path) ? judgeRest(method, target) : notServed(path)
    return found && { ...found, isNoRequest: isNoRequest(method, target) }
  }
}

function withoutLastSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function notServed(path: string): Violation {
  return violation('ENDPOINT_NOT_ALLOWED', `Path ${shown(path)} is not served here`)
}

function judgeRest(method: string, target: string): Violation | undefined {
  if (target.includes('#')) return violation('ENDPOINT_NOT_ALLOWED', 'A request target has no fragment')
  if (METHODS.includes(method)) return undefined
  return violation(
    'METHOD_NOT_ALLOWED',
    `Method ${shown(method)} is not served; allowed are ${ALLOWED_METHODS}`,
  )
}

function isNoRequest(method: string, target: string): boolean {
  const isMethod = METHODS.includes(method) || UNSERVED_METHODS.includes(method)
  return !isMethod || target.includes('#') || !isWellFormed(pathOf(target))
}

function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text
}
