// What a filter needs beside its rules, where nobody is told anything and nobody is banned. Without vitest, so that
// programs can use it.
import { createLogger } from '../../shared/logger.ts'
import { createBans } from '../bans/bans.ts'
import { memoryBanDriver } from '../bans/drivers/memory.ts'
import { Nodes } from '../nodes/nodes.ts'
import type { Reporter } from '../report.ts'

export const silentReporter: Reporter = {
  report: () => {},
  setRelays: () => {},
  idle: async () => {},
  drain: async () => {},
  counters: () => ({}),
  errors: () => ({}),
}

export const silentLogger = createLogger({ readable: false, write: () => {} })

/** Options of createFilter. */
export const silent = () => ({
  reporter: silentReporter,
  bans: createBans(memoryBanDriver(Date.now), null, { logger: silentLogger, now: Date.now }),
  nodes: new Nodes({ logger: silentLogger }),
  logger: silentLogger,
})
