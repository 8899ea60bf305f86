// The shared store in the text that Prometheus reads.
import { family } from '../../shared/prometheus.ts'
import type { StoreCounters } from './shared-store.ts'

export function storeFamilies(counters: StoreCounters | undefined): string[] {
  if (!counters) return []
  return [
    family(
      'patroneos_store_away',
      'gauge',
      'Processes that count limits and bans for themselves, since the shared store is away',
      [{ labels: {}, value: counters.away }],
    ),
    family(
      'patroneos_store_asked_total',
      'counter',
      'Questions to the shared store by what came of them; a late answer is an answer as well',
      (['answered', 'late', 'errors'] as const).map((result) => ({
        labels: { result },
        value: counters[result],
      })),
    ),
    family(
      'patroneos_store_dropped_total',
      'counter',
      'Counts that the shared store was never told, since too many waited for it',
      [{ labels: {}, value: counters.dropped }],
    ),
  ]
}
