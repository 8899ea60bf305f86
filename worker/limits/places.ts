// Keys are counted in several places, slots of a cluster or objects at the edge, each of which says whether a request has
// room there: what all of them together come to.
import type { Bucket } from './buckets.ts'
import type { Decision } from './rate-limits.ts'
import type { WindowState } from './window-script.ts'

/** What one place said. */
export interface Place {
  group: readonly Bucket[]
  /** Of each bucket of the group; undefined where it did not say in time. */
  states: readonly WindowState[] | undefined
}

/**
 * The bucket that is over for longest refuses. Then `takeBack` is called for each that was counted, in places where there
 * was room. Undefined where no place refuses, and one did not say.
 */
export function decisionOf(
  places: readonly Place[],
  takeBack: (bucket: Bucket) => void,
): Decision | undefined {
  let worst: Exclude<Decision, 'admitted'> | undefined
  for (const { group, states } of places)
    for (const [index, state] of states?.entries() ?? [])
      if (state.wait > (worst?.state.wait ?? 0)) worst = { bucket: group[index]!, state }
  if (!worst) return places.every(({ states }) => states !== undefined) ? 'admitted' : undefined
  for (const { group, states } of places)
    if (states?.every(({ wait }) => wait <= 0)) for (const bucket of group) takeBack(bucket)
  return worst
}
