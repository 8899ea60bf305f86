// The configuration of filter and relay: one schema each, with the default, the allowed values and the
// meaning of every key. The reference in the README and the answers of the config API are made from these.
import * as v from 'valibot'
import { parseAddress, parseCidr } from './address.ts'
import type { StrikeClass } from './violations.ts'

/** A key of the configuration: what is allowed, its default, and what it does in one line. */
function key<S extends v.GenericSchema, const D extends v.InferInput<S>>(
  schema: S,
  fallback: D,
  description: string,
) {
  return v.optional(v.pipe(schema, v.description(description)), fallback as v.InferInput<S>)
}

const text = (allowed: string, accepts: (value: string) => boolean) =>
  v.pipe(v.string(allowed), v.check(accepts, allowed))

const integer = (min: number, max: number, unit = '') => {
  const allowed = `a whole number from ${min} to ${max}${unit && ` (${unit})`}`
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(min, allowed), v.maxValue(max, allowed))
}

const flag = v.boolean('true or false')

const PORT = 'a port from 0 to 65535 (0: any free one), as number or string'
const port = v.pipe(
  v.union([v.string(PORT), v.number(PORT)], PORT),
  v.check((value) => /^\d{1,5}$/.test(String(value)) && Number(value) <= 65535, PORT),
)

const isHostName = (value: string) =>
  /^(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?$/i.test(value) && value.length < 254
const isAddress = (value: string) => parseAddress(value) !== undefined && !value.includes('%')
const unbracketed = (value: string) => value.replace(/^\[(.*)\]$/, '$1')

const listenAddress = text(
  'an IP address, "localhost", or "" for all addresses',
  (value) => value === '' || value === 'localhost' || isAddress(value),
)

const isHttpUrl = (value: string) => {
  if (!URL.canParse(value)) return false
  const url = new URL(value)
  return /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === ''
}
const httpUrl = text('a URL such as http://10.0.0.1:8080, without user name, query or fragment', isHttpUrl)

const cidr = text('a CIDR such as 10.0.0.0/8 or 2001:db8::/32', (value) => parseCidr(value) !== undefined)

const ENDPOINT = 'an exact path such as /v1/chain/get_info, or one ending in /*'
const endpoint = text(ENDPOINT, (value) => /^(?:\/[A-Za-z0-9_.-]+)*\/(?:\*|[A-Za-z0-9_.-]*)$/.test(value))

/** nodeos: libraries/chain/include/eosio/chain/name.hpp; twelve characters, a thirteenth of four bits. */
const isName = (value: string) => /^(?=.)[.1-5a-z]{0,12}[.1-5a-j]?$/.test(value) && !value.endsWith('.')
const NAME = 'an account name of 1 to 13 characters out of a-z, 1-5 and dots'
const accountName = text(NAME, isName)
const actionName = text('contract::action, each an account name', (value) => {
  const [contract = '', action = '', ...rest] = value.split('::')
  return rest.length === 0 && isName(contract) && isName(action)
})

const isMap = (input: unknown) => typeof input === 'object' && input !== null && !Array.isArray(input)

/**
 * An object used as a map, every key and value checked. Not v.record, which silently leaves out the key
 * `constructor`: an account may have that name.
 */
function map<T>(keys: v.GenericSchema<string>, value: v.GenericSchema<T>, allowed: string) {
  return v.pipe(
    v.custom<Record<string, T>>(isMap, allowed),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return
      for (const [name, entry] of Object.entries(dataset.value)) {
        const path = [
          { type: 'object', origin: 'value', input: dataset.value, key: name, value: entry },
        ] as const
        for (const issue of v.safeParse(keys, name).issues ?? [])
          addIssue({ input: name, expected: issue.message, message: issue.message, path: [...path] })
        for (const issue of v.safeParse(value, entry).issues ?? [])
          addIssue({ input: entry, expected: issue.message, message: issue.message, path: [...path] })
      }
    }),
  )
}

/** An object of known keys. Not v.strictObject alone, to which an empty array is one. */
const section = <const E extends v.ObjectEntries>(entries: E, allowed: string) =>
  v.pipe(
    v.custom<v.InferInput<v.StrictObjectSchema<E, string>>>(isMap, allowed),
    v.strictObject(entries, allowed),
  )

const LISTED = 'true (remove the entry, in a patch with null, to allow it)'
const listed = v.custom<true>((input) => input === true, LISTED)
const nameList = (keys: v.GenericSchema<string>, example: string) =>
  map(keys, listed, `an object such as {"${example}": true}`)

const headerName = text('an HTTP header name', (value) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value))
const headerValue = text('text without control characters', (value) =>
  /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
)

const list = <S extends v.GenericSchema>(item: S, allowed: string) => v.array(item, allowed)

/** Violations within findTime that bring a ban, by class; those that are common mistakes too are allowed more of. */
const retries = (fallback: number) => v.optional(integer(0, 100, 'violations; 0 is never'), fallback)
const maxRetry: Record<StrikeClass, ReturnType<typeof retries>> = {
  malformed: retries(3),
  signatures: retries(3),
  contracts: retries(3),
  size: retries(3),
  batch: retries(3),
  endpoints: retries(20),
  reads: retries(20),
  failed: retries(20),
}

const bans = v.strictObject(
  {
    findTime: v.optional(integer(1, 86_400, 'seconds'), 60),
    maxRetry: v.optional(
      v.strictObject(maxRetry, `an object with any of ${Object.keys(maxRetry).join(', ')}`),
      {},
    ),
    banTime: v.optional(integer(1, 31_536_000, 'seconds'), 300),
    maxBanTime: v.optional(integer(1, 31_536_000, 'seconds'), 604_800),
  },
  'an object with findTime, maxRetry, banTime and maxBanTime, or null',
)
const WORKERS = 'a whole number from 1 to 256, or "auto"'

const READ = 'an exact path of a call that carries no transaction, such as /v1/chain/get_info'
const readPath = text(
  READ,
  (value) => /^(?:\/[A-Za-z0-9_.-]+)+$/.test(value) && !/\/(?:push|send|compute)_/.test(value),
)
const LIFETIME = 'seconds from 0 to 86400, as in 0.5; 0 is off'
const lifetime = v.pipe(v.number(LIFETIME), v.minValue(0, LIFETIME), v.maxValue(86_400, LIFETIME))

const cache = v.strictObject(
  {
    maxBytes: v.optional(integer(0, 17_179_869_184, 'bytes; 0 is off'), 16_777_216),
    paths: v.optional(map(readPath, lifetime, 'an object such as {"/v1/chain/get_info": 0.5}'), {
      '/v1/chain/get_info': 0.5,
    }),
  },
  'an object with maxBytes and paths',
)

/** When the filter itself bans a client. */
export type BanPolicy = v.InferOutput<typeof bans>

/** The keys of the original that both programs take, so that one file may serve both. */
const common = {
  listenIP: key(listenAddress, '', 'Address to listen on; "" is all addresses'),
  configListenIP: key(
    listenAddress,
    '127.0.0.1',
    'Address of the config listener; off loopback only with a token',
  ),
  logEndpoints: key(list(httpUrl, 'a list of URLs'), [], 'Base URLs of the relays that get the reports'),
  filterEndpoints: key(list(httpUrl, 'a list of URLs'), [], 'Base URLs of the filters behind the proxy'),
  logFileLocation: key(
    text('a path', (value) => value !== '' && !value.includes('\0')),
    './fail2ban.log',
    'File that the relay writes and fail2ban reads',
  ),
  headers: key(
    map(headerName, headerValue, 'an object of header names and values'),
    {},
    'Headers set on every response; "" removes one',
  ),
  nodeosProtocol: key(
    v.picklist(['http', 'https'], '"http" or "https"'),
    'http',
    'Protocol that nodeos speaks',
  ),
  nodeosUrl: key(
    text(
      'a host name or an address, without protocol, port and path',
      (value) => isHostName(value) || isAddress(unbracketed(value)),
    ),
    'localhost',
    'Host name or address of nodeos',
  ),
  nodeosPort: key(port, '8888', 'Port of nodeos'),
  contractBlackList: key(
    nameList(accountName, 'badcontract'),
    {},
    'Contracts whose actions are rejected, as {"name": true}',
  ),
  maxSignatures: key(integer(0, 1_000_000), 10, 'Signatures per transaction'),
  maxTransactionSize: key(
    integer(0, 1_073_741_824, 'bytes'),
    1_048_576,
    "Bytes of a packed transaction, of its context-free data and of each action's data, after decompression",
  ),
  maxTransactions: key(integer(0, 1_000_000), 32, 'Transactions per request; 0 is unlimited'),
}

export const filterConfigSchema = v.strictObject(
  {
    ...common,
    listenPort: key(port, '8081', 'Port to listen on'),
    configListenPort: key(port, '9001', 'Port of the config listener'),
    workers: key(
      v.union([v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(256)), v.literal('auto')], WORKERS),
      1,
      'Processes that serve the port (Node); "auto" is one for each core; limits on connections and on held bytes are for each',
    ),
    mode: key(
      v.picklist(['enforce', 'monitor'], '"enforce" or "monitor"'),
      'enforce',
      '"monitor" judges, counts and logs, but forwards everything and reports nothing to relays',
    ),
    trustedProxies: key(
      list(cidr, 'a list of CIDRs'),
      ['127.0.0.0/8', '::1/128'],
      'CIDRs whose X-Forwarded-For is believed; the client is the rightmost address outside of them',
    ),
    endpoints: key(
      section(
        {
          allow: v.optional(list(endpoint, 'a list of paths'), [
            '/v1/chain/*',
            '/v1/history/*',
            '/v1/trace_api/*',
            '/v1/node/get_supported_apis',
          ]),
          deny: v.optional(list(endpoint, 'a list of paths'), ['/v1/chain/push_block']),
        },
        'an object with the lists allow and deny',
      ),
      {},
      'Paths that are served; deny beats allow; exact, or everything below with /*',
    ),
    maxBodySize: key(integer(0, 104_857_600, 'bytes'), 2_097_152, 'Bytes of a request body'),
    maxInflatedSize: key(
      integer(0, 104_857_600, 'bytes'),
      2_097_152,
      'Bytes that the compressed transactions of one request may inflate to in all',
    ),
    maxJsonDepth: key(integer(1, 1000), 100, 'Levels of nesting in the JSON of a body'),
    maxAuthorizations: key(
      integer(0, 1_000_000),
      0,
      'Authorizations per transaction, over all its actions; 0 is unlimited',
    ),
    maxActions: key(
      integer(0, 1_000_000),
      0,
      'Actions per transaction, context-free ones included; 0 is unlimited',
    ),
    actionBlackList: key(
      nameList(actionName, 'contract::action'),
      {},
      'Actions that are rejected, as {"contract::action": true}',
    ),
    authorizerBlackList: key(
      nameList(accountName, 'account'),
      {},
      'Accounts whose authorization is rejected, as {"account": true}',
    ),
    contractAllowList: key(
      nameList(accountName, 'contract'),
      {},
      'When not empty, the only contracts whose actions pass, as {"name": true}',
    ),
    unpackedTransactions: key(
      v.picklist(['reject', 'inspect'], '"reject" or "inspect"'),
      'reject',
      'Unpacked transactions on transaction endpoints: rejected, or judged and forwarded rebuilt',
    ),
    nodeosTimeout: key(integer(1, 3600, 'seconds'), 30, "Seconds until the head of nodeos's response"),
    nodeosBodyTimeout: key(
      integer(1, 3600, 'seconds'),
      30,
      "Seconds that nodeos's response body may stand still (not at the edge)",
    ),
    maxHeaderSize: key(
      integer(1024, 1_048_576, 'bytes'),
      16_384,
      'Bytes of a request head (not at the edge)',
    ),
    maxHeaders: key(integer(1, 10_000), 100, 'Header lines of a request'),
    headTimeout: key(
      integer(1, 3600, 'seconds'),
      10,
      'Seconds for a request head to arrive (not at the edge)',
    ),
    bodyTimeout: key(integer(1, 3600, 'seconds'), 15, 'Seconds for a request body to arrive'),
    keepAliveTimeout: key(
      integer(1, 3600, 'seconds'),
      60,
      'Seconds that a connection may be idle between requests (not at the edge)',
    ),
    requestTimeout: key(
      integer(1, 3600, 'seconds'),
      120,
      'Seconds from the end of a request to the end of its response (not at the edge)',
    ),
    maxConnections: key(
      integer(1, 1_000_000),
      10_000,
      'Open connections in all, and requests under way (not at the edge)',
    ),
    maxConnectionsPerClient: key(
      integer(1, 1_000_000),
      256,
      'Open connections of one address or one IPv6 /64; trusted proxies are free of it (not at the edge)',
    ),
    maxBufferedBytes: key(
      integer(0, 17_179_869_184, 'bytes'),
      67_108_864,
      'Bytes of all request bodies held at one time',
    ),
    maxBufferedBytesPerClient: key(
      integer(0, 17_179_869_184, 'bytes'),
      8_388_608,
      'Bytes of the request bodies of one address, or one IPv6 /64, held at one time',
    ),
    cache: key(
      cache,
      {},
      'Reads that are answered from memory, with the seconds for which, in maxBytes at most; calls for a block are kept only when it is irreversible',
    ),
    logSuccess: key(flag, false, 'Report successes to the relays too'),
    bans: key(
      v.nullable(bans),
      null,
      'The filter\'s own bans, for setups without fail2ban: {"findTime":60,"banTime":300,"maxBanTime":604800} bans for banTime seconds after maxRetry violations of a class (0 is never) within findTime, twice as long each time; null is none',
    ),
  },
  'a JSON object of configuration keys',
)

export const relayConfigSchema = v.strictObject(
  {
    ...common,
    listenPort: key(port, '8080', 'Port to listen on'),
    configListenPort: key(port, '9000', 'Port of the config listener'),
    allowUnsigned: key(flag, false, 'Take unsigned reports from anywhere, not just from loopback'),
    logTimeFormat: key(
      v.picklist(['iso', 'go'], '"iso" or "go"'),
      'iso',
      'Time in the log: ISO 8601, or "go" for 2006/01/02 15:04:05 in UTC',
    ),
    logSubnet: key(
      flag,
      false,
      'End the log line of an IPv6 client with /64, by which fail2ban counts and bans its network as one client',
    ),
    haproxySocket: key(
      v.string('a path, or "" for none'),
      '',
      'Unix socket of HAProxy\'s Runtime API; "" leaves HAProxy alone',
    ),
    haproxyBackend: key(
      text('a backend name', (value) => /^[A-Za-z0-9_.:-]+$/.test(value)),
      'filters',
      'HAProxy backend whose servers follow filterEndpoints',
    ),
  },
  'a JSON object of configuration keys',
)

export type FilterConfig = v.InferOutput<typeof filterConfigSchema>
export type RelayConfig = v.InferOutput<typeof relayConfigSchema>
export type ConfigSchema<C> = v.GenericSchema<unknown, C> & { entries: Record<string, v.GenericSchema> }

/** Changes of these are stored, but only a restart applies them. */
export const restartKeys = [
  'listenIP',
  'listenPort',
  'configListenIP',
  'configListenPort',
  'logFileLocation',
  'maxHeaderSize',
  'workers',
] as const

/** One thing wrong with a configuration: where, what was found, and what is allowed there. */
export interface ConfigIssue {
  path: string
  found: string
  allowed: string
}

export type ParsedConfig<C> = { config: C } | { issues: ConfigIssue[] }

/** Validates a whole configuration and fills in the defaults. */
export function parseConfig<C>(schema: ConfigSchema<C>, input: unknown): ParsedConfig<C> {
  if (typeof input === 'object' && (input === null || Array.isArray(input)))
    return {
      issues: [{ path: '(whole)', found: show(input), allowed: 'a JSON object of configuration keys' }],
    }
  const result = v.safeParse(schema, input)
  if (result.success) return { config: result.output }
  return { issues: result.issues.flatMap((issue) => toConfigIssues(schema, input, issue)) }
}

function toConfigIssues<C>(
  schema: ConfigSchema<C>,
  input: unknown,
  issue: v.BaseIssue<unknown>,
): ConfigIssue[] {
  const path = v.getDotPath(issue) ?? '(whole)'
  if (issue.type !== 'strict_object' || issue.expected !== 'never')
    return [{ path, found: show(issue.input), allowed: issue.message }]
  // valibot names the first unknown key only; an operator wants all of them at once.
  const parents = (issue.path ?? []).slice(0, -1)
  const known = Object.keys(
    parents.reduce<Entries>((entries, { key }) => entriesOf(entries[key as string]), schema.entries),
  )
  const object = parents.reduce(
    (value, item) => (value as Record<string, unknown>)[item.key as string],
    input,
  ) as object
  return Object.keys(object)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: [...parents.map((item) => String(item.key)), name].join('.'),
      found: 'an unknown key',
      allowed: known.toSorted().join(', '),
    }))
}

type Entries = Record<string, v.GenericSchema>

/** The keys of an object's schema, which stands within optional, nullable and pipe. */
function entriesOf(schema: object | undefined): Entries {
  type Parts = { wrapped?: object; pipe?: object[]; entries?: Entries }
  const { wrapped, pipe = [], entries } = (schema ?? {}) as Parts
  return entries ?? Object.assign({}, ...(wrapped ? [wrapped] : pipe).map(entriesOf))
}

function show(value: unknown): string {
  const shown = JSON.stringify(value) ?? String(value)
  return shown.length > 100 ? `${shown.slice(0, 100)}...` : shown
}

/** `listenPort: found "abc"; allowed: a port from 0 to 65535` */
export function formatConfigIssue(issue: ConfigIssue): string {
  return `${issue.path}: found ${issue.found}; allowed: ${issue.allowed}`
}

/** Rows for a reference: every key with its default and its meaning. */
export function describeConfig<C>(
  schema: ConfigSchema<C>,
): { key: string; fallback: string; description: string }[] {
  const defaults = v.parse(schema, {}) as Record<string, unknown>
  return Object.entries(schema.entries).map(([name, entry]) => ({
    key: name,
    fallback: JSON.stringify(defaults[name]),
    description: v.getDescription((entry as unknown as { wrapped: v.GenericSchema }).wrapped as never) ?? '',
  }))
}

/** What is wrong with where the config listener binds: whoever reaches it without a token may change everything. */
export function openConfigListener(
  { configListenIP }: { configListenIP: string },
  token: string | undefined,
): ConfigIssue | undefined {
  const loopback = configListenIP === 'localhost' || parseAddress(configListenIP)?.range() === 'loopback'
  if (loopback || token !== undefined) return undefined
  return {
    path: 'configListenIP',
    found: `${show(configListenIP)} without PATRONEOS_CONFIG_TOKEN`,
    allowed: 'a loopback address, or any with a token',
  }
}
