// The tables that a read looks into, as contract::table: by every reading of its body, since nodeos takes the first of
// two equal keys where JSON.parse takes the last, and reads "ta\ble" as "table".
import { type ReadCall, readCalls } from './calls.ts'
import { type Member, membersOf } from './members.ts'
import { textsOf } from './readings.ts'

/** Stands for every table of a contract. */
export const EVERY_TABLE = '*'

export function readsTables(path: string): boolean {
  return readCalls.get(path)?.table !== undefined
}

/** None where the body names none; `text` is one JSON value that was parsed. */
export function tablesOf(path: string, text: string): readonly string[] {
  const call = readCalls.get(path)
  return call?.table === undefined || !isObjectText(text) ? [] : tablesRead(call, membersOf(text))
}

export const isObjectText = (text: string) => /^\s*\{/.test(text)

/** Whether a key is a name to some reader. */
export const isNamed = ({ key }: Member, name: string) => textsOf(key).includes(name)

export function tablesRead({ table }: ReadCall, members: readonly Member[]): string[] {
  if (table === undefined) return []
  const tables = typeof table === 'string' ? [table] : textsUnder(members, table.named)
  if (typeof table === 'object' && table.absent === 'every' && (tables.length === 0 || tables.includes('')))
    tables.push(EVERY_TABLE)
  return textsUnder(members, 'code').flatMap((contract) => tables.map((name) => `${contract}::${name}`))
}

/** Names are texts to nodeos, and anything else is an error. */
function textsUnder(members: readonly Member[], name: string): string[] {
  return members
    .filter((member) => member.value.startsWith('"') && isNamed(member, name))
    .flatMap(({ value }) => textsOf(value))
}
