// Which addresses are let through and which are shut out: the ranges of the configuration, and those that its files and
// URLs gave last.
import { type Address, parseAddress } from '../../shared/address.ts'
import { rangeListOf } from '../../shared/address-list.ts'
import { type AddressRanges, createAddressRanges, type RangeList } from '../../shared/address-ranges.ts'
import { addressSourcesOf } from '../../shared/config/address-lists.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'

export const listNames = ['ipAllowList', 'ipBlockList'] as const
export type ListName = (typeof listNames)[number]
export type SourceKind = 'file' | 'url'

export type Standing = 'allowed' | 'blocked' | undefined

export interface AddressLists {
  /** An address on both lists is allowed. */
  standingOf(client: Address): Standing
  /** Puts the ranges of a configuration in force. */
  configure(config: FilterConfig): void
  /** Puts what a source gave in force; undefined where it is no source any more. Returns the ranges of the list. */
  put(name: ListName, kind: SourceKind, ranges: RangeList | undefined): number
}

/** Clients that are remembered: most requests come of few. */
const MAX_REMEMBERED = 10_000

const NONE = createAddressRanges([])

export function createAddressLists(): AddressLists {
  const parts = { ipAllowList: new Map<string, RangeList>(), ipBlockList: new Map<string, RangeList>() }
  const inForce: Record<ListName, AddressRanges> = { ipAllowList: NONE, ipBlockList: NONE }
  const remembered = new Map<Address, Standing>()
  let isEmpty = true

  const put = (name: ListName, part: string, ranges: RangeList | undefined): number => {
    if (ranges) parts[name].set(part, ranges)
    else parts[name].delete(part)
    inForce[name] = createAddressRanges([...parts[name].values()])
    isEmpty = listNames.every((each) => inForce[each].size === 0)
    remembered.clear()
    return inForce[name].size
  }

  const lookUp = (client: Address): Standing => {
    const address = parseAddress(client)!
    if (inForce.ipAllowList.has(address)) return 'allowed'
    return inForce.ipBlockList.has(address) ? 'blocked' : undefined
  }

  return {
    standingOf: (client) => {
      if (isEmpty) return undefined
      if (remembered.has(client)) return remembered.get(client)
      const standing = lookUp(client)
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      remembered.set(client, standing)
      return standing
    },
    configure: (config) => {
      for (const name of listNames) put(name, 'ranges', rangeListOf(addressSourcesOf(config[name]).ranges))
    },
    put,
  }
}
