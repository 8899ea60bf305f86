// Which configuration is in force and since when, for metrics: so that a change can be seen beside what followed from it,
// and filters that should have the same can be compared.
import { etagOf } from './config-api.ts'
import type { ConfigStore } from './config-store.ts'
import { single } from './prometheus.ts'

export interface ConfigRecord {
  /** Another configuration is in force. */
  changed(): void
  families(): Promise<string[]>
}

/** `now` is Unix time in milliseconds. */
export function createConfigRecord<C extends object>(
  { current }: Pick<ConfigStore<C>, 'current'>,
  now: () => number,
): ConfigRecord {
  let changes = 0
  let since = now()
  return {
    changed: () => {
      changes++
      since = now()
    },
    families: async () => [
      single(
        'patroneos_config_hash',
        'gauge',
        'The first 12 digits of the ETag of the configuration in force, as a number',
        Number.parseInt((await etagOf(current())).slice(1, 13), 16),
      ),
      single(
        'patroneos_config_last_change_timestamp_seconds',
        'gauge',
        'Unix time since when the configuration is in force',
        since / 1000,
      ),
      single(
        'patroneos_config_changes_total',
        'counter',
        'Changes of the configuration since the start',
        changes,
      ),
    ],
  }
}
