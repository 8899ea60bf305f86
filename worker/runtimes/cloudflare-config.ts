// The configuration on Cloudflare: PATRONEOS_CONFIG, overridden by what the config API changed. Changes are stored in KV,
// which every isolate reads from time to time.
import { edgeConfigSchema, type FilterConfig } from '../../shared/config/filter.ts'
import { formatConfigIssue, parseConfig } from '../../shared/config/parse.ts'
import type { ConfigStore } from '../../shared/config-store.ts'
import type { Logger } from '../../shared/logger.ts'
import { KV_CACHE_TTL } from '../bans/drivers/cloudflare.ts'

const CONFIG_KEY = 'config'

interface StoredChanges {
  /** Unix time in milliseconds. */
  written: number
  /** The keys that differ from PATRONEOS_CONFIG, so that a deployment may still change the others. */
  changes: Partial<FilterConfig>
}

export interface KvConfigStore extends ConfigStore<FilterConfig> {
  /** Puts in force what another isolate has written. Never rejects: trouble is logged, and nothing changes. */
  refresh(): Promise<void>
}

/** Reads PATRONEOS_CONFIG, which is JSON text. Throws an Error that says what is wrong with it. */
export function baseConfig(text: string | undefined): FilterConfig {
  const parsed = parseConfig(edgeConfigSchema, text ? JSON.parse(text) : {})
  if ('config' in parsed) return parsed.config
  throw new Error(parsed.issues.map(formatConfigIssue).join('; '))
}

export function kvConfigStore(
  kv: KVNamespace,
  base: FilterConfig,
  onChange: (config: FilterConfig) => void,
  logger: Logger,
): KvConfigStore {
  let config = base
  let written = 0

  const putInForce = (next: FilterConfig, time: number) => {
    config = next
    written = time
    onChange(next)
  }

  return {
    current: () => config,
    replace: async (next) => {
      const changes = Object.entries(next).filter(
        ([name, value]) => JSON.stringify(value) !== JSON.stringify(base[name as keyof FilterConfig]),
      )
      const stored: StoredChanges = { written: Date.now(), changes: Object.fromEntries(changes) }
      await kv.put(CONFIG_KEY, JSON.stringify(stored))
      putInForce(next, stored.written)
    },
    refresh: async () => {
      try {
        const stored = (await kv.get(CONFIG_KEY, {
          type: 'json',
          cacheTtl: KV_CACHE_TTL,
        })) as StoredChanges | null
        // KV may answer with what was there before this isolate's own change.
        if (!stored || stored.written <= written) return
        const parsed = parseConfig(edgeConfigSchema, { ...base, ...stored.changes })
        if ('config' in parsed) putInForce(parsed.config, stored.written)
        else
          logger.error('the configuration in KV is not valid; it is left out', {
            issues: parsed.issues.map(formatConfigIssue).join('; '),
          })
      } catch (error) {
        logger.error('the configuration in KV could not be read', { error: String(error) })
      }
    },
  }
}
