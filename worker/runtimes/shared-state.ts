// What filters share where the configuration says so: opened by each process that serves or bans.
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { Logger } from '../../shared/logger.ts'
import { StartError } from '../../shared/program/start-error.ts'
import type { BanDriver } from '../bans/bans.ts'
import { memoryBanDriver } from '../bans/drivers/memory.ts'
import { redisBanDriver } from '../bans/drivers/redis.ts'
import { parseRedisUrl, type RedisTarget } from '../store/redis-url.ts'
import { openSharedStore, type SharedStore } from '../store/shared-store.ts'

/** Undefined where this filter counts for itself. Throws a StartError where the environment does not say with whom. */
export async function openStore(
  { store, storePrefix }: FilterConfig,
  logger: Logger,
): Promise<SharedStore | undefined> {
  if (store === 'memory') return undefined
  return openSharedStore({ target: targetOf(), prefix: storePrefix, logger })
}

function targetOf(): RedisTarget {
  const { PATRONEOS_REDIS_URL: url } = process.env
  if (!url) throw new StartError(`store is "redis", and ${UNSET}`)
  try {
    return parseRedisUrl(url)
  } catch (error) {
    throw new StartError(`PATRONEOS_REDIS_URL: ${(error as Error).message}`)
  }
}

const UNSET = 'PATRONEOS_REDIS_URL is not set: it says where, as in redis://user:password@127.0.0.1:6379'

/** What of a changed configuration would keep a filter from starting again. */
export function storeWarnings({ store }: FilterConfig): string[] {
  return store === 'redis' && !process.env.PATRONEOS_REDIS_URL ? [`store is "redis", and ${UNSET}`] : []
}

export function banDriverOf(store: SharedStore | undefined): BanDriver {
  return store ? redisBanDriver(store) : memoryBanDriver(Date.now)
}
