// The lists of addresses as they are now: each file and URL is read once.
import { addressSourcesOf } from '../../shared/config/address-lists.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { createLogger } from '../../shared/logger.ts'
import { followFile } from '../addresses/file.ts'
import { type AddressLists, createAddressLists, listNames } from '../addresses/lists.ts'
import { createSourceWatch, type SourceWatch } from '../addresses/source.ts'
import { followUrl } from '../addresses/url.ts'

export interface LoadedLists {
  lists: AddressLists
  /** What could not be read. */
  troubles: string[]
}

export async function loadAddressLists(config: FilterConfig): Promise<LoadedLists> {
  const lists = createAddressLists()
  lists.configure(config)
  const troubles: string[] = []
  const logger = createLogger({
    readable: false,
    write: (line) => {
      const { level, message, reason } = JSON.parse(line)
      if (level === 'warn') troubles.push(`${message}: ${reason}`)
    },
  })
  const loads = listNames.flatMap((name) => {
    const { file, url, interval } = addressSourcesOf(config[name])
    const watchOf = (kind: 'file' | 'url', from: string) =>
      createSourceWatch({
        key: `${name}.${kind}`,
        from,
        logger,
        put: (ranges) => lists.put(name, kind, ranges),
      })
    return [
      ...(file === '' ? [] : [once(watchOf('file', file), (watch) => followFile(file, watch))]),
      ...(url === ''
        ? []
        : [once(watchOf('url', url), (watch) => followUrl({ url, interval, fetch }, watch))]),
    ]
  })
  await Promise.all(loads)
  return { lists, troubles }
}

/** Follows a source until it has said something. */
async function once(watch: SourceWatch, follow: (watch: SourceWatch) => () => void): Promise<void> {
  const said = Promise.withResolvers<void>()
  const stop = follow({
    take: (text) => said.resolve(watch.take(text)),
    trouble: (reason) => said.resolve(watch.trouble(reason)),
  })
  await said.promise
  stop()
}
