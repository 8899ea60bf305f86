// The filter on Deno Deploy: configured by its environment only, with bans in Deno KV, and without a config listener.
import { edgeConfigSchema } from '../../shared/config/filter.ts'
import { formatConfigIssue, parseConfig } from '../../shared/config/parse.ts'
import { createLogger } from '../../shared/logger.ts'
import { importSecrets } from '../../shared/report-message.ts'
import { createFilter } from '../app.ts'
import { banPolicyOf, createBans } from '../bans/bans.ts'
import { type DenoKv, denoKvBanDriver } from '../bans/drivers/deno-kv.ts'
import { memoryBanDriver } from '../bans/drivers/memory.ts'
import { Looks } from '../nodes/look.ts'
import { Nodes } from '../nodes/nodes.ts'
import { createReporter } from '../report.ts'
import { createWebPlatform } from './web-platform.ts'

declare const Deno: {
  env: { get(name: string): string | undefined }
  openKv(path?: string): Promise<DenoKv>
  serve(
    handler: (request: Request, info: { remoteAddr: { hostname: string } }) => Response | Promise<Response>,
  ): unknown
}

/** Milliseconds between looks at the list of bans. */
const REFRESH_INTERVAL = 10_000

const parsed = parseConfig(edgeConfigSchema, JSON.parse(Deno.env.get('PATRONEOS_CONFIG') ?? '{}'))
if ('issues' in parsed)
  throw new Error(`PATRONEOS_CONFIG: ${parsed.issues.map(formatConfigIssue).join('; ')}`)
const { config } = parsed
const secret = Deno.env.get('PATRONEOS_RELAY_SECRET')

const write = (line: string) => console.log(line.trimEnd())
const logger = createLogger({ readable: false, write })
const now = Date.now
const policy = banPolicyOf(config)
// Deno Deploy has one database for each app; elsewhere a file can be named.
const kv = policy && (await Deno.openKv(Deno.env.get('PATRONEOS_KV')))
const bans = createBans(kv ? denoKvBanDriver(kv) : memoryBanDriver(now), policy, { logger, now })
const nodes = new Nodes({ logger })
const platform = createWebPlatform(() => config, { sharesAnswers: true })
const looks = new Looks({ nodes, config: () => config, ask: platform.ask })
const { app } = createFilter({
  config: () => config,
  platform,
  nodes,
  reporter: createReporter({
    secrets: secret ? await importSecrets(secret) : [],
    logger,
    send: fetch,
    now,
  }),
  bans,
  writeAccess: write,
  logger,
})

await bans.refresh()
let refreshAt = now() + REFRESH_INTERVAL
Deno.serve((request, { remoteAddr }) => {
  // Nothing is sure to run between requests.
  void looks.ifDue()
  if (kv && now() >= refreshAt) {
    refreshAt = now() + REFRESH_INTERVAL
    void bans.refresh()
  }
  return app.fetch(request, { peer: remoteAddr.hostname })
})
