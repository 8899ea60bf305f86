// The filter as a program, the same on Node, Bun and Deno: configuration, the filter's listener, the config
// listener beside it, a look at nodeos, and an orderly end. A runtime adds its platform and its listener.
import type { Hono } from 'hono'
import { type FilterConfig, filterConfigSchema } from '../../shared/config.ts'
import { createConfigApi } from '../../shared/config-api.ts'
import type { Logger } from '../../shared/logger.ts'
import {
  closeServer,
  createAppServer,
  listen,
  onStopSignal,
  type Program,
  runProgram,
  version,
} from '../../shared/node-program.ts'
import { createFilter } from '../app.ts'
import { banPolicyOf } from '../bans/ban-store.ts'
import { addBansApi } from '../bans/bans-api.ts'
import { createMemoryBans, type MemoryBans } from '../bans/memory.ts'
import { prometheusText } from '../metrics.ts'
import { nodeosOrigin } from '../nodeos-origin.ts'
import type { Platform } from '../platform.ts'
import { createReporter } from '../report.ts'

/** Milliseconds that requests under way, and then reports, have at the end. */
const DRAIN_TIME = 10_000

/** Milliseconds between looks at a nodeos that did not answer at start. */
const PROBE_INTERVAL = 3_000

/** The filter's listener. */
export interface FilterListener {
  /** Where it listens, as text. */
  address: string
  /** Puts changed limits in force. */
  configure(config: FilterConfig): void
  /** Takes no more connections; resolves when requests under way are done, or are cut off after `milliseconds`. */
  close(milliseconds: number): Promise<void>
}

/** What a runtime adds to the program. */
export interface FilterRuntime {
  platform: Platform
  listen(app: Hono, config: FilterConfig, bans: MemoryBans): Promise<FilterListener>
  /** Resolves when what is under way to nodeos is done. */
  close(): Promise<void>
}

/** Runs the filter until it is told to stop. */
export function runFilter(createRuntime: (config: () => FilterConfig) => FilterRuntime): Promise<void> {
  return runProgram(
    {
      name: 'filter',
      mode: 'filter',
      otherMode: 'start the relay with "npm run relay"',
      schema: filterConfigSchema,
    },
    (program) => start(program, createRuntime(program.store.current)),
  )
}

async function start(
  { logger, store, onConfigChange, token, secrets }: Program<FilterConfig>,
  runtime: FilterRuntime,
): Promise<void> {
  const reporter = createReporter({ secrets, logger, send: fetch, now: Date.now })
  const bans = createMemoryBans(banPolicyOf(store.current()), Date.now)
  const { app, verdicts, reads } = createFilter({
    config: store.current,
    platform: runtime.platform,
    reporter,
    bans,
    logger,
  })
  const configApi = createConfigApi({
    schema: filterConfigSchema,
    store,
    token,
    logger,
    metrics: () => prometheusText({ verdicts, reads, reporter, bans }),
  })
  addBansApi(configApi, bans)
  const configServer = createAppServer(configApi.fetch)

  const { configListenIP, configListenPort } = store.current()
  const configAddress = await listen(configServer, 'configListenPort', configListenIP, configListenPort)
  const listener = await runtime.listen(app, store.current(), bans).catch((error) => {
    configServer.close()
    throw error
  })
  logger.info(
    `patroneos ${version} filter: listening on ${listener.address}, config on ${configAddress}, forwarding to ${nodeosOrigin(store.current())}`,
  )
  if (store.current().mode === 'monitor')
    logger.warn('mode is "monitor": nothing is rejected and nothing is reported')
  onConfigChange((config) => {
    bans.configure(banPolicyOf(config))
    listener.configure(config)
  })
  const stopProbing = probe(store.current, logger)

  onStopSignal(logger, async () => {
    stopProbing()
    await Promise.all([listener.close(DRAIN_TIME), closeServer(configServer, 1_000)])
    await reporter.drain(DRAIN_TIME)
    await runtime.close()
  })
}

/** Says whether nodeos answers: at start, and if it does not, until it does. */
function probe(config: () => FilterConfig, logger: Logger): () => void {
  let stopped = false
  let silent = false
  const look = async () => {
    const origin = nodeosOrigin(config())
    try {
      const { status, body } = await fetch(`${origin}/v1/chain/get_info`, {
        redirect: 'manual',
        signal: AbortSignal.timeout(3_000),
      })
      await body?.cancel()
      if (silent || status !== 200) logger.info(`nodeos at ${origin} answers get_info with ${status}`)
    } catch (error) {
      const { message, cause } = error as Error
      const reason = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : message
      if (!silent)
        logger.warn(`nodeos at ${origin} does not answer yet (${reason}); answering 503 and trying on`)
      silent = true
      if (!stopped) setTimeout(look, PROBE_INTERVAL).unref()
    }
  }
  void look()
  return () => {
    stopped = true
  }
}
