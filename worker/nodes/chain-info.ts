// What an answer to get_info says of a node's chain. Follows nodeos: plugins/chain_plugin (get_info_results).
import { isObject, member } from '../../shared/json.ts'

export interface ChainInfo {
  chainId: string
  head: number
  /** Unix time in milliseconds of the head block. */
  headTime: number
  /** The last block that no fork can replace. */
  irreversible: number
}

/** Undefined where something of it is missing. */
export function chainInfoOf(text: string): ChainInfo | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(json)) return undefined
  const time = String(member(json, 'head_block_time'))
  const info = {
    chainId: String(member(json, 'chain_id')),
    head: Number(member(json, 'head_block_num')),
    // nodeos writes UTC without saying so.
    headTime: Date.parse(/[zZ]$/.test(time) ? time : `${time}Z`),
    irreversible: Number(member(json, 'last_irreversible_block_num')),
  }
  const isWhole = Number.isSafeInteger(info.head) && Number.isSafeInteger(info.irreversible)
  return /^[0-9a-f]{64}$/i.test(info.chainId) && isWhole && !Number.isNaN(info.headTime) ? info : undefined
}
