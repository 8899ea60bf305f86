// The tables of docs/metrics.md, made of what filter and relay print, so that they cannot drift. `npm run reference`
// rewrites them; a test holds the file to them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRelay } from '../relay/app.ts'
import { relayMetrics } from '../relay/metrics.ts'
import { type FilterConfig, filterConfigSchema } from '../shared/config/filter.ts'
import { type ConfigSchema, parseConfig } from '../shared/config/parse.ts'
import { type RelayConfig, relayConfigSchema } from '../shared/config/relay.ts'
import { createConfigRecord } from '../shared/config-record.ts'
import { memoryConfigStore } from '../shared/config-store.ts'
import { createLogger } from '../shared/logger.ts'
import { countProcess } from '../shared/program/process-counts.ts'
import { CacheMeter } from '../worker/cache.ts'
import { Traffic } from '../worker/metrics/traffic.ts'
import { metricsOf, prometheusText } from '../worker/metrics.ts'
import { Nodes } from '../worker/nodes/nodes.ts'

const FILE = new URL('../docs/metrics.md', import.meta.url)

const silent = createLogger({ readable: false, write: () => {} })

function configOf<C>(schema: ConfigSchema<C>, settings: object): C {
  const parsed = parseConfig(schema, settings)
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues))
  return parsed.config
}

const storeOf = <C>(config: C) => memoryConfigStore(config, () => {}, 'an example')

/** What a filter prints that has something to tell of everything. */
export async function filterExample(): Promise<string> {
  const config = configOf<FilterConfig>(filterConfigSchema, {
    nodes: [{ name: 'api-1', url: 'https://api-1.example' }],
    fairness: {},
  })
  const nodes = new Nodes({ logger: silent })
  nodes.configure(config)
  for (const state of nodes.states) {
    state.certificateUntil = Date.now()
    state.health.info = { chainId: '', head: 1, headTime: Date.now(), irreversible: 1 }
  }
  const traffic = new Traffic()
  traffic.failed([3050003])
  const relay = { sent: 1, dropped: 0, refused: 0, queued: 0, oldest: 0 }
  const metrics = metricsOf({
    verdicts: {
      counts: () => new Map([['INVALID_JSON', 1]]),
      classes: () => ({ INVALID_JSON: { malformed: 1 } }),
    },
    reads: new CacheMeter(),
    repeats: { joined: 0, remembered: 1 },
    reporter: { counters: () => ({ 'http://relay.example/patroneos/fail2ban-relay': relay }) },
    bans: { counters: () => ({ inForce: 1, begun: { malformed: 1 }, errors: 0 }) },
    limitCounts: () => ({ failed: { rejected: 1, monitored: 0 } }),
    nodes,
    traffic,
    listener: () => ({ connections: 1, lostLines: 0 }),
    process: countProcess(),
    store: { away: 0, answered: 1, late: 0, errors: 0, unasked: 0, dropped: 0 },
  })
  const record = await createConfigRecord(storeOf(config), Date.now).families()
  return [prometheusText(metrics, nodes), ...record].join('')
}

/** The same of a relay beside a HAProxy. */
export async function relayExample(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'patroneos-metrics-'))
  const haproxySocket = join(directory, 'haproxy.sock')
  const haproxy = createServer((socket) => {
    socket.once('data', (command) => socket.end(haproxyAnswer(String(command).trim())))
  })
  await new Promise<void>((resolve) => haproxy.listen(haproxySocket, resolve))
  try {
    const store = storeOf(configOf<RelayConfig>(relayConfigSchema, { haproxySocket }))
    const log = { append: async () => {}, reopen: () => {}, close: async () => {} }
    const { metrics } = createRelay({
      config: store.current,
      secrets: [],
      log,
      logger: silent,
      now: Date.now,
    })
    return await relayMetrics({ store, onConfigChange: () => {} }, metrics)()
  } finally {
    haproxy.close()
    rmSync(directory, { recursive: true })
  }
}

/** As HAProxy 2.6 answers. */
function haproxyAnswer(command: string): string {
  if (command.startsWith('show stat'))
    return '# pxname,svname,scur,qcur,status,check_status,addr\nfilters,10.0.0.1-8081,3,0,UP,L7OK,10.0.0.1:8081\n'
  if (command === 'show ssl cert') return '# filename\n/certificate/haproxy.pem\n'
  return 'Filename: /certificate/haproxy.pem\nStatus: Used\nnotAfter: Nov 28 07:32:52 2027 GMT\n'
}

export interface Family {
  name: string
  type: string
  help: string
  labels: string[]
}

/** The families of an exposition, with the labels of their samples. */
export function familiesOf(text: string): Family[] {
  const families = new Map<string, Family>()
  const suffix = /_(?:bucket|sum|count)$/
  for (const line of text.split('\n')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (keyword === 'HELP') families.set(name, { name, type: '', help: rest, labels: [] })
    else if (keyword === 'TYPE') families.get(name)!.type = rest
    else {
      const [, sample = '', labels = ''] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? []
      const family = families.get(sample) ?? families.get(sample.replace(suffix, ''))
      const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!)
      if (family) family.labels = [...new Set([...family.labels, ...names])]
    }
  }
  return [...families.values()]
}

function tableOf(text: string): string {
  const rows = familiesOf(text).map(({ name, type, help, labels }) => {
    const shown = labels.filter((label) => label !== 'le').map((label) => `\`${label}\``)
    return `| \`${name}\` | ${type} | ${shown.join(', ')} | ${help} |`
  })
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

export const readMetricsPage = (): string => readFileSync(FILE, 'utf8')

/** The page with its tables made anew. */
export async function withMetricTables(page: string): Promise<string> {
  const tables = { filter: tableOf(await filterExample()), relay: tableOf(await relayExample()) }
  return Object.entries(tables).reduce((text, [name, table]) => {
    const [before, after] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
    const [start, end] = [text.indexOf(before) + before.length, text.indexOf(after)]
    if (end < start) throw new Error(`docs/metrics.md has no part between ${before.trim()} and ${after}`)
    return `${text.slice(0, start)}\n${table}\n${text.slice(end)}`
  }, page)
}

if (import.meta.main) writeFileSync(FILE, await withMetricTables(readMetricsPage()))
