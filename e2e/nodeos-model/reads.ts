// What nodeos would read for a call that looks into tables: the rows at most, and the table.
// Follows plugins/chain_plugin (chain_plugin.hpp: get_table_rows_params and the structs beside it) and
// libraries/libfc/include/fc/reflect/variant.hpp of AntelopeIO/leap: a struct is read from an object and from nothing
// else, member by member, an absent one keeps its default; get_kv_table_rows is EOSIO 2.x's.
import { asUint64, type FcObject, getObject, getString, NodeosError, readFcJson } from './json.ts'

export interface TableReading {
  /** As nodeos holds it, in 32 bits; undefined where the call has none. */
  limit: number | undefined
  /** contract::table; `contract::*` where a listing goes over all of them. */
  table: string | undefined
}

type Reader = (object: FcObject) => TableReading

/** chain/name.cpp: from a string only, and refused where it is not how the number would be written. */
function nameFrom(object: FcObject, key: string): string {
  const value = object.get(key)
  const text = value === undefined ? '' : getString(value)
  if (!/^[.1-5a-z]{0,12}[.1-5a-j]?$/.test(text) || text.endsWith('.')) throw new NodeosError('not a name')
  return text
}

/** variant.cpp: from_variant of a uint32_t, cut off to 32 bits. */
function limitFrom(object: FcObject, otherwise: number): number {
  const value = object.get('limit')
  return value === undefined ? otherwise : Number(BigInt.asUintN(32, asUint64(value)))
}

const rows: Reader = (object) => ({
  limit: limitFrom(object, 10),
  table: `${nameFrom(object, 'code')}::${nameFrom(object, 'table')}`,
})
const scopes: Reader = (object) => ({
  limit: limitFrom(object, 10),
  table: `${nameFrom(object, 'code')}::${nameFrom(object, 'table') || '*'}`,
})
const currency =
  (table: string): Reader =>
  (object) => ({ limit: undefined, table: `${nameFrom(object, 'code')}::${table}` })
const listing: Reader = (object) => ({ limit: limitFrom(object, 50), table: undefined })

const CALLS: Record<string, Reader> = {
  '/v1/chain/get_table_rows': rows,
  '/v1/chain/get_kv_table_rows': rows,
  '/v1/chain/get_table_by_scope': scopes,
  '/v1/chain/get_currency_balance': currency('accounts'),
  '/v1/chain/get_currency_stats': currency('stat'),
  '/v1/chain/get_producers': listing,
  '/v1/chain/get_scheduled_transactions': listing,
}

export const READ_TARGETS: readonly string[] = Object.keys(CALLS)

/** What nodeos would look into, or undefined where it refuses the body. */
export function readTableCall(target: string, body: Uint8Array): TableReading | undefined {
  try {
    return CALLS[target]?.(getObject(readFcJson(body)))
  } catch (error) {
    if (error instanceof NodeosError) return undefined
    throw error
  }
}
