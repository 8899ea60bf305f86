// The shared store in the text that Prometheus reads.
import { family, single } from '../../shared/prometheus.ts'
import type { StoreCounters } from './shared-store.ts'

export function storeFamilies(counters: StoreCounters | undefined): string[] {
  if (!counters) return []
  return [
    single(
      'patroneos_store_up',
      'gauge',
      'With a store that filters share: 0 where it is away and a process counts limits and bans for itself',
      counters.away === 0 ? 1 : 0,
    ),
    family(
      'patroneos_store_asked_total',
      'counter',
      'Questions to the shared store by what came of them, a late answer being an answer as well; unasked are those that a process answered by its own counts, since the store was away',
      (['answered', 'late', 'errors', 'unasked'] as const).map((result) => ({
        labels: { result },
        value: counters[result],
      })),
    ),
    single(
      'patroneos_store_dropped_total',
      'counter',
      'Counts that the shared store was never told, since too many waited for it',
      counters.dropped,
    ),
  ]
}
