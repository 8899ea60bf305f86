// Reads that hurt: tables that nobody may look into, and more rows at one time than nodeos should spend itself on, which
// holds its main thread until they are read or its time is over (http-max-response-time-ms).
// Follows nodeos: plugins/chain_plugin/chain_plugin.cpp and libraries/libfc/include/fc/reflect/variant.hpp.
import type { FilterConfig } from '../../shared/config/filter.ts'
import { type Violation, violation } from '../../shared/violations.ts'
import { readCalls } from './calls.ts'
import { rowsAsked, withLimit } from './limit.ts'
import { type Members, membersOf } from './members.ts'
import { EVERY_TABLE, tablesRead } from './tables.ts'

/** What is wrong with a read, or the body that nodeos gets in place of the client's; neither where it may pass. */
export interface JudgedRead {
  tables: readonly string[]
  violation?: Violation | undefined
  rebuilt?: string
}

/** Judges the body of a read: one JSON value, which was parsed. */
export type ReadJudge = (path: string, text: string) => JudgedRead

const NO_TABLES: JudgedRead = { tables: [] }

/** Undefined where nobody wants to know. */
export function createReadJudge({ tableRows, rateLimits }: FilterConfig): ReadJudge | undefined {
  const { maxLimit, over } = tableRows
  const judgeTables = createTableJudge(tableRows.blackList)
  const counted = rateLimits.some(({ key, where }) => key.includes('table') || where?.tables)
  if (maxLimit === 0 && !judgeTables && !counted) return undefined

  const judgeRows = (text: string, { limit }: Members, defaultLimit: number): Omit<JudgedRead, 'tables'> => {
    const rows = rowsAsked(limit, defaultLimit)
    if (rows === undefined || rows <= maxLimit) return {}
    return over === 'clamp'
      ? { rebuilt: withLimit(text, limit, maxLimit) }
      : { violation: tooMany(rows, maxLimit) }
  }

  return (path, text) => {
    const call = readCalls.get(path)
    if (call === undefined || !isObjectText(text)) return NO_TABLES
    const members = membersOf(text)
    if ('detail' in members) return { tables: [], violation: members }
    const tables = tablesRead(call, members)
    const denied = judgeTables?.(tables)
    if (denied || maxLimit === 0 || call.defaultLimit === undefined) return { tables, violation: denied }
    return { tables, ...judgeRows(text, members, call.defaultLimit) }
  }
}

/** nodeos reads a struct from an object and from nothing else (fc: from_variant, get_object). */
const isObjectText = (text: string) => /^\s*\{/.test(text)

/** The tables that a read looks into, where nobody is judged by them. The text is JSON that was parsed. */
export function tablesIn(path: string, text: string): readonly string[] {
  const call = readCalls.get(path)
  if (call?.table === undefined || !isObjectText(text)) return []
  const members = membersOf(text)
  return 'detail' in members ? [] : tablesRead(call, members)
}

function tooMany(rows: number, maxLimit: number): Violation {
  return violation(
    'TABLE_LIMIT',
    `Request asks for ${rows} rows; at most ${maxLimit} are allowed at one time`,
  )
}

type TableJudge = (tables: readonly string[]) => Violation | undefined

function createTableJudge(blackList: FilterConfig['tableRows']['blackList']): TableJudge | undefined {
  const denied = new Set(Object.keys(blackList))
  if (denied.size === 0) return undefined
  for (const table of [...denied]) denied.add(`${table.split('::')[0]}::${EVERY_TABLE}`)
  return (tables) => {
    const found = tables.find((table) => denied.has(table))
    return found === undefined ? undefined : blacklisted(found)
  }
}

function blacklisted(table: string): Violation {
  const [contract, name] = table.split('::')
  const what = name === EVERY_TABLE ? `every table of ${contract}, one of` : `the table ${table},`
  return violation('BLACKLISTED_TABLE', `Request reads ${what} which is blacklisted`)
}
