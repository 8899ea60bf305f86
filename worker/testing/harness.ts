// The filter as tests run it: the real app on the real listener and platform, on free loopback ports,
// with its reports and log lines kept instead of sent. Everything ends with the test that started it.
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { onTestFinished } from 'vitest'
import { type FilterConfig, filterConfigSchema } from '../../shared/config/filter.ts'
import { parseConfig } from '../../shared/config/parse.ts'
import { createLogger } from '../../shared/logger.ts'
import type { ReportCode } from '../../shared/violations.ts'
import { createFilter, type Filter } from '../app.ts'
import { type Bans, banPolicyOf, createBans } from '../bans/bans.ts'
import { nodeSockets } from '../http1/sockets.ts'
import { createInsight, type InsightAnswers } from '../insight.ts'
import { SharedLimits } from '../limits/shared-limits.ts'
import { Looks } from '../nodes/look.ts'
import { Nodes } from '../nodes/nodes.ts'
import { banDriverOf } from '../runtimes/shared-state.ts'
import { listenOnSocket } from '../runtimes/socket-listener.ts'
import { createSocketPlatform } from '../runtimes/socket-platform.ts'
import type { SocketRequest } from '../runtimes/socket-request.ts'
import type { SharedStore } from '../store/shared-store.ts'
import { type NodeosStandIn, type Respond, startNodeos } from './nodeos-stand-in.ts'
import { silentReporter } from './silent.ts'

/** A configuration with these keys, and the defaults. */
export function filterConfig(settings: object = {}): FilterConfig {
  const parsed = parseConfig(filterConfigSchema, settings)
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues))
  return parsed.config
}

/** A stand-in that ends with the test. */
export async function nodeosForTest(respond?: Respond): Promise<NodeosStandIn> {
  const nodeos = await startNodeos(respond)
  onTestFinished(() => nodeos.close())
  return nodeos
}

export interface RunningFilter
  extends Pick<Filter<SocketRequest>, 'verdicts' | 'reads' | 'repeats' | 'traffic'> {
  url: string
  port: number
  /** What relays would be told, in order. */
  reports: { host: string; code: ReportCode }[]
  bans: Bans
  nodes: Nodes
  insight: InsightAnswers
  /** Looks at all nodes once. */
  look(): Promise<void>
  /** JSON lines. */
  log: string[]
  /** Lines of the access log. */
  accesses: string[]
  /** Puts another configuration in force, as the config API does. */
  configure(settings: object): void
}

/** A filter in front of a nodeos, with these configuration keys; it shares its limits and bans in a store. */
export async function startFilter(
  nodeos: Pick<NodeosStandIn, 'port'>,
  settings: object = {},
  store?: SharedStore,
): Promise<RunningFilter> {
  const upstream = {
    nodeosUrl: '127.0.0.1',
    nodeosPort: nodeos.port,
    // Tests look at what reaches nodeos.
    cache: { paths: {} },
    repeats: 0,
  }
  let config = filterConfig({ ...upstream, ...settings })
  const reports: RunningFilter['reports'] = []
  const log: string[] = []
  const accesses: string[] = []
  const { platform, traffic, close } = createSocketPlatform(() => config, nodeSockets)
  const logger = createLogger({ readable: false, write: (line) => log.push(line) })
  const { now } = Date
  const driver = banDriverOf(store)
  const bans = createBans(driver, banPolicyOf(config), { logger, now })
  const sharedLimits = store && new SharedLimits(store)
  const nodes = new Nodes({ logger })
  const noted = createInsight(() => config)
  const filter = createFilter({
    config: () => config,
    platform,
    nodes,
    reporter: { ...silentReporter, report: (host, code) => reports.push({ host, code }) },
    bans,
    writeAccess: (line) => accesses.push(line),
    countedElsewhere: { shared: sharedLimits },
    logger,
    insight: noted,
  })
  const listener = await listenOnSocket(
    filter,
    { ...config, listenIP: '127.0.0.1', listenPort: 0 },
    traffic,
    nodeSockets,
  )
  onTestFinished(async () => {
    await listener.close(0)
    await close()
    await sharedLimits?.close()
    driver.close?.()
  })
  return {
    url: `http://${listener.address}`,
    port: Number(listener.address.split(':')[1]),
    reports,
    log,
    accesses,
    verdicts: filter.verdicts,
    reads: filter.reads,
    repeats: filter.repeats,
    traffic: filter.traffic,
    bans,
    nodes,
    insight: { ...noted, limits: async () => filter.fullestLimits(), relayErrors: async () => ({}) },
    look: () => new Looks({ nodes, config: () => config, ask: platform.ask }).round(),
    configure: (next) => {
      config = filterConfig({ ...upstream, ...next })
      bans.configure(banPolicyOf(config))
      listener.configure(config)
    },
  }
}

/** A nodeos and a filter in front of it. */
export async function startBoth(settings: object = {}, respond?: Respond) {
  const nodeos = await nodeosForTest(respond)
  return { nodeos, filter: await startFilter(nodeos, settings) }
}

export interface Ask {
  method?: string
  target?: string
  /** Names and values in turn, so that one name may come in several lines. */
  headers?: string[]
  body?: string | Uint8Array
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** Sends one request exactly as given, over its own connection; with Content-Length unless it is chunked. */
export async function ask(port: number, { method, target, headers = [], body }: Ask): Promise<Answer> {
  const length = body === undefined || headers.includes('chunked') ? [] : [Buffer.byteLength(body)]
  const outgoing = httpRequest({
    host: '127.0.0.1',
    port,
    agent: false,
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    path: target ?? '/v1/chain/get_info',
    headers: [
      'host',
      `127.0.0.1:${port}`,
      ...headers,
      ...length.flatMap((bytes) => ['content-length', String(bytes)]),
    ],
  })
  outgoing.end(body)
  const [incoming] = await once(outgoing, 'response')
  // A reset is the request's error as well as the response's.
  outgoing.on('error', () => {})
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return {
    status: incoming.statusCode,
    headers: incoming.headers,
    text: Buffer.concat(chunks).toString(),
  }
}
