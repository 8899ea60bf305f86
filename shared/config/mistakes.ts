// Combinations of values that are valid one by one. Those that can only be a mistake are refused; those that may be
// intended and still surprise cause a warning.
import * as v from 'valibot'
import { parseCidr, unbracketed } from '../address.ts'
import type { FilterConfig } from './filter.ts'
import type { RelayConfig } from './relay.ts'

export interface Mistake {
  /** The keys that lead to it. */
  path: readonly string[]
  found: unknown
  allowed: string
}

/** An action for v.pipe that refuses what a function finds. */
export function without<C extends object>(mistakesOf: (config: C) => Mistake[]) {
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

type CommonConfig = Pick<
  FilterConfig & RelayConfig,
  'headers' | 'listenIP' | 'listenPort' | 'configListenIP' | 'configListenPort'
>

/** Headers that a configuration must not set, and why. RFC 9110, sections 6.6.1, 7.6.1, 8.6; RFC 9112, section 6. */
const notConfigurable = new Map([
  ...['content-length', 'transfer-encoding'].map((name) => [name, 'it frames the message'] as const),
  ...['connection', 'keep-alive', 'upgrade', 'te', 'trailer', 'proxy-connection'].map(
    (name) => [name, "it is the connection's own"] as const,
  ),
  ['date', 'it is the time of each response'],
])

function commonMistakes(config: CommonConfig): Mistake[] {
  const mistakes: Mistake[] = []
  const seen = new Map<string, string>()
  for (const name of Object.keys(config.headers)) {
    const reason = notConfigurable.get(name.toLowerCase())
    if (reason)
      mistakes.push({ path: ['headers', name], found: name, allowed: `any header but this one: ${reason}` })
    const twin = seen.get(name.toLowerCase())
    if (twin !== undefined)
      mistakes.push({
        path: ['headers', name],
        found: name,
        allowed: `one spelling of a name; there is "${twin}"`,
      })
    seen.set(name.toLowerCase(), name)
  }
  const { listenPort, configListenPort, listenIP, configListenIP } = config
  if (samePort(listenPort, configListenPort) && overlap(listenIP, configListenIP))
    mistakes.push({
      path: ['configListenPort'],
      found: configListenPort,
      allowed: 'another port than listenPort, on which the program listens itself',
    })
  return mistakes
}

/** Two listeners on free ports of the kernel's choice do not meet. */
const samePort = (one: string | number, other: string | number) =>
  Number(one) === Number(other) && Number(one) !== 0

const isLoopback = (host: string) => /^(?:localhost|127\..*|\[?::1\]?)$/i.test(host)

function overlap(one: string, other: string): boolean {
  return one === '' || other === '' || one === other || (one === 'localhost' && isLoopback(other))
}

/** Whether a host and a port are a listener of the program itself. */
function isOwn(host: string, port: string | number, listenIP: string, listenPort: string | number): boolean {
  const bare = unbracketed(host)
  return (
    samePort(port, listenPort) &&
    (bare === listenIP || (isLoopback(host) && (listenIP === '' || isLoopback(listenIP))))
  )
}

function ownUrls(urls: readonly string[], key: string, config: CommonConfig, allowed: string): Mistake[] {
  return urls.flatMap((url, index) => {
    const { hostname, port, protocol } = new URL(url)
    const number = port || (protocol === 'https:' ? 443 : 80)
    const own = isOwn(hostname, number, config.listenIP, config.listenPort)
    return own ? [{ path: [key, String(index)], found: url, allowed }] : []
  })
}

export function filterMistakes(config: FilterConfig): Mistake[] {
  const mistakes = commonMistakes(config)
  const { nodeosUrl, nodeosPort, listenIP, listenPort, configListenIP, configListenPort, bans } = config
  if (
    isOwn(nodeosUrl, nodeosPort, listenIP, listenPort) ||
    isOwn(nodeosUrl, nodeosPort, configListenIP, configListenPort)
  )
    mistakes.push({
      path: ['nodeosPort'],
      found: nodeosPort,
      allowed: 'the port of nodeos; here the filter itself listens',
    })
  mistakes.push(
    ...ownUrls(
      config.logEndpoints,
      'logEndpoints',
      config,
      'the URL of a relay; here the filter itself listens',
    ),
  )
  if (bans && bans.maxBanTime < bans.banTime)
    mistakes.push({
      path: ['bans', 'maxBanTime'],
      found: bans.maxBanTime,
      allowed: `at least banTime, which is ${bans.banTime}`,
    })
  for (const kind of ['allow', 'deny'] as const)
    for (const [index, path] of config.endpoints[kind].entries())
      if (/\/\.{1,2}(?:\/|$)/.test(path))
        mistakes.push({
          path: ['endpoints', kind, String(index)],
          found: path,
          allowed: 'a path without dot segments, which no request may have',
        })
  return mistakes
}

export function relayMistakes(config: RelayConfig): Mistake[] {
  return [
    ...commonMistakes(config),
    ...ownUrls(
      config.filterEndpoints,
      'filterEndpoints',
      config,
      'the URL of a filter; here the relay itself listens',
    ),
  ]
}

/** What of a filter's configuration may surprise, each as a sentence for the log. */
export function filterWarnings(config: FilterConfig): string[] {
  const warnings: string[] = []
  const warn = (holds: boolean, text: string) => {
    if (holds) warnings.push(text)
  }
  const { nodeosTimeout, requestTimeout, transactionRetryTimeout, maxBodySize } = config
  warn(
    nodeosTimeout >= requestTimeout,
    `nodeosTimeout (${nodeosTimeout} s) is not below requestTimeout (${requestTimeout} s), which ends requests first`,
  )
  warn(
    transactionRetryTimeout < nodeosTimeout,
    `transactionRetryTimeout (${transactionRetryTimeout} s) is below nodeosTimeout (${nodeosTimeout} s): transactions with retry_trx have less time than others`,
  )
  for (const key of ['maxBufferedBytes', 'maxBufferedBytesPerClient'] as const)
    warn(
      config[key] < maxBodySize,
      `${key} (${config[key]}) is below maxBodySize (${maxBodySize}): a body of that size is never taken`,
    )
  for (const range of config.trustedProxies)
    warn(parseCidr(range)?.[1] === 0, `trustedProxies has ${range}: every client may claim any address`)
  warn(config.endpoints.allow.length === 0, 'endpoints.allow is empty: no request is served')
  warn(config.maxSignatures === 0, 'maxSignatures is 0: every signed transaction is rejected')
  warn(config.maxTransactionSize === 0, 'maxTransactionSize is 0: every transaction is rejected')
  warn(maxBodySize === 0, 'maxBodySize is 0: every request with a body is rejected')
  for (const contract of Object.keys(config.contractAllowList))
    warn(
      Object.hasOwn(config.contractBlackList, contract),
      `${contract} is in contractAllowList and in contractBlackList, which wins`,
    )
  warn(
    config.mode === 'monitor' && config.bans !== null,
    'mode is "monitor": bans is set, and nobody is banned',
  )
  return warnings
}
