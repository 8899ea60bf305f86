// The console of the filter: its screens, and what they look at.
import { type Console, createConsole } from '../../shared/console/console.ts'
import type { Logger } from '../../shared/logger.ts'
import { networkScreen } from './network.ts'
import { nowScreen } from './now.ts'
import { offendersScreen } from './offenders.ts'
import type { Watch } from './watch.ts'

export interface FilterConsoleParts {
  watch: Watch
  version: string
  token: string | undefined
  logger: Logger
}

export function createFilterConsole({ watch, version, token, logger }: FilterConsoleParts): Console {
  return createConsole({
    program: 'filter',
    version,
    token,
    logger,
    isOn: () => watch.config().console,
    screens: [nowScreen(watch), offendersScreen(watch), networkScreen(watch)],
  })
}
