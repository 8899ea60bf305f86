// The keys for lists of addresses that are let through or shut out.
import * as v from 'valibot'
import { parseAddress } from '../address.ts'
import { rangeListOf } from '../address-list.ts'
import { type AddressRanges, createAddressRanges } from '../address-ranges.ts'
import type { FilterConfig } from './filter.ts'
import { cidr, integer, key, list, section, text } from './values.ts'

const ranges = list(cidr, 'a list of CIDRs')

const listUrl = text(
  'a URL such as https://lists.example/block.txt, without user name and fragment; "" is none',
  (value) => {
    if (value === '') return true
    if (!URL.canParse(value)) return false
    const url = new URL(value)
    return /^https?:$/.test(url.protocol) && url.username === '' && url.hash === ''
  },
)

const sources = section(
  {
    ranges: v.optional(ranges, []),
    file: v.optional(
      text('a path; "" is none', (value) => !value.includes('\0')),
      '',
    ),
    url: v.optional(listUrl, ''),
    interval: v.optional(integer(1, 86_400, 'seconds'), 300),
  },
  'an object with any of ranges, file, url and interval',
)

const addressList = v.union(
  [ranges, sources],
  'a list of CIDRs, or an object with any of ranges, file, url and interval',
)

/** Where the addresses of a list come from. */
export type AddressSources = v.InferOutput<typeof sources>

export const addressListKeys = {
  ipAllowList: key(
    addressList,
    [],
    'Addresses that are never limited or banned: a list of CIDRs, or {"ranges": [], "file": "", "url": "", "interval": 300}; a file or URL has one a line and # before comments; files are watched, URLs asked every interval seconds (neither at the edge)',
  ),
  ipBlockList: key(addressList, [], 'Addresses that are shut out, in the same form; ipAllowList wins'),
}

export function addressSourcesOf(listed: FilterConfig['ipAllowList']): AddressSources {
  return Array.isArray(listed) ? { ranges: listed, file: '', url: '', interval: 300 } : listed
}

/** What of the two lists may surprise. */
export function* doubtfulAddresses({ ipAllowList, ipBlockList }: FilterConfig): Generator<string> {
  const allowed = addressSourcesOf(ipAllowList).ranges
  const blocked = addressSourcesOf(ipBlockList).ranges
  if (allowed.length === 0 || blocked.length === 0) return
  const [inAllowed, inBlocked] = [allowed, blocked].map((texts) => createAddressRanges([rangeListOf(texts)]))
  // Of two CIDRs that overlap one holds the other's first address.
  const both = [...within(allowed, inBlocked!), ...within(blocked, inAllowed!)]
  if (both.length > 0) {
    const more = both.length > MAX_NAMED ? ` and ${both.length - MAX_NAMED} more` : ''
    yield `ipAllowList and ipBlockList share addresses of ${both.slice(0, MAX_NAMED).join(', ')}${more}: they are allowed`
  }
}

/** Ranges that a warning names. */
const MAX_NAMED = 3

const within = (texts: readonly string[], found: AddressRanges) => [
  ...new Set(texts.filter((range) => found.has(parseAddress(range.split('/')[0]!)!))),
]
