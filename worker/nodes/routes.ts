// Which nodes serve a path.
import { decodedPath, pathMatcher } from '../../shared/paths.ts'
import type { NodeState } from './node-state.ts'

/** The nodes of one kind of request, and those of them that take it now. */
export interface Route {
  readonly members: readonly NodeState[]
  /** Transactions: what was handed over may be executed, so no second node is asked as well. */
  readonly isPush: boolean
  /** Kept until something changes. */
  choice: readonly NodeState[]
  /** The version of the nodes' states that it was made of, and the Unix time in milliseconds at which it is over. */
  version: number
  until: number
}

export interface Routes {
  /** A path beats a word, and a longer path a shorter one. */
  of(path: string, isPush: boolean): Route
}

export function createRoutes(states: readonly NodeState[]): Routes {
  const routeOf = (served: string, isPush: boolean): Route => ({
    members: states.filter(({ node }) => node.serves.includes(served)),
    isPush,
    choice: [],
    version: -1,
    until: 0,
  })
  const push = routeOf('push', true)
  const read = routeOf('read', false)
  const served = new Set(states.flatMap(({ node }) => node.serves).filter((word) => word.startsWith('/')))
  const paths = [...served]
    .sort((a, b) => b.length - a.length)
    .map((path) => {
      const matches = pathMatcher([path])
      return { matches, push: routeOf(path, true), read: routeOf(path, false) }
    })
  return {
    of: (path, isPush) => {
      if (paths.length > 0) {
        const plain = decodedPath(path)
        for (const found of paths) if (found.matches(plain)) return isPush ? found.push : found.read
      }
      return isPush ? push : read
    },
  }
}
