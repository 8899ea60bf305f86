// The filter within a Hono app of one's own: its own routes first, all else is judged and forwarded to nodeos.
//   npm install patroneos hono @hono/node-server && node mount.ts
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import {
  banPolicyOf,
  createBans,
  createFilter,
  createLogger,
  createReporter,
  createWebPlatform,
  filterConfigSchema,
  formatConfigIssue,
  Looks,
  memoryBanDriver,
  Nodes,
  parseConfig,
} from 'patroneos'

const parsed = parseConfig(filterConfigSchema, JSON.parse(process.env.PATRONEOS_CONFIG ?? '{}'))
if ('issues' in parsed) throw new Error(parsed.issues.map(formatConfigIssue).join('; '))
const config = () => parsed.config

const logger = createLogger({ readable: true, write: (line) => process.stderr.write(line) })
const now = Date.now
const platform = createWebPlatform(config, { sharesAnswers: true })
const nodes = new Nodes({ logger })
const filter = createFilter({
  config,
  platform,
  nodes,
  reporter: createReporter({ secrets: [], logger, send: fetch, now }),
  bans: createBans(memoryBanDriver(now), banPolicyOf(parsed.config), { logger, now }),
  logger,
})
// Looks at the nodes at once, and every healthInterval seconds from then on.
new Looks({ nodes, config, ask: platform.ask }).start()

const app = new Hono()
app.get('/status', (c) => c.json({ rejected: Object.fromEntries(filter.verdicts.counts()) }))
app.all('*', (c) => filter.app.fetch(c.req.raw, { peer: getConnInfo(c).remote.address ?? '' }))

const port = Number(process.env.PORT ?? 3000)
serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (info) => console.log(`listening on ${info.port}`))
