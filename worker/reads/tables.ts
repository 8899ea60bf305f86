// The tables that a read looks into, as contract::table.
import type { ReadCall } from './calls.ts'
import type { Member, Members } from './members.ts'
import { textsOf } from './readings.ts'

/** Stands for every table of a contract. */
export const EVERY_TABLE = '*'

/** More than one where the names can be read in several ways; none where the body names none. */
export function tablesRead({ table }: ReadCall, members: Members): string[] {
  if (table === undefined) return []
  const tables: string[] = typeof table === 'string' ? [table] : namesIn(members[table.named])
  if (typeof table === 'object' && table.absent === 'every' && (tables.length === 0 || tables.includes('')))
    tables.push(EVERY_TABLE)
  return namesIn(members.code).flatMap((contract) => tables.map((name) => `${contract}::${name}`))
}

/** Names are texts to nodeos, and anything else is an error (chain/name.cpp). */
const namesIn = (member: Member | undefined): string[] =>
  member?.value.startsWith('"') ? textsOf(member.value) : []
