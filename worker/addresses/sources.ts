// Follows the files and URLs of the two lists, as the configuration in force names them.
import { addressSourcesOf } from '../../shared/config/address-lists.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { Logger } from '../../shared/logger.ts'
import { followFile } from './file.ts'
import { type AddressLists, type ListName, listNames, type SourceKind } from './lists.ts'
import { createSourceWatch, type SourceWatch } from './source.ts'
import { followUrl } from './url.ts'

export interface ListSources {
  /** Follows what a configuration names, and nothing else any more. */
  configure(config: FilterConfig): void
  close(): void
}

export interface ListSourcesParts {
  lists: AddressLists
  logger: Logger
  fetch: typeof globalThis.fetch
}

interface Followed {
  /** What it is followed by: the path, or the URL and its interval. */
  by: string
  stop(): void
}

export function createListSources({ lists, logger, fetch }: ListSourcesParts): ListSources {
  const followed = new Map<string, Followed>()

  const follow = (
    name: ListName,
    kind: SourceKind,
    from: string,
    by: string,
    start: (watch: SourceWatch) => () => void,
  ) => {
    const key = `${name}.${kind}`
    const before = followed.get(key)
    if ((before?.by ?? '') === by) return
    before?.stop()
    followed.delete(key)
    if (before) lists.put(name, kind, undefined)
    if (from === '') return
    const put: Parameters<typeof createSourceWatch>[0]['put'] = (ranges) => lists.put(name, kind, ranges)
    followed.set(key, { by, stop: start(createSourceWatch({ key, from, logger, put })) })
  }

  return {
    configure: (config) => {
      for (const name of listNames) {
        const { file, url, interval } = addressSourcesOf(config[name])
        follow(name, 'file', file, file, (watch) => followFile(file, watch))
        const by = url && `${url} ${interval}`
        // What stands in a query may be a secret.
        follow(name, 'url', url.replace(/\?.*/, ''), by, (watch) =>
          followUrl({ url, interval, fetch }, watch),
        )
      }
    },
    close: () => {
      for (const { stop } of followed.values()) stop()
      followed.clear()
    },
  }
}
