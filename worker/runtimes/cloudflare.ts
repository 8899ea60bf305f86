// The filter as a Cloudflare Worker. Cloudflare names the client. A request needs only the isolate's memory; configuration
// and bans are read after responses.
import type { FilterConfig } from '../../shared/config/filter.ts'
import { edgeConfigSchema } from '../../shared/config/filter.ts'
import { createConfigApi, metricsRoute } from '../../shared/config-api.ts'
import { createLogger } from '../../shared/logger.ts'
import { importSecrets } from '../../shared/report-message.ts'
import { createFilter } from '../app.ts'
import { banPolicyOf, createBans } from '../bans/bans.ts'
import { bansRoutes } from '../bans/bans-api.ts'
import { type BanBindings, cloudflareBanDriver } from '../bans/drivers/cloudflare.ts'
import type { LimitCounter } from '../limits/edge-counter.ts'
import { EdgeLimits } from '../limits/edge-limits.ts'
import { metricsOf, prometheusText } from '../metrics.ts'
import { Looks } from '../nodes/look.ts'
import { Nodes } from '../nodes/nodes.ts'
import { nodeMetricsOf, nodesRoutes } from '../nodes/nodes-api.ts'
import { createEdgeReporter } from '../report-edge.ts'
import { baseConfig, kvConfigStore } from './cloudflare-config.ts'
import { createWebPlatform } from './web-platform.ts'

export { BanCounter, BanList } from '../bans/drivers/cloudflare-objects.ts'
export { LimitCounter } from '../limits/edge-counter.ts'

interface Env extends BanBindings {
  PATRONEOS_CONFIG?: string
  PATRONEOS_CONFIG_TOKEN?: string
  PATRONEOS_RELAY_SECRET?: string
  /** The first line, where it is bound: requests of one client at one of Cloudflare's locations. */
  RATE_LIMIT?: RateLimit
  /** Counts for rateLimits; where it is not bound, each isolate counts for itself. */
  LIMIT_COUNTERS?: DurableObjectNamespace<LimitCounter>
}

/** Milliseconds after which configuration and bans are read anew. */
const REFRESH_INTERVAL = 10_000

/** Milliseconds that the first request of an isolate waits for them. */
const FIRST_WAIT = 1_000

/** Paths of the config API, which has no listener of its own here. */
const configPath = /^https?:\/\/[^/?#]*\/patroneos\/(?:config|bans|metrics|nodes|openapi\.json)(?:[/?]|$)/

const write = (line: string) => console.log(line.trimEnd())
const logger = createLogger({ readable: false, write })

async function createEdgeFilter(env: Env) {
  const { PATRONEOS_CONFIG, PATRONEOS_CONFIG_TOKEN: token, PATRONEOS_RELAY_SECRET: secret } = env
  const { RATE_LIMIT, LIMIT_COUNTERS } = env
  const base = baseConfig(PATRONEOS_CONFIG)
  const bans = createBans(cloudflareBanDriver(env), banPolicyOf(base), { logger, now: Date.now })
  const onChange = (config: FilterConfig) => bans.configure(banPolicyOf(config))
  const store = kvConfigStore(env.KV, base, onChange, logger)
  const reporter = createEdgeReporter({
    secrets: secret ? await importSecrets(secret) : [],
    logger,
    // Called as a method, fetch would miss its global.
    send: (input, init) => fetch(input, init),
    now: Date.now,
  })
  const platform = createWebPlatform(store.current, { sharesAnswers: false })
  const nodes = new Nodes({ logger })
  const looks = new Looks({ nodes, config: store.current, ask: platform.ask })
  const limits = LIMIT_COUNTERS && new EdgeLimits(LIMIT_COUNTERS)
  const pipeline = createFilter({
    config: store.current,
    platform: RATE_LIMIT ? { ...platform, ...limitedBy(RATE_LIMIT) } : platform,
    nodes,
    reporter,
    bans,
    countedElsewhere: { shared: limits },
    writeAccess: write,
    logger,
  })
  const configApi = createConfigApi({
    schema: edgeConfigSchema,
    store,
    token,
    routes: [
      metricsRoute(() => prometheusText(metricsOf({ ...pipeline, reporter, bans, nodes }), nodes)),
      ...bansRoutes(bans),
      ...nodesRoutes(
        () => nodes.states,
        async () => nodeMetricsOf(nodes.states),
      ),
    ],
  })

  const refresh = async () => {
    await store.refresh()
    await bans.refresh()
  }
  let refreshAt = 0
  return {
    /** Reads configuration and bans where it is time: before the first request, behind later ones. */
    keepFresh: async (context: ExecutionContext) => {
      const now = Date.now()
      if (now < refreshAt) return
      const isFirst = refreshAt === 0
      if (!isFirst) refreshAt = now + REFRESH_INTERVAL
      const refreshed = refresh()
      if (!isFirst) return context.waitUntil(refreshed)
      context.waitUntil(refreshed)
      // A store that hangs is no reason to answer nobody: PATRONEOS_CONFIG holds until it is back.
      await Promise.race([refreshed, new Promise((resolve) => setTimeout(resolve, FIRST_WAIT))])
      refreshAt = Date.now() + REFRESH_INTERVAL
    },
    configApi: async (request: Request) => {
      // A change is made to what is in force now, not some seconds ago.
      await store.refresh()
      return configApi.fetch(request)
    },
    serve: (request: Request, context: ExecutionContext) => {
      if (reporter.isWaiting()) context.waitUntil(reporter.idle())
      const looking = looks.ifDue()
      if (looking) context.waitUntil(looking)
      const peer = request.headers.get('cf-connecting-ip') ?? '::'
      // What is known only when a request is over is told behind it.
      const waitUntil = (work: Promise<unknown>) =>
        context.waitUntil(limits ? work.finally(() => limits.tell()) : work)
      return pipeline.app.fetch(request, { peer, waitUntil })
    },
  }
}

/** Where the limit itself is in trouble, requests pass. */
function limitedBy(limit: RateLimit) {
  return {
    isOverRate: async (network: string) => {
      try {
        return !(await limit.limit({ key: network })).success
      } catch {
        return false
      }
    },
  }
}

let filter: Awaited<ReturnType<typeof createEdgeFilter>> | undefined

export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    try {
      if (!filter) {
        const created = await createEdgeFilter(env)
        // Requests that came together have each made one; all use the first.
        filter ??= created
      }
    } catch (error) {
      logger.error('the filter cannot start', { error: (error as Error).message })
      return Response.json({ message: 'NOT_CONFIGURED', code: 500 }, { status: 500 })
    }
    await filter.keepFresh(context)
    if (env.PATRONEOS_CONFIG_TOKEN && configPath.test(request.url)) return filter.configApi(request)
    return filter.serve(request, context)
  },
}
