// What the package offers to programs: the filter to be mounted in somebody's own app, and what it is made of. Runs
// wherever there are Request and fetch; patroneos/node has what needs sockets.
export type { Address } from '../../shared/address.ts'
export { type FilterConfig, filterConfigSchema } from '../../shared/config/filter.ts'
export { configJsonSchema } from '../../shared/config/json-schema.ts'
export { filterWarnings } from '../../shared/config/mistakes.ts'
export {
  type ConfigIssue,
  type ConfigSchema,
  formatConfigIssue,
  type ParsedConfig,
  parseConfig,
} from '../../shared/config/parse.ts'
export { type RelayConfig, relayConfigSchema } from '../../shared/config/relay.ts'
export { createLogger, type Logger, type LogOutput } from '../../shared/logger.ts'
export { importSecrets, type RelaySecret } from '../../shared/report-message.ts'
export {
  type ReportCode,
  type StrikeClass,
  strikeClassOf,
  type Violation,
  type ViolationCode,
  violations,
} from '../../shared/violations.ts'
export { createFilter, type Filter, type FilterParts } from '../app.ts'
export { type Ban, type BanDriver, type Bans, banPolicyOf, createBans } from '../bans/bans.ts'
export { memoryBanDriver } from '../bans/drivers/memory.ts'
export { createJudge, type Judge, type JudgedHead, type Verdict } from '../judge.ts'
export { metricsOf, prometheusText } from '../metrics.ts'
export { Looks } from '../nodes/look.ts'
export { Nodes } from '../nodes/nodes.ts'
export type { FilterRequest, HeaderPairs, Platform } from '../platform.ts'
export { createReporter, type Reporter } from '../report.ts'
export {
  type ReadableAction,
  type ReadableEnvelope,
  type ReadableTransaction,
  readEnvelope as decodeEnvelope,
  readTransaction as decodeTransaction,
} from '../transactions/readable.ts'
export { createWebPlatform, type RequestFacts, type WebPlatformOptions } from './web-platform.ts'
