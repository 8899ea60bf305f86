// The console of the filter: its screens, and what they look at.

import { type FilterConfig, filterConfigSchema } from '../../shared/config/filter.ts'
import { filterWarnings } from '../../shared/config/mistakes.ts'
import type { ConfigStore } from '../../shared/config-store.ts'
import { type Console, createConsole } from '../../shared/console/console.ts'
import type { Logger } from '../../shared/logger.ts'
import { limitsScreen } from './limits.ts'
import { networkScreen } from './network.ts'
import { nodesScreen } from './nodes.ts'
import { nowScreen } from './now.ts'
import { offendersScreen } from './offenders.ts'
import { relaysScreen } from './relays.ts'
import { trialShown } from './trial.ts'
import type { Watch } from './watch.ts'

export interface FilterConsoleParts {
  watch: Watch
  store: ConfigStore<FilterConfig>
  version: string
  token: string | undefined
  logger: Logger
}

export function createFilterConsole({ watch, store, version, token, logger }: FilterConsoleParts): Console {
  return createConsole({
    program: 'filter',
    version,
    logger,
    configuration: {
      schema: filterConfigSchema,
      store,
      token,
      changes: watch.changes,
      warnings: filterWarnings,
      tryOut: async (next) => trialShown(await watch.insight.trial(next)),
    },
    screens: [
      nowScreen(watch),
      offendersScreen(watch),
      networkScreen(watch),
      nodesScreen(watch),
      relaysScreen(watch),
      limitsScreen(watch),
    ],
  })
}
