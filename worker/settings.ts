// What is computed once per configuration, so that no request has to.
import { type Address, type Cidr, inAnyCidr, parseAddress, parseCidr } from '../shared/address.ts'
import type { FilterConfig } from '../shared/config/filter.ts'
import { NODEOS_MAX_BODY } from '../shared/config/mistakes.ts'
import { type AccessLog, createAccessLog } from './access-log/access-log.ts'
import type { AddressLists, Standing } from './addresses/lists.ts'
import { banPolicyOf } from './bans/bans.ts'
import { type CacheMeter, createCache, type Forward } from './cache.ts'
import type { ChainFacts } from './chain-facts.ts'
import { createClientAddress } from './client-address.ts'
import type { Severity } from './consequences.ts'
import { withCors } from './cors.ts'
import type { Judge } from './judge.ts'
import type { RateLimits } from './limits/rate-limits.ts'
import type { Traffic } from './metrics/traffic.ts'
import type { Forwarder } from './nodes/forwarder.ts'
import { nodesOf } from './nodes/node.ts'
import type { Nodes } from './nodes/nodes.ts'
import type { Upstreams } from './platform.ts'
import { createRepeats, type Repeats } from './repeats.ts'

export interface Settings extends Severity {
  config: FilterConfig
  clientAddress(peer: string, forwardedFor: string): Address
  judge: Judge
  standingOf(client: Address): Standing
  /** Undefined where there are none. */
  limits: RateLimits | undefined
  forward: Forward
  /** Undefined where the very same transaction is executed as often as it is sent. */
  repeats: Repeats | undefined
  /** The headers of every response, by lower-case name. */
  headers: ReadonlyMap<string, string>
  /** Those of the filter's own: where nodeos lets pages read its answers, they can read these too. */
  ownHeaders: ReadonlyMap<string, string>
  /** Bytes of a body; in monitor mode whatever nodeos takes. */
  maxBodySize: number
  /** Counts requests. */
  traffic: Traffic
  /** Undefined where there is none. */
  accessLog: AccessLog | undefined
}

export type JudgeMaker = (config: FilterConfig, chain: ChainFacts) => Judge

export interface SettingsParts {
  upstreams: Upstreams
  nodes: Nodes
  forwarder: Forwarder
  reads: CacheMeter
  limits: RateLimits | undefined
  addresses: AddressLists
  chain: ChainFacts | undefined
  judgeOf: JudgeMaker
  traffic: Traffic
  writeAccess: ((line: string) => void) | undefined
}

export function settingsOf(
  config: FilterConfig,
  {
    upstreams,
    nodes,
    forwarder,
    reads,
    limits,
    addresses,
    chain,
    judgeOf,
    traffic,
    writeAccess,
  }: SettingsParts,
): Settings {
  const trusted = config.trustedProxies.map((range) => parseCidr(range) as Cidr)
  const enforced = config.mode === 'enforce'
  const configured = Object.entries(config.headers).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  )
  const headers = withCors(new Map(configured), config.corsAllowOrigin)
  nodes.configure(config)
  addresses.configure(config)
  const isAllowed = (client: Address) => addresses.standingOf(client) === 'allowed'
  upstreams.keepNodes?.(nodesOf(config))
  return {
    config,
    enforced,
    clientAddress: createClientAddress(trusted),
    mayBeBanned: (client) => !isAllowed(client) && !inAnyCidr(parseAddress(client)!, trusted),
    isAllowed,
    standingOf: addresses.standingOf,
    bansClients: banPolicyOf(config) !== null,
    logSuccess: config.logSuccess,
    judge: judgeOf(config, chain ?? { now: () => Date.now() + nodes.clock.offset() }),
    limits,
    forward: createCache(config, {
      nodes,
      forwarder,
      sharesAnswers: upstreams.sharesAnswers,
      meter: reads,
    }),
    // In monitor mode nothing is answered that nodeos was not asked.
    repeats: enforced ? createRepeats(config.repeats, upstreams.sharesAnswers) : undefined,
    headers,
    ownHeaders: headers,
    maxBodySize: enforced ? config.maxBodySize : Math.max(config.maxBodySize, NODEOS_MAX_BODY),
    traffic,
    accessLog: createAccessLog(config.accessLog, writeAccess),
  }
}

/** The settings in force: made anew when the configuration is another one. */
export type CurrentSettings = () => Settings

export function followConfig(
  config: () => FilterConfig,
  make: (config: FilterConfig) => Settings,
): CurrentSettings {
  let settings = make(config())
  return () => {
    if (settings.config !== config()) settings = make(config())
    return settings
  }
}
