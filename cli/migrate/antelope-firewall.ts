// The configuration of antelope-firewall, which is TOML. Its keys: default_config.toml and antelope-firewall-lib/src/config.rs
// of github.com/animuslabs/antelope-firewall.
import { isObject, type JsonObject } from '../../shared/json.ts'
import type { Migration } from './migration.ts'

const balances: Readonly<Record<string, string>> = {
  round_robin: 'round-robin',
  least_connections: 'least-requests',
  random: 'random',
}

const bucketKeys: Readonly<Record<string, string[]>> = {
  ip: ['ip'],
  contract: ['contract'],
  authorizer: ['authorizer'],
  // Its older files have authorizers as senders.
  sender: ['authorizer'],
  // It counts an address and a table together.
  table: ['ip', 'table'],
}

const selected: Readonly<Record<string, string>> = {
  contract: 'contracts',
  authorizer: 'authorizers',
  sender: 'authorizers',
  table: 'tables',
}

const known = [
  'routing_mode',
  'address',
  'prometheus_address',
  // Of its older files.
  'port',
  'prometheus_port',
  'healthcheck',
  'filter',
  'ratelimit',
  'push_nodes',
  'get_nodes',
]

export function isAntelopeFirewall(toml: JsonObject): boolean {
  return known.some((key) => key in toml)
}

export function migrateAntelopeFirewall(toml: JsonObject): Migration {
  const notes = Object.keys(toml)
    .filter((key) => !known.includes(key))
    .map((key) => `${key} is left out: nothing is known of it`)
  const config = {
    ...listenerOf(toml, notes),
    ...balanceOf(toml, notes),
    ...healthOf(toml, notes),
    ...filterOf(toml, notes),
    ...limitsOf(toml, notes),
    ...nodesOf(toml, notes),
  }
  notes.push(
    'all of /v1/chain, /v1/history and /v1/trace_api is served, but push_block; endpoints has the lists',
    'compressed transactions are judged as well, so that what passed unseen may be rejected',
  )
  return { config, notes }
}

const textsOf = (value: unknown) =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
const objectsOf = (value: unknown) => (Array.isArray(value) ? value.filter(isObject) : [])

function listenerOf(toml: JsonObject, notes: string[]) {
  const { address, prometheus_address: prometheus = toml.prometheus_port, port: portAlone } = toml
  if (prometheus !== undefined)
    notes.push(
      `${'prometheus_address' in toml ? 'prometheus_address' : 'prometheus_port'} ${String(prometheus)}: metrics are at http://127.0.0.1:9001/patroneos/metrics; configListenIP and configListenPort change that, off loopback with PATRONEOS_CONFIG_TOKEN`,
    )
  const [, host, port] = /^(.*):(\d+)$/.exec(String(address ?? '')) ?? []
  if (host === undefined) return portAlone === undefined ? {} : { listenPort: String(portAlone) }
  const ip = host.replace(/^\[|\]$/g, '')
  return { listenIP: ip === '0.0.0.0' || ip === '::' ? '' : ip, listenPort: port }
}

function balanceOf({ routing_mode: mode }: JsonObject, notes: string[]) {
  if (mode === undefined) return {}
  const balance = balances[String(mode)]
  if (balance !== undefined) return { balance }
  notes.push(`routing_mode ${String(mode)} is not known; balance stays at its default`)
  return {}
}

function healthOf({ healthcheck }: JsonObject, notes: string[]) {
  if (!isObject(healthcheck)) {
    notes.push(
      'there was no healthcheck: here nodes are always looked at, and out where their head block is old',
    )
    return {}
  }
  const { interval, grace_period: grace } = healthcheck
  return {
    ...(interval !== undefined && { healthInterval: interval }),
    // A head block is never younger than the time that it takes to hear of it.
    ...(grace !== undefined && { maxHeadAge: Math.max(1, Number(grace)) }),
  }
}

function filterOf({ filter }: JsonObject, notes: string[]) {
  if (!isObject(filter)) return {}
  const blocked = textsOf(filter.block_contracts)
  // Its older files have it as allow_only_accounts.
  const allowed = textsOf(filter.allow_only_contracts ?? filter.allow_only_accounts)
  const addresses = textsOf(filter.block_ips)
  if (addresses.length > 0)
    notes.push('block_ips is ipBlockList, which takes whole networks, files and URLs too')
  const listed = (names: string[]) => Object.fromEntries(names.map((name) => [name, true]))
  return {
    ...(blocked.length > 0 && { contractBlackList: listed(blocked) }),
    ...(allowed.length > 0 && { contractAllowList: listed(allowed) }),
    ...(addresses.length > 0 && {
      ipBlockList: addresses.map((address) =>
        address.includes('/') ? address : `${address}/${address.includes(':') ? 128 : 32}`,
      ),
    }),
  }
}

function limitsOf({ ratelimit }: JsonObject, notes: string[]) {
  const limits = objectsOf(ratelimit).flatMap((limit) => {
    const { name, limit_on: on, bucket_type: bucket, limit: most, window_duration: window } = limit
    const key = bucketKeys[String(bucket)]
    if (!key) {
      notes.push(`ratelimit ${String(name)} is left out: its bucket_type ${String(bucket)} is not known`)
      return []
    }
    if (on === 'failure')
      notes.push(
        `ratelimit ${String(name)}: a failure is a transaction that fails because of its sender, not every status of an error`,
      )
    return [{ name, key, on, limit: most, window, ...whereOf(limit, String(bucket), notes) }]
  })
  return limits.length > 0 ? { rateLimits: limits } : {}
}

function whereOf(limit: JsonObject, bucket: string, notes: string[]) {
  // Its older files have tables as pairs.
  const pairs = Array.isArray(limit.tables) ? limit.tables.map((pair) => textsOf(pair).join('::')) : []
  const names = [...pairs, ...textsOf(limit.select_accounts)]
  const usable = bucket === 'table' ? names.filter((name) => name.includes('::')) : names
  const dropped = names.filter((name) => !usable.includes(name))
  if (dropped.length > 0)
    notes.push(
      `ratelimit ${String(limit.name)}: ${dropped.join(', ')} is no table (contract::table) and is left out`,
    )
  const list = selected[bucket]
  return list !== undefined && usable.length > 0 ? { where: { [list]: usable } } : {}
}

interface MigratedNode {
  name: string
  url: string
  weight?: unknown
  serves: string[]
}

function nodesOf({ push_nodes: push, get_nodes: get }: JsonObject, notes: string[]) {
  const nodes = new Map<string, MigratedNode>()
  const names = new Set<string>()
  const add = (serves: string) => (node: JsonObject) => {
    // Its older files have it as routing_weight.
    const { name = 'node', url = '', weight = node.routing_weight } = node
    const origin = originOf(String(url), notes)
    const before = nodes.get(origin)
    if (before) {
      before.serves.push(serves)
      return
    }
    nodes.set(origin, {
      name: unusedName(String(name), names),
      url: origin,
      ...(weight !== undefined && { weight }),
      serves: [serves],
    })
  }
  objectsOf(push).forEach(add('push'))
  objectsOf(get).forEach(add('read'))
  return nodes.size > 0 ? { nodes: [...nodes.values()] } : {}
}

function originOf(url: string, notes: string[]): string {
  if (!URL.canParse(url)) return url
  const { origin, pathname } = new URL(url)
  if (pathname !== '/') notes.push(`node ${url}: a node has no path of its own; ${pathname} is left out`)
  return origin
}

/** Two of its nodes may have one name. */
function unusedName(name: string, names: Set<string>): string {
  const plain = name.replace(/[^\w.-]/g, '-').slice(0, 60) || 'node'
  let unused = plain
  for (let count = 2; names.has(unused); count++) unused = `${plain}-${count}`
  names.add(unused)
  return unused
}
