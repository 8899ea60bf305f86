// What is computed once per configuration, so that no request has to.
import { type Address, type Cidr, inAnyCidr, parseAddress, parseCidr } from '../shared/address.ts'
import type { FilterConfig } from '../shared/config/filter.ts'
import { NODEOS_MAX_BODY } from '../shared/config/mistakes.ts'
import { banPolicyOf } from './bans/bans.ts'
import { type CacheCounts, createCache, type Forward } from './cache.ts'
import { createClientAddress } from './client-address.ts'
import type { Cause, Severity } from './consequences.ts'
import { withCors } from './cors.ts'
import { createJudge, type Judge } from './judge.ts'
import { nodesOf } from './nodes/node.ts'
import type { FilterRequest, HeaderPairs, Upstreams } from './platform.ts'

export interface Settings extends Severity {
  config: FilterConfig
  clientAddress(peer: string, forwardedFor: string): Address
  judge: Judge
  forward: Forward
  /** The headers of every response, by lower-case name. */
  headers: ReadonlyMap<string, string>
  /** Those of the filter's own: where nodeos lets pages read its answers, they can read these too. */
  ownHeaders: ReadonlyMap<string, string>
  /** Bytes of a body; in monitor mode whatever nodeos takes. */
  maxBodySize: number
}

/** One request, who sent it, and by which settings it is judged. */
export interface Case extends Cause {
  request: FilterRequest
  severity: Settings
}

/** `learn` is told the headers of nodeos's answers. */
export function settingsOf(
  config: FilterConfig,
  upstreams: Upstreams,
  reads: CacheCounts,
  learn: (headers: HeaderPairs) => void,
): Settings {
  const trusted = config.trustedProxies.map((range) => parseCidr(range) as Cidr)
  const enforced = config.mode === 'enforce'
  const nodes = nodesOf(config)
  const configured = Object.entries(config.headers).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  )
  const headers = withCors(new Map(configured), config.corsAllowOrigin)
  upstreams.keepNodes?.(nodes)
  return {
    config,
    enforced,
    clientAddress: createClientAddress(trusted),
    mayBeBanned: (client) => !inAnyCidr(parseAddress(client)!, trusted),
    bansClients: banPolicyOf(config) !== null,
    logSuccess: config.logSuccess,
    judge: createJudge(config),
    forward: createCache(config, nodes[0]!, upstreams, reads, learn),
    headers,
    ownHeaders: headers,
    maxBodySize: enforced ? config.maxBodySize : Math.max(config.maxBodySize, NODEOS_MAX_BODY),
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
