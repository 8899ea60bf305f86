// Reads that hold nodeos's main thread: limits the rows that one asks for, and refuses tables on a list.
// Follows nodeos: plugins/chain_plugin (get_table_rows_params, get_table_by_scope_params, get_producers_params,
// get_scheduled_transactions_params: uint32_t limit) and fc's variant, by which texts, fractions and booleans are numbers.
import type { FilterConfig } from '../shared/config/filter.ts'
import { isObject, type JsonObject, member } from '../shared/json.ts'
import { INVALID_READ, type Violation, violation } from '../shared/violations.ts'
import { tablesOf } from './limits/tables.ts'

/** Calls with a limit, and how many rows nodeos gives without one. */
const limitedCalls: ReadonlyMap<string, number> = new Map([
  ['/v1/chain/get_table_rows', 10],
  ['/v1/chain/get_kv_table_rows', 10],
  ['/v1/chain/get_table_by_scope', 10],
  ['/v1/chain/get_producers', 50],
  ['/v1/chain/get_scheduled_transactions', 50],
])

/** What nodeos would take for another text is no name: it drops the backslash of `\b` and reads `b`. */
const plainName = /^[.1-5a-z]{0,13}$/

export interface TableVerdict {
  violation: Violation | undefined
  /** The body with a smaller limit; null where the client's own passes. */
  rebuilt: string | null
}

export type TableJudge = (path: string, text: () => string, json: unknown) => TableVerdict

const PASSES: TableVerdict = { violation: undefined, rebuilt: null }

/** Undefined where there is nothing to judge. */
export function createTableJudge({ tableRows }: Pick<FilterConfig, 'tableRows'>): TableJudge | undefined {
  const { maxLimit, over, blackList } = tableRows
  const hasBlackList = Object.keys(blackList).length > 0
  if (maxLimit === 0 && !hasBlackList) return undefined
  return (path, text, json) => {
    if (!isObject(json)) return PASSES
    const table = hasBlackList ? judgeTable(path, json, blackList) : undefined
    if (table) return { violation: table, rebuilt: null }
    const fallback = limitedCalls.get(path)
    if (maxLimit === 0 || fallback === undefined) return PASSES
    const limit = limitOf(member(json, 'limit'), fallback)
    if (limit !== undefined && limit <= maxLimit) return PASSES
    if (over === 'clamp') return { violation: undefined, rebuilt: withLimit(text(), maxLimit) }
    const detail = `Read asks for ${limit === undefined ? 'no whole number of' : limit} rows; at most ${maxLimit} are allowed`
    return { violation: violation('TABLE_LIMIT', detail), rebuilt: null }
  }
}

function judgeTable(path: string, json: JsonObject, blackList: Record<string, true>): Violation | undefined {
  const [table] = tablesOf(path, json)
  for (const name of ['code', 'table']) {
    const value = member(json, name)
    if (value === undefined || (typeof value === 'string' && plainName.test(value))) continue
    return { ...violation('PARSE_ERROR', `"${name}" is not a name`), reportedAs: INVALID_READ }
  }
  return table !== undefined && Object.hasOwn(blackList, table)
    ? violation('BLACKLISTED_TABLE', `Table ${table} may not be read here`)
    : undefined
}

/** The rows that nodeos would take it for; undefined where that is many, as of negative numbers, or nobody's guess. */
export function limitOf(value: unknown, fallback: number): number | undefined {
  if (value === undefined) return fallback
  if (value === null) return 0
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'string' && !/^\d{1,15}$/.test(value)) return undefined
  const number = Math.floor(Number(value))
  return number >= 0 && number <= 0xffff_ffff ? number : undefined
}

/** The text of a JSON object with another limit; every other byte is as it was. */
export function withLimit(text: string, limit: number): string {
  const found = memberAt(text, 'limit')
  if (found) return text.slice(0, found.from) + limit + text.slice(found.to)
  const end = text.lastIndexOf('}')
  const isEmpty = /^\s*\{\s*$/.test(text.slice(0, end))
  return `${text.slice(0, end)}${isEmpty ? '' : ','}"limit":${limit}${text.slice(end)}`
}

/** Where the value of a member of an object stands. The text is valid JSON. */
function memberAt(text: string, name: string): { from: number; to: number } | undefined {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g
  let depth = 0
  let key: string | undefined
  let from = -1
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found] = match
    const isEnd = depth === 1 && (found === ',' || found === '}')
    if (isEnd && from >= 0) return { from, to: text.slice(0, match.index).trimEnd().length }
    if (found === '{' || found === '[') depth++
    else if (found === '}' || found === ']') depth--
    else if (depth === 1 && found === ':' && key === name) {
      from = token.lastIndex + text.slice(token.lastIndex).search(/\S/)
    } else if (depth === 1 && from < 0) key = found.startsWith('"') ? JSON.parse(found) : undefined
  }
  return undefined
}
