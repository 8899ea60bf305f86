// Reads that hurt: tables that nobody may look into, and more rows at one time than nodeos should spend itself on, which
// holds its main thread meanwhile (http-max-response-time-ms, libraries/chain, plugins/chain_plugin/chain_plugin.cpp).
import type { FilterConfig } from '../../shared/config/filter.ts'
import { type Violation, violation } from '../../shared/violations.ts'
import { readCalls } from './calls.ts'
import { clamped, rowsAsked } from './limit.ts'
import { membersOf } from './members.ts'
import { EVERY_TABLE, isObjectText, tablesRead } from './tables.ts'

/** What is wrong with a read, or the body that nodeos gets in place of the client's; neither where it may pass. */
export interface JudgedRead {
  violation?: Violation
  rebuilt?: string
}

/** Judges the body of a read: one JSON value that was parsed. */
export type ReadJudge = (path: string, text: string) => JudgedRead

const FINE: JudgedRead = {}

/** Undefined where there is nothing to judge. */
export function createReadJudge({ tableRows }: FilterConfig): ReadJudge | undefined {
  const { maxLimit, over, blackList } = tableRows
  const denied = new Set(Object.keys(blackList))
  const deniedContracts = new Set([...denied].map((table) => table.split('::')[0]!))
  if (maxLimit === 0 && denied.size === 0) return undefined

  const isDenied = (table: string): boolean => {
    const [contract = '', name] = table.split('::')
    return denied.has(table) || (name === EVERY_TABLE && deniedContracts.has(contract))
  }
  return (path, text) => {
    const call = readCalls.get(path)
    // nodeos takes no parameters but an object's: fc's from_variant of a struct (fc/reflect/variant.hpp, get_object).
    if (call === undefined || !isObjectText(text)) return FINE
    const members = membersOf(text)
    const table = denied.size > 0 ? tablesRead(call, members).find(isDenied) : undefined
    if (table !== undefined) return { violation: blacklisted(table) }
    if (maxLimit === 0 || call.defaultLimit === undefined) return FINE
    const rows = rowsAsked(members, call.defaultLimit)
    if (rows === undefined || rows <= maxLimit) return FINE
    if (over === 'clamp') return { rebuilt: clamped(text, members, maxLimit) }
    return {
      violation: violation('TABLE_LIMIT', `Request asks for ${rows} rows; ${allowed(maxLimit)}`),
    }
  }
}

function blacklisted(table: string): Violation {
  const [contract, name] = table.split('::')
  const what = name === EVERY_TABLE ? `every table of ${contract}, one of` : `the table ${table},`
  return violation('BLACKLISTED_TABLE', `Request reads ${what} which is blacklisted`)
}

const allowed = (maxLimit: number) => `at most ${maxLimit} are allowed at one time`
