// Which keys are counted in one place, a slot of a cluster or an object at the edge, so that they are decided in one step.
import { clientNetwork } from '../../shared/address.ts'
import type { Bucket } from './buckets.ts'

/** Where keys are of clients, those of one client are together; else each is by itself. */
export function tagOf({ limit, key, client }: Bucket): string {
  return limit.key.includes('ip') ? clientNetwork(client) : key
}

/** The buckets of each place. */
export function groupedByTag(buckets: readonly Bucket[]): [tag: string, group: Bucket[]][] {
  const groups = new Map<string, Bucket[]>()
  for (const bucket of buckets) {
    const tag = tagOf(bucket)
    const group = groups.get(tag)
    if (group) group.push(bucket)
    else groups.set(tag, [bucket])
  }
  return [...groups]
}
