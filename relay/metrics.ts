// All that the relay's config listener tells Prometheus.
import { buildFamily } from '../shared/build-info.ts'
import type { RelayConfig } from '../shared/config/relay.ts'
import { createConfigRecord } from '../shared/config-record.ts'
import { countProcess, processFamilies } from '../shared/program/process-counts.ts'
import type { Program } from '../shared/program/program.ts'
import { haproxyFamilies } from './haproxy-metrics.ts'

/** `intake` are the families of the relay itself. */
export function relayMetrics(
  { store, onConfigChange }: Pick<Program<RelayConfig>, 'store' | 'onConfigChange'>,
  intake: () => string,
): () => Promise<string> {
  const processCounts = countProcess()
  const record = createConfigRecord(store, Date.now)
  onConfigChange(record.changed)
  return async () =>
    [
      intake(),
      ...(await haproxyFamilies(store.current())),
      ...(await record.families()),
      ...processFamilies(processCounts()),
      buildFamily(),
    ].join('')
}
