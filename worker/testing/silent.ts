// What a filter needs beside its rules, where nobody is told anything and nobody is banned. Without vitest, so that
// programs can use it.
import { createLogger } from '../../shared/logger.ts'
import { createMemoryBans } from '../bans/memory.ts'
import type { Reporter } from '../report.ts'

export const silentReporter: Reporter = {
  report: () => {},
  setRelays: () => {},
  idle: async () => {},
  drain: async () => {},
  counters: () => ({}),
}

/** Options of createFilter. */
export const silent = () => ({
  reporter: silentReporter,
  bans: createMemoryBans(null, Date.now),
  logger: createLogger({ readable: false, write: () => {} }),
})
