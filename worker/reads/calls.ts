// The reads of nodeos that look into tables or take a limit.
// Follows nodeos: plugins/chain_plugin/include/eosio/chain_plugin/chain_plugin.hpp (the parameter structs of each call);
// get_kv_table_rows is of EOSIO 2.1 and 2.2.

export interface ReadCall {
  /** Rows where the body has no `limit`; undefined where the call takes none. */
  defaultLimit?: number
  /** The table that it always looks into, or the member that names it; undefined where it looks into none. */
  table?: 'accounts' | 'stat' | { named: 'table'; absent: 'none' | 'every' }
}

const named = (absent: 'none' | 'every') => ({ named: 'table', absent }) as const

export const readCalls: ReadonlyMap<string, ReadCall> = new Map<string, ReadCall>([
  ['/v1/chain/get_table_rows', { defaultLimit: 10, table: named('none') }],
  ['/v1/chain/get_kv_table_rows', { defaultLimit: 10, table: named('none') }],
  // Without a table it lists those of all of the contract's tables.
  ['/v1/chain/get_table_by_scope', { defaultLimit: 10, table: named('every') }],
  ['/v1/chain/get_currency_balance', { table: 'accounts' }],
  ['/v1/chain/get_currency_stats', { table: 'stat' }],
  ['/v1/chain/get_producers', { defaultLimit: 50 }],
  ['/v1/chain/get_scheduled_transactions', { defaultLimit: 50 }],
])
