// The filter as a program, the same on Node, Bun and Deno: configuration, listeners, the look at nodeos, and shutdown.

import { version } from '../../shared/build-info.ts'
import { type FilterConfig, filterConfigSchema } from '../../shared/config/filter.ts'
import { filterWarnings } from '../../shared/config/mistakes.ts'
import { type ConfigRoute, createConfigApi, metricsRoute } from '../../shared/config-api.ts'
import { createConfigRecord } from '../../shared/config-record.ts'
import { closeServer, createAppServer, listen } from '../../shared/program/listening.ts'
import { countProcess } from '../../shared/program/process-counts.ts'
import { type Program, runProgram } from '../../shared/program/program.ts'
import { onStopSignal } from '../../shared/program/stop-signal.ts'
import { openAccessLog } from '../access-log/output.ts'
import { createAddressLists } from '../addresses/lists.ts'
import { createListSources } from '../addresses/sources.ts'
import { createFilter } from '../app.ts'
import { type Bans, banPolicyOf, createBans } from '../bans/bans.ts'
import { bansRoutes, handBanRoute } from '../bans/bans-api.ts'
import { createFilterConsole } from '../console/filter-console.ts'
import { createWatch } from '../console/watch.ts'
import { checkRoutes } from '../dry-run/check-api.ts'
import type { Sockets } from '../http1/sockets.ts'
import { createInsight, type InsightAnswers } from '../insight.ts'
import type { Counted } from '../limits/rate-limits.ts'
import { SharedLimits } from '../limits/shared-limits.ts'
import { type Metrics, metricsOf, prometheusText } from '../metrics.ts'
import { Looks } from '../nodes/look.ts'
import { nodesOf } from '../nodes/node.ts'
import { Nodes } from '../nodes/nodes.ts'
import { nodesRoutes } from '../nodes/nodes-api.ts'
import { createReporter } from '../report.ts'
import type { SharedStore } from '../store/shared-store.ts'
import { topRoutes } from '../top/top-api.ts'
import { loadTracing } from '../tracing/load.ts'
import { banDriverOf, openStore, storeWarnings } from './shared-state.ts'
import { type FilterListener, listenOnSocket } from './socket-listener.ts'
import { createSocketPlatform } from './socket-platform.ts'

/** Milliseconds that requests under way, and then reports, have at the end. */
export const DRAIN_TIME = 10_000

/** Runs the filter until it is told to stop. */
export function runFilter(start: (program: Program<FilterConfig>) => Promise<void>): Promise<void> {
  return runProgram(
    {
      name: 'filter',
      mode: 'filter',
      otherMode: 'start the relay with "npm run relay"',
      schema: filterConfigSchema,
    },
    start,
  )
}

/** A filter that listens. */
export interface FilterService extends FilterListener {
  takeCounted(counted: readonly Counted[]): void
  /** Opens the access log's file again, as after a rotation. */
  reopenLogs(): void
  metrics(): Metrics
  insight: InsightAnswers
}

export interface ServiceParts extends Pick<Program<FilterConfig>, 'logger' | 'secrets'> {
  config(): FilterConfig
  bans: Bans
  nodes: Nodes
  sockets: Sockets
  /** With other filters. */
  shared: SharedStore | undefined
  /** Told all that rate limits count, for other processes of this filter. */
  tellCounted?(counted: Counted): void
}

/** Starts to serve. Its `close` lasts until what is under way is done and reported. */
export async function startService({
  config,
  bans,
  nodes,
  logger,
  secrets,
  sockets,
  shared,
  tellCounted,
}: ServiceParts): Promise<FilterService> {
  const { platform, traffic, close } = createSocketPlatform(config, sockets)
  const reporter = createReporter({ secrets, logger, send: fetch, now: Date.now })
  const addresses = createAddressLists()
  const sources = createListSources({ lists: addresses, logger, fetch })
  const accessLog = await openAccessLog(config().accessLog, logger, (text) => process.stdout.write(text))
  const tracing = await loadTracing(process.env, logger)
  const insight = createInsight(config)
  const sharedLimits = shared && new SharedLimits(shared)
  const filter = createFilter({
    writeAccess: accessLog.write,
    tracing,
    addresses,
    insight,
    config,
    platform,
    nodes,
    reporter,
    bans,
    logger,
    countedElsewhere: { tell: tellCounted, shared: sharedLimits },
  })
  const processCounts = countProcess()
  const answers: InsightAnswers = {
    ...insight,
    limits: async () => filter.fullestLimits(),
    relayErrors: async () => reporter.errors(),
  }
  const listener = await listenOnSocket(filter, config(), traffic, sockets)
  sources.configure(config())
  return {
    ...listener,
    configure: (next) => {
      listener.configure(next)
      sources.configure(next)
      accessLog.configure(next.accessLog)
    },
    reopenLogs: accessLog.reopen,
    insight: answers,
    takeCounted: filter.takeCounted,
    metrics: () =>
      metricsOf({
        ...filter,
        reporter,
        bans,
        nodes,
        listener: () => ({ connections: listener.connections(), lostLines: accessLog.lost() }),
        process: processCounts,
        store: shared?.counters,
      }),
    close: async (milliseconds) => {
      sources.close()
      await listener.close(milliseconds)
      await Promise.all([reporter.drain(milliseconds), sharedLimits?.close()])
      await close()
      await accessLog.close()
      await tracing?.close()
    },
  }
}

/** What the config listener shows and changes besides the configuration. */
export interface ConfigListenerParts {
  bans: Pick<Bans, 'list' | 'lift' | 'ban'>
  nodes: Nodes
  looks: LookAt
  metrics(): Promise<Metrics>
  insight: InsightAnswers
}

export interface ConfigListener {
  address: string
  /** Told why a worker ended that was to serve on. */
  workerEnded(end: string): void
  close(): Promise<void>
}

/** What the config listener has beside the configuration; `families` are metrics of the configuration itself. */
export function configRoutes(
  config: () => FilterConfig,
  { bans, nodes, looks, metrics, insight }: ConfigListenerParts,
  families: () => Promise<string[]>,
): ConfigRoute[] {
  return [
    metricsRoute(async () => {
      await looks.ifDue()
      return [prometheusText(await metrics(), nodes), ...(await families())].join('')
    }),
    ...bansRoutes(bans),
    handBanRoute(bans, config),
    ...checkRoutes({ config, bans, nodes }),
    ...topRoutes(insight),
    ...nodesRoutes(
      () => nodes.states,
      async () => {
        await looks.ifDue()
        return (await metrics()).nodes
      },
    ),
  ]
}

/** Opens the config listener, one for all processes. */
export async function openConfigListener(
  { store, token, logger, onConfigChange }: Program<FilterConfig>,
  parts: ConfigListenerParts,
): Promise<ConfigListener> {
  const record = createConfigRecord(store, Date.now)
  onConfigChange(record.changed)
  const watch = createWatch({ config: store.current, ...parts })
  const console = createFilterConsole({ watch, store, version, token, logger })
  const configApi = createConfigApi({
    schema: filterConfigSchema,
    store,
    token,
    signIn: console.signIn,
    logger,
    routes: [...console.routes, ...configRoutes(store.current, parts, record.families)],
    warnings: async (config) => [...filterWarnings(config), ...storeWarnings(config)],
  })
  const server = createAppServer(configApi.fetch)
  const { configListenIP, configListenPort } = store.current()
  const address = await listen(server, 'configListenPort', configListenIP, configListenPort)
  watch.start()
  onConfigChange(watch.configured)
  return {
    address,
    workerEnded: (end) => watch.history.mark('worker', `A worker ended: ${end}`),
    close: () => {
      watch.stop()
      return closeServer(server, 1_000)
    },
  }
}

/** Looks at the nodes with connections of their own: requests that take all others must not make a node look late. */
export function lookAt(nodes: Nodes, config: () => FilterConfig, sockets: Sockets) {
  const { platform, close } = createSocketPlatform(config, sockets, (origin, until) => {
    for (const state of nodes.states) if (state.node.origin === origin) state.certificateUntil = until
  })
  const looks = new Looks({ nodes, config, ask: platform.ask })
  return {
    soon: (name: string) => void looks.soon(name),
    ifDue: () => looks.ifDue(),
    /** Looks at once, and from then on by the configuration in force. */
    start: () => {
      platform.keepNodes?.(nodesOf(config()))
      looks.start()
    },
    stop: async () => {
      looks.stop()
      await close()
    },
  }
}

export type LookAt = ReturnType<typeof lookAt>

/** Says that the filter serves, and follows the nodes and the configuration until `stop`, on a signal. */
export function announce(
  { logger, store, onConfigChange }: Program<FilterConfig>,
  addresses: { listener: string; config: string },
  looks: LookAt,
  stop: () => Promise<void>,
): void {
  const { listener, config } = addresses
  const origins = nodesOf(store.current()).map(({ origin }) => origin)
  logger.info(
    `patroneos ${version} filter: listening on ${listener}, config on ${config}, forwarding to ${origins.join(', ')}`,
  )
  if (store.current().mode === 'monitor')
    logger.warn('mode is "monitor": nothing is rejected and nothing is reported')
  const warn = (current: FilterConfig) => {
    for (const warning of filterWarnings(current)) logger.warn(warning)
  }
  warn(store.current())
  looks.start()
  onConfigChange((next) => {
    warn(next)
    looks.start()
  })
  onStopSignal(logger, async () => {
    await Promise.all([stop(), looks.stop()])
  })
}

/** That of a service which is started after the config listener is open. */
const laterInsight = (insight: () => InsightAnswers): InsightAnswers => ({
  top: (window) => insight().top(window),
  verdicts: (network) => insight().verdicts(network),
  trial: (next) => insight().trial(next),
  limits: () => insight().limits(),
  time: () => insight().time(),
  relayErrors: () => insight().relayErrors(),
})

/** The filter in one process. */
export async function startAlone(program: Program<FilterConfig>, sockets: Sockets): Promise<void> {
  const { store, onConfigChange, logger } = program
  const { now } = Date
  const shared = await openStore(store.current(), logger)
  const driver = banDriverOf(shared)
  const bans = createBans(driver, banPolicyOf(store.current()), { logger, now })
  const nodes: Nodes = new Nodes({ logger, onFailure: (name) => looks.soon(name) })
  const looks = lookAt(nodes, store.current, sockets)
  let service: FilterService | undefined
  const config = await openConfigListener(program, {
    bans,
    nodes,
    looks,
    metrics: async () => service!.metrics(),
    insight: laterInsight(() => service!.insight),
  })
  const parts = { ...program, config: store.current, bans, nodes, sockets, shared }
  service = await startService(parts).catch((error) => {
    void config.close()
    driver.close?.()
    shared?.close()
    throw error
  })
  onConfigChange((next) => {
    bans.configure(banPolicyOf(next))
    service.configure(next)
  })
  process.on('SIGHUP', () => {
    service.reopenLogs()
    logger.info('SIGHUP: opening the access log again')
  })
  announce(program, { listener: service.address, config: config.address }, looks, async () => {
    await Promise.all([service.close(DRAIN_TIME), config.close()])
    driver.close?.()
    shared?.close()
  })
}
