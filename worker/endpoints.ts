// Whether a path and a method may come in at all.
import { type Violation, violation } from '../shared/violations.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'OPTIONS']
export const ALLOWED_METHODS = METHODS.join(', ')

/**
 * Paths as nodeos knows them: it compares the raw target with exact strings. Anything that a server could read
 * in another way (percent-encoding, dot segments, empty segments, a whole URL) is no path of nodeos's.
 */
const plainPath = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+)+\/?$|^\/$/

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** Builds the policy from lists of exact paths and `/prefix/*`; deny beats allow. */
export function createEndpointPolicy(lists: { allow: string[]; deny: string[] }) {
  const allowed = matcher(lists.allow)
  const denied = matcher(lists.deny)

  return (method: string, target: string): Violation | undefined => {
    const path = pathOf(target)
    if (!allowed(path) || denied(path) || !plainPath.test(path))
      return violation('ENDPOINT_NOT_ALLOWED', `Path ${shown(path)} is not served here`)
    if (target.includes('#')) return violation('ENDPOINT_NOT_ALLOWED', 'A request target has no fragment')
    if (!METHODS.includes(method))
      return violation(
        'METHOD_NOT_ALLOWED',
        `Method ${shown(method)} is not served; allowed are ${ALLOWED_METHODS}`,
      )
    return undefined
  }
}

function matcher(patterns: string[]): (path: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('/*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('/*')).map((pattern) => pattern.slice(0, -1))
  return (path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix))
}

function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text
}
