// Combinations of values that are valid one by one. Those that can only be a mistake are refused; those that may be
// intended and still surprise cause a warning, in the log and in the answer of the config API.
import * as v from 'valibot'
import { formatAddress, type ParsedAddress, parseAddress, parseCidr, unbracketed } from '../address.ts'
import { GET_INFO, pathMatcher } from '../paths.ts'
import { RELAY_PATH } from '../report-message.ts'
import { doubtfulAddresses } from './address-lists.ts'
import type { FilterConfig } from './filter.ts'
import { servedWords } from './nodes.ts'
import type { RelayConfig } from './relay.ts'

/** An action for v.pipe that refuses what a function finds. */
export function without<C extends object>(mistakesOf: (config: C) => Iterable<Mistake>) {
  return v.rawCheck<C>(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.issues) return
    for (const { path, found, allowed } of mistakesOf(dataset.value))
      addIssue({
        input: found,
        message: allowed,
        path: path.map((key) => ({
          type: 'unknown',
          origin: 'value',
          input: undefined,
          key,
          value: found,
        })) as never,
      })
  })
}

/** A value that can only be a mistake. */
export interface Mistake {
  path: (string | number)[]
  found: unknown
  allowed: string
}

type Listeners = Pick<
  FilterConfig & RelayConfig,
  'listenIP' | 'listenPort' | 'configListenIP' | 'configListenPort'
>

/** Bytes over which a nodeos of default settings (max-body-size) closes the connection without an answer. */
export const NODEOS_MAX_BODY = 2_097_152

/** Calls with which nodeos, its peers or its keys are controlled: one of each API. */
const privateCalls = [
  '/v1/chain/push_block',
  '/v1/producer/pause',
  '/v1/net/connect',
  '/v1/wallet/unlock',
  '/v1/keosd/stop',
  '/v1/test_control/kill_node_on_producer',
  '/v1/txn_test_gen/start_generation',
]

/** Bytes of a cache in which hardly any answer has room, each taking an eighth of it at most. */
const SMALLEST_CACHE = 16_384

/** Seconds: eosjs and wharfkit have a transaction expire so long, or little longer, after the time in get_info. */
const LONGEST_GET_INFO = 30

export function* filterMistakes(config: FilterConfig): Generator<Mistake> {
  yield* sharedPort(config)
  yield* headersTwice(config)
  const { nodeosUrl, nodeosPort, logEndpoints, endpoints } = config
  const own = ownListener(config, nodeosUrl, nodeosPort)
  // The list of nodes stands in their place.
  if (own && config.nodes.length === 0)
    yield {
      path: ['nodeosPort'],
      found: nodeosPort,
      allowed: `the port of nodeos at ${nodeosUrl}, not the filter's own ${own}`,
    }
  const { accessLog, logFileLocation } = config
  if (accessLog.file === logFileLocation)
    yield {
      path: ['accessLog', 'file'],
      found: accessLog.file,
      allowed: 'another file than logFileLocation, which fail2ban reads',
    }
  yield* namedTwice('nodes', config.nodes)
  yield* namedTwice('rateLimits', config.rateLimits)
  yield* ownNodes(config)
  yield* ownEndpoints(config, 'logEndpoints', logEndpoints, 'a relay, not the filter')
  yield* endpointsTwice(logEndpoints)
  for (const [index, path] of endpoints.allow.entries())
    if (path.startsWith('/patroneos/'))
      yield {
        path: ['endpoints', 'allow', index],
        found: path,
        allowed: 'a path of what is behind the filter; /patroneos/ is its own',
      }
  for (const key of ['maxTransactionSize', 'maxBufferedBytes', 'maxBufferedBytesPerClient'] as const)
    if (config[key] === 0)
      yield {
        path: [key],
        found: 0,
        allowed: `1 or more; 0 is not unlimited, it refuses every ${key === 'maxTransactionSize' ? 'transaction' : 'body'}`,
      }
}

/** What a runtime without files cannot do. */
export function* edgeMistakes({ accessLog: { file } }: FilterConfig): Generator<Mistake> {
  if (file !== '')
    yield {
      path: ['accessLog', 'file'],
      found: file,
      allowed: '"", which is standard output; there are no files here',
    }
}

export function* relayMistakes(config: RelayConfig): Generator<Mistake> {
  yield* sharedPort(config)
  yield* headersTwice(config)
  yield* ownEndpoints(config, 'filterEndpoints', config.filterEndpoints, 'a filter, not the relay')
}

function* filterDoubts(config: FilterConfig): Generator<string> {
  yield* doubtfulTimes(config)
  yield* doubtfulSizes(config)
  yield* doubtfulPaths(config)
  yield* doubtfulNodes(config)
  yield* doubtfulReads(config)
  yield* doubtfulCache(config)
  yield* doubtfulBans(config)
  yield* doubtfulAddresses(config)
  const { nodeosProtocol, nodeosUrl, nodeosPort, trustedProxies, logSuccess, logEndpoints } = config
  const port = Number(nodeosPort)
  if ((nodeosProtocol === 'http' && port === 443) || (nodeosProtocol === 'https' && port === 80))
    yield `nodeosProtocol is "${nodeosProtocol}", and nodeosPort ${port} is the port of the other protocol`
  if (addressesOf(nodeosUrl)[0]?.range() === 'unspecified')
    yield `nodeosUrl ${nodeosUrl} is an address to listen on; this machine itself is 127.0.0.1`
  for (const range of trustedProxies) {
    const [address, bits] = parseCidr(range)!
    if (bits < (address.kind() === 'ipv4' ? 8 : 7))
      yield `trustedProxies has ${range}: whoever connects from there may claim any address as the client's`
  }
  if (logSuccess && logEndpoints.length === 0)
    yield 'logSuccess has no effect without a relay in logEndpoints'
  if (config.mode === 'monitor' && config.bans !== null)
    yield 'mode is "monitor": bans is set, and nobody is banned'
  const both = Object.keys(config.contractAllowList).filter((name) =>
    Object.hasOwn(config.contractBlackList, name),
  )
  if (both.length > 0)
    yield `contractAllowList has ${both.join(', ')}, which contractBlackList rejects all the same`
}

function* doubtfulTimes(config: FilterConfig): Generator<string> {
  const { nodeosTimeout, nodeosBodyTimeout, requestTimeout, transactionRetryTimeout } = config
  for (const [key, value] of Object.entries({ nodeosTimeout, nodeosBodyTimeout }))
    if (value >= requestTimeout)
      yield `${key} is ${value} s, but requestTimeout ends every request after ${requestTimeout} s (not at the edge)`
  if (transactionRetryTimeout <= nodeosTimeout)
    yield `transactionRetryTimeout is ${transactionRetryTimeout} s: no longer than nodeosTimeout, the time for any other request`
}

function* doubtfulSizes(config: FilterConfig): Generator<string> {
  const { maxBodySize, maxBufferedBytes, maxBufferedBytesPerClient } = config
  if (maxBodySize > NODEOS_MAX_BODY)
    yield `maxBodySize is ${maxBodySize}: over ${NODEOS_MAX_BODY} bytes nodeos closes the connection without an answer, unless its max-body-size is larger`
  for (const [key, value] of Object.entries({ maxBufferedBytes, maxBufferedBytesPerClient }))
    if (value < maxBodySize)
      yield `${key} is ${value}, less than maxBodySize (${maxBodySize}): a body between the two is never taken`
  if (maxBufferedBytesPerClient > maxBufferedBytes)
    yield `maxBufferedBytesPerClient is ${maxBufferedBytesPerClient}, more than maxBufferedBytes (${maxBufferedBytes}): one client can use up what all may hold`
  if (config.maxConnectionsPerClient >= config.maxConnections)
    yield `maxConnectionsPerClient is ${config.maxConnectionsPerClient}, not less than maxConnections (${config.maxConnections}): one client can use up all connections`
  const refuses = {
    maxBodySize: 'request with a body',
    maxInflatedSize: 'compressed transaction',
    maxSignatures: 'signed transaction',
  }
  for (const [key, what] of Object.entries(refuses))
    if (config[key as keyof typeof refuses] === 0) yield `${key} is 0: not unlimited, but no ${what} passes`
}

function* doubtfulPaths({ endpoints: { allow, deny } }: FilterConfig): Generator<string> {
  if (allow.length === 0) yield 'endpoints.allow is empty: nothing is served'
  const [isAllowed, isDenied] = [pathMatcher(allow), pathMatcher(deny)]
  for (const path of allow)
    if (isDenied(path)) yield `endpoints.allow has ${path}, which endpoints.deny refuses all the same`
  const opened = privateCalls.filter((path) => isAllowed(path) && !isDenied(path))
  if (opened.length > 0)
    yield `endpoints opens ${opened.join(', ')} to everybody who reaches the filter; these are not for the public`
}

function* doubtfulCache({ cache, endpoints }: FilterConfig): Generator<string> {
  const kept = Object.keys(cache.paths).filter((path) => cache.paths[path]! > 0)
  if (kept.length === 0 || cache.maxBytes === 0) return
  if (cache.maxBytes < SMALLEST_CACHE)
    yield `cache.maxBytes is ${cache.maxBytes}: hardly an answer has room, as each takes an eighth at most; 0 is off`
  const [isAllowed, isDenied] = [pathMatcher(endpoints.allow), pathMatcher(endpoints.deny)]
  // get_info is there by default.
  for (const path of kept)
    if (path !== GET_INFO && (!isAllowed(path) || isDenied(path)))
      yield `cache.paths has ${path}, which endpoints does not serve`
  if (cache.paths[GET_INFO]! > LONGEST_GET_INFO)
    yield `cache.paths keeps ${GET_INFO} for ${cache.paths[GET_INFO]} s: clients count a transaction's expiration from it`
}

/** Rows of get_producers and get_scheduled_transactions where the body has no limit; nodeos: chain_plugin.hpp. */
const LONGEST_DEFAULT = 50

function* doubtfulReads({ tableRows: { maxLimit, over } }: FilterConfig): Generator<string> {
  if (maxLimit > 0 && maxLimit < LONGEST_DEFAULT && over === 'reject')
    yield `tableRows.maxLimit is ${maxLimit}: without a limit nodeos takes 10 for tables and 50 for producers and scheduled transactions, and what is over is rejected; "clamp" would lower it`
}

function* doubtfulBans({ bans }: FilterConfig): Generator<string> {
  if (!bans) return
  if (bans.banTime > bans.maxBanTime)
    yield `bans.banTime is ${bans.banTime} s, but maxBanTime ends every ban after ${bans.maxBanTime} s`
  if (Object.values(bans.maxRetry).every((count) => count === 0))
    yield 'bans.maxRetry is 0 for every class: nobody is ever banned'
}

function* sharedPort({ listenIP, listenPort, configListenIP, configListenPort }: Listeners) {
  if (Number(listenPort) !== Number(configListenPort) || Number(listenPort) === 0) return
  const meet =
    addressesOf(listenIP).some((address) => takes(configListenIP, address)) ||
    addressesOf(configListenIP).some((address) => takes(listenIP, address))
  if (meet)
    yield {
      path: ['configListenPort'],
      found: configListenPort,
      allowed: 'another port than listenPort, where both listen on one address',
    }
}

/** Header names are the same in any case (RFC 9110, section 5.1). */
function* headersTwice({ headers }: { headers: Record<string, string> }): Generator<Mistake> {
  const seen = new Map<string, string>()
  for (const name of Object.keys(headers)) {
    const before = seen.get(name.toLowerCase())
    if (before !== undefined)
      yield { path: ['headers', name], found: name, allowed: `each header once; there is ${before} already` }
    seen.set(name.toLowerCase(), name)
  }
}

function* ownEndpoints(
  listeners: Listeners,
  key: string,
  urls: string[],
  allowed: string,
): Generator<Mistake> {
  for (const [index, text] of urls.entries()) {
    const own = ownListener(listeners, ...hostAndPort(text))
    if (own) yield { path: [key, index], found: text, allowed: `${allowed}'s own ${own}` }
  }
}

/** A name says which one is meant, in the log, in metrics and to whoever looks. */
function* namedTwice(key: string, listed: readonly { name: string }[]): Generator<Mistake> {
  const seen = new Set<string>()
  for (const [index, { name }] of listed.entries()) {
    if (seen.has(name)) yield { path: [key, index, 'name'], found: name, allowed: 'another name for each' }
    seen.add(name)
  }
}

function* ownNodes(config: FilterConfig): Generator<Mistake> {
  for (const [index, { url }] of config.nodes.entries()) {
    const own = ownListener(config, ...hostAndPort(url))
    if (own)
      yield { path: ['nodes', index, 'url'], found: url, allowed: `a node, not the filter's own ${own}` }
  }
}

function hostAndPort(url: string): [string, string | number] {
  const { hostname, port, protocol } = new URL(url)
  return [hostname, port || (protocol === 'https:' ? 443 : 80)]
}

function* doubtfulNodes({ nodes, endpoints }: FilterConfig): Generator<string> {
  if (nodes.length === 0) return
  const names = new Map<string, string>()
  for (const { name, url } of nodes) {
    const { origin } = new URL(url)
    if (names.has(origin)) yield `nodes has ${names.get(origin)} and ${name} at one url, ${origin}`
    names.set(origin, name)
  }
  const served = new Set(nodes.flatMap(({ serves }) => serves))
  for (const word of servedWords)
    if (!served.has(word))
      yield `nodes has none that serves "${word}": ${word === 'push' ? 'transactions' : 'reads'} are answered 503, unless a path of serves has them`
  const { allow, deny } = endpoints
  for (const { name, serves } of nodes)
    for (const path of serves)
      if (path.startsWith('/') && !meetsAny(path, allow, deny))
        yield `nodes has ${name} serve ${path}, which endpoints does not let in`
}

/** Whether some path of a pattern is let in. */
function meetsAny(path: string, allow: readonly string[], deny: readonly string[]): boolean {
  if (pathMatcher(deny)(path)) return false
  return (
    pathMatcher(allow)(path) || (path.endsWith('/*') && allow.some((other) => pathMatcher([path])(other)))
  )
}

/** Each relay is told everything once. */
function* endpointsTwice(urls: string[]): Generator<Mistake> {
  const seen = new Set<string>()
  for (const [index, text] of urls.entries()) {
    const { href } = new URL(text)
    const base = href.replace(RELAY_PATH, '').replace(/\/+$/, '')
    if (seen.has(base)) yield { path: ['logEndpoints', index], found: text, allowed: 'each relay once' }
    seen.add(base)
  }
}

/** The key of the listener that is reached at an address, where it is this program's own. */
function ownListener(
  { listenIP, listenPort, configListenIP, configListenPort }: Listeners,
  host: string,
  port: string | number,
): string | undefined {
  if (isReached(host, port, listenIP, listenPort)) return 'listenPort'
  if (isReached(host, port, configListenIP, configListenPort)) return 'configListenPort'
  return undefined
}

function isReached(host: string, port: string | number, ip: string, listened: string | number): boolean {
  if (Number(port) !== Number(listened)) return false
  return addressesOf(host).some((address) => {
    // A connection to the unspecified address reaches this machine. Which others are its own is not known.
    const local = address.range() === 'unspecified' ? parseAddress(LOOPBACK[address.kind()])! : address
    return (local.range() === 'loopback' || isSame(ip, local)) && takes(ip, local)
  })
}

const LOOPBACK = { ipv4: '127.0.0.1', ipv6: '::1' }

/** Where a host is, as far as that is known without asking: names are not looked up. */
function addressesOf(host: string): ParsedAddress[] {
  if (host === '') return [parseAddress('0.0.0.0')!, parseAddress('::')!]
  if (host.toLowerCase() === 'localhost') return Object.values(LOOPBACK).map((text) => parseAddress(text)!)
  const address = parseAddress(unbracketed(host))
  return address ? [address] : []
}

/** Whether a listener takes connections to an address. */
function takes(listenIP: string, address: ParsedAddress): boolean {
  return addressesOf(listenIP).some((own) =>
    own.range() === 'unspecified'
      ? own.kind() === 'ipv6' || address.kind() === 'ipv4'
      : formatAddress(own) === formatAddress(address),
  )
}

function isSame(host: string, address: ParsedAddress): boolean {
  return addressesOf(host).some((own) => formatAddress(own) === formatAddress(address))
}

/** What of a filter's configuration may surprise, each as a sentence. */
export function filterWarnings(config: FilterConfig): string[] {
  return [...filterDoubts(config)]
}
