// The types of configuration values, each with the sentence that an error shows.
import * as v from 'valibot'
import { parseAddress, parseCidr, unbracketed } from '../address.ts'
import { isObject } from '../json.ts'
import { isOfNodeos, isWellFormed, loosePath, plainPath } from '../paths.ts'

/** A key of the configuration: what is allowed, its default, and what it does in one line. */
export function key<S extends v.GenericSchema, const D extends v.InferInput<S>>(
  schema: S,
  fallback: D,
  description: string,
) {
  return v.optional(v.pipe(schema, v.description(description)), fallback as v.InferInput<S>)
}

export const text = (allowed: string, accepts: (value: string) => boolean) =>
  v.pipe(v.string(allowed), v.check(accepts, allowed))

export const integer = (min: number, max: number, unit = '') => {
  const allowed = `a whole number from ${min} to ${max}${unit && ` (${unit})`}`
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(min, allowed), v.maxValue(max, allowed))
}

export const flag = v.boolean('true or false')

const PORT = 'a port from 0 to 65535 (0: any free one), as number or string'
export const port = v.pipe(
  v.union([v.string(PORT), v.number(PORT)], PORT),
  v.check((value) => /^\d{1,5}$/.test(String(value)) && Number(value) <= 65535, PORT),
)

const UPSTREAM_PORT = 'a port from 1 to 65535, as number or string'
/** A port of somebody else, to which 0 leads nowhere. */
export const upstreamPort = v.pipe(
  v.union([v.string(UPSTREAM_PORT), v.number(UPSTREAM_PORT)], UPSTREAM_PORT),
  v.check(
    (value) => /^\d{1,5}$/.test(String(value)) && Number(value) >= 1 && Number(value) <= 65535,
    UPSTREAM_PORT,
  ),
)

/** As far as a URL takes it: a name whose last label is a number is an address there, and 10.1 is 10.0.0.1. */
export const isHostName = (value: string) =>
  /^(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?$/i.test(value) &&
  value.length < 254 &&
  !/(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i.test(value) &&
  URL.canParse(`http://${value}`)
export const isAddress = (value: string) => parseAddress(value) !== undefined && !value.includes('%')

/** Not a group of machines. */
export const isOneMachine = (value: string) =>
  !['multicast', 'broadcast'].includes(parseAddress(unbracketed(value))?.range() ?? '')

export const listenAddress = text(
  'an IP address, "localhost", or "" for all addresses',
  (value) => value === '' || value === 'localhost' || (isAddress(value) && isOneMachine(value)),
)

const isHttpUrl = (value: string) => {
  if (!URL.canParse(value)) return false
  const url = new URL(value)
  return /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === ''
}
export const httpUrl = text(
  'a URL such as http://10.0.0.1:8080, without user name, query or fragment',
  isHttpUrl,
)

export const corsOrigin = text(
  '"", "*", or an origin such as https://wallet.example, without a path',
  (value) => value === '' || value === '*' || (URL.canParse(value) && new URL(value).origin === value),
)

export const cidr = text(
  'a CIDR such as 10.0.0.0/8 or 2001:db8::/32',
  (value) => parseCidr(value) !== undefined,
)

const ENDPOINT = 'an exact path such as /v1/chain/get_info, or one ending in /*'
export const endpoint = text(ENDPOINT, (value) => {
  const path = value.replace(/(?<=\/)\*$/, '')
  if (path.includes('*') || !isWellFormed(path)) return false
  // nodeos compares exact strings, none of which ends in a slash.
  return !isOfNodeos(loosePath(path)) || (plainPath.test(path) && (path !== value || !path.endsWith('/')))
})

/** nodeos: libraries/chain/include/eosio/chain/name.hpp; twelve characters, a thirteenth of four bits. */
const isName = (value: string) => /^(?=.)[.1-5a-z]{0,12}[.1-5a-j]?$/.test(value) && !value.endsWith('.')
const NAME = 'an account name of 1 to 13 characters out of a-z, 1-5 and dots'
export const accountName = text(NAME, isName)
export const actionName = text('contract::action, each an account name', (value) => {
  const [contract = '', action = '', ...rest] = value.split('::')
  return rest.length === 0 && isName(contract) && isName(action)
})

/** What is in a map or a section, by the first part of its pipe: for whoever describes the configuration. */
export const contents = new WeakMap<object, { values: v.GenericSchema } | { object: v.GenericSchema }>()

/**
 * An object used as a map, every key and value checked. Not v.record, which silently leaves out the key
 * `constructor`: an account may have that name.
 */
export function map<T>(keys: v.GenericSchema<string>, value: v.GenericSchema<T>, allowed: string) {
  const object = v.custom<Record<string, T>>(isObject, allowed)
  contents.set(object, { values: value })
  return v.pipe(
    object,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return
      for (const [name, entry] of Object.entries(dataset.value)) {
        const path = [
          { type: 'object', origin: 'value', input: dataset.value, key: name, value: entry },
        ] as const
        for (const issue of v.safeParse(keys, name).issues ?? [])
          addIssue({ input: name, expected: issue.message, message: issue.message, path: [...path] })
        for (const issue of v.safeParse(value, entry).issues ?? [])
          addIssue({ input: entry, expected: issue.message, message: issue.message, path: [...path] })
      }
    }),
  )
}

/** An object of known keys. Not v.strictObject alone, to which an empty array is one. */
export const section = <const E extends v.ObjectEntries>(entries: E, allowed: string) => {
  const any = v.custom<v.InferInput<v.StrictObjectSchema<E, string>>>(isObject, allowed)
  const object = v.strictObject(entries, allowed)
  contents.set(any, { object })
  return v.pipe(any, object)
}

const LISTED = 'true (remove the entry, in a patch with null, to allow it)'
export const listed = v.custom<true>((input) => input === true, LISTED)
export const nameList = (keys: v.GenericSchema<string>, example: string) =>
  map(keys, listed, `an object such as {"${example}": true}`)

const FRAMES = 'which says where a message ends: the filter works that out for each'
const CONNECTS = "which belongs to one connection (RFC 9110, section 7.6.1): it is the filter's own"

/** Headers that cannot be the same on every response, and why. */
const ownHeaders: ReadonlyMap<string, string> = new Map([
  ['content-length', FRAMES],
  ['transfer-encoding', FRAMES],
  ['trailer', FRAMES],
  ['content-range', FRAMES],
  ['connection', CONNECTS],
  ['keep-alive', CONNECTS],
  ['proxy-connection', CONNECTS],
  ['upgrade', CONNECTS],
  ['te', CONNECTS],
  ['http2-settings', CONNECTS],
  ['date', 'which is the time of each response'],
  ['content-encoding', 'which says how the body of each response is encoded'],
])

export const headerName = v.pipe(
  text('an HTTP header name', (value) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value)),
  v.check(
    (value) => !ownHeaders.has(value.toLowerCase()),
    ({ input }) => `any header but ${input}, ${ownHeaders.get(input.toLowerCase())}`,
  ),
)
export const headerValue = v.pipe(
  text('text without control characters', (value) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value)),
  v.check((value) => !/^[\t ]|[\t ]$/.test(value), 'text without blanks around it'),
)

export const list = <S extends v.GenericSchema>(item: S, allowed: string) => v.array(item, allowed)
