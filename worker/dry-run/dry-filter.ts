// Judges single requests without sending them on. Nothing is forwarded, reported, counted or stored, so that what depends
// on the requests before is left out.
import type { WholeRequest } from '../../shared/check-request.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { AddressLists } from '../addresses/lists.ts'
import { type Ban, banPolicyOf, createBans } from '../bans/bans.ts'
import { memoryBanDriver } from '../bans/drivers/memory.ts'
import type { Known } from '../nodes/nodes.ts'
import { createDryApp, type DryFate, DryRequest, dryLogger } from './dry-app.ts'

export interface DryFilterOptions {
  addresses: AddressLists
  bans?: readonly Ban[]
  /** What is known of the nodes; without it, all are taken for fit. */
  nodes?: Known
  /** Milliseconds that the chain's clock is ahead of this machine's. */
  clockOffset?: number
}

export interface DryFilter {
  run(request: WholeRequest): Promise<DryFate>
}

/** Without turns, counts, and answers that are held. */
export function withoutMemory(config: FilterConfig): FilterConfig {
  return { ...config, fairness: null, rateLimits: [], repeats: 0, cache: { ...config.cache, paths: {} } }
}

export function createDryFilter(configured: FilterConfig, options: DryFilterOptions): DryFilter {
  const config = withoutMemory(configured)
  const { bans = [], addresses, nodes, clockOffset = 0 } = options
  let time: number | undefined
  const banList = createBans(memoryBanDriver(Date.now), banPolicyOf(config), {
    logger: dryLogger,
    now: Date.now,
  })
  for (const ban of bans) banList.put(ban)
  const app = createDryApp({
    config,
    addresses,
    nodes,
    bans: { ...banList, strike: async () => undefined },
    chainNow: () => time ?? Date.now() + clockOffset,
  })
  return {
    run: (request) => {
      time = request.time
      return app.run(request, new DryRequest(request))
    },
  }
}
