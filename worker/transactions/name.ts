// Account, action and permission names: text and the 64-bit number that nodeos keeps.
// Follows nodeos: libraries/chain/include/eosio/chain/name.hpp.

/** A name as nodeos holds it: twelve characters of five bits from the top, a thirteenth of four bits. */
export type Name = bigint & { readonly __brand: 'Name' }

const CHARACTERS = '.12345abcdefghijklmnopqrstuvwxyz'

/** The number of a name's text; undefined where the text is not exactly what the number would be written as. */
export function parseName(text: string): Name | undefined {
  if (text.length > 13 || text.endsWith('.')) return undefined
  // Six characters, six, and the last: numbers, since every step of a bigint makes another one.
  let first = 0
  let second = 0
  let last = 0
  for (let at = 0; at < 13; at++) {
    const digit = at < text.length ? CHARACTERS.indexOf(text[at]!) : 0
    if (digit < 0 || (at === 12 && digit > 15)) return undefined
    if (at < 6) first = (first << 5) | digit
    else if (at < 12) second = (second << 5) | digit
    else last = digit
  }
  return ((BigInt(first) << 34n) | (BigInt(second) << 4n) | BigInt(last)) as Name
}

/** The text of a name, without trailing dots. */
export function formatName(name: Name): string {
  const first = sixCharacters(Number(name >> 34n))
  const second = sixCharacters(Number((name >> 4n) & 0x3fff_ffffn))
  return (first + second + CHARACTERS[Number(name & 15n)]).replace(/\.+$/, '')
}

/** The text of thirty bits. */
function sixCharacters(bits: number): string {
  let text = ''
  for (let shift = 25; shift >= 0; shift -= 5) text += CHARACTERS[(bits >> shift) & 31]
  return text
}

/** Names for quick look-up, from configuration keys that were validated as names. */
export function nameSet(names: string[]): ReadonlySet<Name> {
  return new Set(names.map((name) => parseName(name)!))
}
