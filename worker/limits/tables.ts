// The tables that a read looks into, as contract::table. Follows nodeos: plugins/chain_plugin (get_table_rows_params,
// get_table_by_scope_params, get_currency_balance_params, get_currency_stats_params).
import { isObject, member } from '../../shared/json.ts'

/** What stands for the table where a call always looks into the same one. */
const calls: ReadonlyMap<string, string | undefined> = new Map([
  ['/v1/chain/get_table_rows', undefined],
  ['/v1/chain/get_kv_table_rows', undefined],
  ['/v1/chain/get_table_by_scope', undefined],
  ['/v1/chain/get_currency_balance', 'accounts'],
  ['/v1/chain/get_currency_stats', 'stat'],
])

export function readsTables(path: string): boolean {
  return calls.has(path)
}

/** None where the body does not name one. */
export function tablesOf(path: string, json: unknown): readonly string[] {
  if (!calls.has(path) || !isObject(json)) return []
  const contract = member(json, 'code')
  const table = calls.get(path) ?? member(json, 'table')
  return typeof contract === 'string' && typeof table === 'string' ? [`${contract}::${table}`] : []
}
