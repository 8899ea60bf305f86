// The groups that requests are counted by. A client chooses its path, so that no path is a label.
import { blockCalls, GET_INFO } from '../../shared/paths.ts'
import { carriesTransactions } from '../transactions/shapes.ts'

/** Calls of the chain API by what they ask of nodeos; all its other calls are `chain`. */
const calls = {
  info: [GET_INFO],
  tables: [
    '/v1/chain/get_table_rows',
    '/v1/chain/get_table_by_scope',
    '/v1/chain/get_kv_table_rows',
    '/v1/chain/get_currency_balance',
    '/v1/chain/get_currency_stats',
    '/v1/chain/get_producers',
    '/v1/chain/get_scheduled_transactions',
  ],
  accounts: [
    '/v1/chain/get_account',
    '/v1/chain/get_accounts_by_authorizers',
    '/v1/chain/get_required_keys',
    '/v1/chain/get_transaction_id',
  ],
  contracts: [
    '/v1/chain/get_abi',
    '/v1/chain/get_code',
    '/v1/chain/get_code_hash',
    '/v1/chain/get_raw_abi',
    '/v1/chain/get_raw_code_and_abi',
  ],
  blocks: [...blockCalls.keys(), '/v1/chain/get_block_header_state'],
} as const

export const endpointGroups = [
  'push',
  'info',
  'tables',
  'accounts',
  'contracts',
  'blocks',
  'chain',
  'history',
  'trace',
  'other',
] as const
export type EndpointGroup = (typeof endpointGroups)[number]

const byPath = new Map<string, EndpointGroup>(
  Object.entries(calls).flatMap(([group, paths]) =>
    paths.map((path) => [path, group as EndpointGroup] as const),
  ),
)

export function endpointGroupOf(path: string): EndpointGroup {
  const known = byPath.get(path)
  if (known) return known
  if (carriesTransactions(path)) return 'push'
  if (path.startsWith('/v1/chain/')) return 'chain'
  if (path.startsWith('/v1/history/') || path.startsWith('/v2/')) return 'history'
  return path.startsWith('/v1/trace_api/') ? 'trace' : 'other'
}
