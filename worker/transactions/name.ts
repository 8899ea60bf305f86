// Account, action and permission names: text and the 64-bit number that nodeos keeps.
// Follows nodeos: libraries/chain/include/eosio/chain/name.hpp.

/** A name as nodeos holds it: twelve characters of five bits from the top, a thirteenth of four bits. */
export type Name = bigint & { readonly __brand: 'Name' }

const CHARACTERS = '.12345abcdefghijklmnopqrstuvwxyz'

/** The number of a name's text; undefined where the text is not exactly what the number would be written as. */
export function parseName(text: string): Name | undefined {
  if (text.length > 13 || text.endsWith('.')) return undefined
  let value = 0n
  for (let at = 0; at < 13; at++) {
    const digit = at < text.length ? CHARACTERS.indexOf(text[at]!) : 0
    if (digit < 0 || (at === 12 && digit > 15)) return undefined
    value = at < 12 ? (value << 5n) | BigInt(digit) : (value << 4n) | BigInt(digit)
  }
  return value as Name
}

/** The text of a name, without trailing dots. */
export function formatName(name: Name): string {
  let text = CHARACTERS[Number(name & 15n)]!
  for (let rest = name >> 4n, at = 0; at < 12; at++, rest >>= 5n)
    text = CHARACTERS[Number(rest & 31n)]! + text
  return text.replace(/\.+$/, '')
}

/** Names for quick look-up, from configuration keys that were validated as names. */
export function nameSet(names: string[]): ReadonlySet<Name> {
  return new Set(names.map((name) => parseName(name)!))
}
