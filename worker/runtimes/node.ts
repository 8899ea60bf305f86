// The filter as a program on Node.
import { request } from 'undici'
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
import { prometheusText } from '../metrics.ts'
import { createReporter } from '../report.ts'
import { createNodePlatform, nodeosOrigin } from './node-platform.ts'
import { createFilterServer } from './node-server.ts'

/** Milliseconds that requests under way, and then reports, have at the end. */
const DRAIN_TIME = 10_000

/** Milliseconds between looks at a nodeos that did not answer at start. */
const PROBE_INTERVAL = 3_000

async function start({
  logger,
  store,
  onConfigChange,
  token,
  secrets,
}: Program<FilterConfig>): Promise<void> {
  const platform = createNodePlatform(store.current)
  const reporter = createReporter({ secrets, logger, send: fetch, now: Date.now })
  const { app, verdicts } = createFilter({ config: store.current, platform, reporter, logger })
  const filter = createFilterServer(app, store.current())
  const configApi = createConfigApi({
    schema: filterConfigSchema,
    store,
    token,
    metrics: () => prometheusText(verdicts, reporter),
  })
  const configServer = createAppServer(configApi.fetch)

  const { listenIP, listenPort, configListenIP, configListenPort } = store.current()
  const configAddress = await listen(configServer, 'configListenPort', configListenIP, configListenPort)
  const address = await listen(filter.server, 'listenPort', listenIP, listenPort).catch((error) => {
    configServer.close()
    throw error
  })
  logger.info(
    `patroneos ${version} filter: listening on ${address}, config on ${configAddress}, forwarding to ${nodeosOrigin(store.current())}`,
  )
  if (store.current().mode === 'monitor')
    logger.warn('mode is "monitor": nothing is rejected and nothing is reported')
  onConfigChange((config) => filter.configure(config))
  const stopProbing = probe(store.current, logger)

  onStopSignal(logger, async () => {
    stopProbing()
    await Promise.all([closeServer(filter.server, DRAIN_TIME), closeServer(configServer, 1_000)])
    await reporter.drain(DRAIN_TIME)
    await platform.close()
  })
}

/** Says whether nodeos answers: at start, and if it does not, until it does. */
function probe(config: () => FilterConfig, logger: Logger): () => void {
  let stopped = false
  let silent = false
  const look = async () => {
    const origin = nodeosOrigin(config())
    try {
      const { statusCode, body } = await request(`${origin}/v1/chain/get_info`, { headersTimeout: 3_000 })
      await body.dump()
      if (silent || statusCode !== 200) logger.info(`nodeos at ${origin} answers get_info with ${statusCode}`)
    } catch (error) {
      const reason = (error as Error).message || (error as NodeJS.ErrnoException).code
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

await runProgram(
  {
    name: 'filter',
    mode: 'filter',
    otherMode: 'start the relay with "npm run relay"',
    schema: filterConfigSchema,
  },
  start,
)
