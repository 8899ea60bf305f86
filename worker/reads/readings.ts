// What a JSON text can mean, to nodeos and to a reader of RFC 8259: where the two differ, both are judged, so that neither
// whoever is behind the filter can be told more than was looked at.
// Follows nodeos: libraries/libfc/src/io/json.cpp (strings, numbers), variant.cpp (as_uint64) and string.cpp (to_uint64).

/** The escapes that nodeos knows; before any other character a backslash is dropped, so that \u0041 is u0041. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
])

/** Characters of the longest escaped text that is looked at: a name takes 80 at most. */
const MAX_ESCAPED = 256

/** The names or numbers that a quoted JSON string can be: one, or two where escapes are read in two ways. */
export function textsOf(quoted: string): string[] {
  if (!quoted.includes('\\')) return [quoted.slice(1, -1)]
  if (quoted.length > MAX_ESCAPED) return []
  const ofNodeos = quoted.slice(1, -1).replace(/\\(.)/g, (_, char: string) => ESCAPES.get(char) ?? char)
  return [ofNodeos, JSON.parse(quoted) as string]
}

const MAX_UINT64 = (1n << 64n) - 1n
/** Decimal digits of the largest. */
const DIGITS = 20

/**
 * The largest number that a JSON value can be where nodeos takes an unsigned number of 32 bits; undefined where it can
 * be none, as nodeos answers with an error then. A number that nodeos cuts off to fit counts as large as it is written.
 */
export function countOf(value: string): number | undefined {
  const found = (value.startsWith('"') ? textsOf(value).map(ofText) : [ofLiteral(value)]).filter(
    (number) => number !== undefined,
  )
  return found.length > 0 ? Math.max(...found) : undefined
}

/** boost::lexical_cast: decimal digits with a sign, nothing else, and no more than 64 bits. */
function ofText(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const digits = text.replace(/^[+-]/, '').replace(/^0+(?=\d)/, '')
  // A megabyte of digits would take BigInt a second.
  if (digits.length > DIGITS || BigInt(digits) > MAX_UINT64) return undefined
  return text.startsWith('-') ? wrapped(Number(digits)) : Number(digits)
}

/** null is 0, false is 0, true is 1, and a fraction is cut off. */
function ofLiteral(text: string): number | undefined {
  if (text === 'null' || text === 'false') return 0
  if (text === 'true') return 1
  const number = Number(text)
  if (Number.isNaN(number)) return undefined
  const whole = Math.trunc(number)
  return whole < 0 ? wrapped(-whole) : whole + 0
}

/** A negative number wraps around: -1 is 4294967295. Which one it is in C++ is not even defined for fractions. */
const wrapped = (magnitude: number) => (magnitude === 0 ? 0 : 4_294_967_295)
