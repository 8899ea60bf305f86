// One source of a list: takes the texts that it gives, keeps the last good one, and says what changes.
import { formatListIssue, parseAddressList } from '../../shared/address-list.ts'
import type { RangeList } from '../../shared/address-ranges.ts'
import type { Logger } from '../../shared/logger.ts'

/** Bytes of a list that is taken. */
export const MAX_LIST_BYTES = 8_388_608

/** Told what a file or a URL gave. */
export interface SourceWatch {
  take(text: string): void
  trouble(reason: string): void
}

export interface SourceParts {
  /** As in the configuration: `ipBlockList.file` */
  key: string
  /** The path or the URL. */
  from: string
  logger: Logger
  /** Puts ranges in force, and returns how many the list has. */
  put(ranges: RangeList): number
}

export function createSourceWatch({ key, from, logger, put }: SourceParts): SourceWatch {
  /** The last good text. */
  let good: string | undefined
  let told: string | undefined

  const trouble = (reason: string) => {
    if (reason === told) return
    told = reason
    const kept = good === undefined ? 'it is empty until then' : 'the last good one is kept'
    logger.warn(`${key}: ${from} cannot be used; ${kept}`, { reason })
  }
  return {
    trouble,
    take: (text) => {
      if (text === good) {
        if (told !== undefined) logger.info(`${key}: ${from} can be used again, and has not changed`)
        told = undefined
        return
      }
      const parsed = parseAddressList(text)
      if ('issue' in parsed) {
        trouble(formatListIssue(parsed.issue))
        return
      }
      good = text
      told = undefined
      const given = parsed.v4.length + parsed.v6.length
      logger.info(`${key}: ${given} ranges from ${from}`, { inForce: put(parsed) })
    },
  }
}
