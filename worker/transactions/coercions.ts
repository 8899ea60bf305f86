// Values that nodeos takes for something else than they are -> the one thing that each means to it. Undefined where
// nodeos refuses them, or where what it makes of them is nobody's wish (a number cut off to fit).
// Follows nodeos: libraries/libfc/src/variant.cpp (as_bool, as_int64, as_uint64) and include/fc/reflect/reflect.hpp
// (from_string of an enum), where text becomes a number by boost::lexical_cast.

/** A bool: numbers but 0 are true, null is false, and of texts there are "true" and "false". */
export function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (value === null || value === 'false') return false
  return value === 'true' ? true : undefined
}

/** An unsigned number of at most `max`: a fraction is cut off, booleans are 1 and 0, null is 0, text may be decimal. */
export function toCount(value: unknown, max: number): number | undefined {
  const number = toNumber(value)
  if (number === undefined) return undefined
  const whole = Math.trunc(number)
  return whole >= 0 && whole <= max ? whole + 0 : undefined
}

export type Compression = 'none' | 'zlib'

/** The compression of a packed transaction: its name, or its number in any form. */
export function toCompression(value: unknown): Compression | undefined {
  if (value === 'none' || value === 'zlib') return value
  const number = toCount(value, 1)
  if (number === undefined) return undefined
  return number === 0 ? 'none' : 'zlib'
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean' || value === null) return Number(value)
  return typeof value === 'string' && /^[+-]?\d{1,20}$/.test(value) ? Number(value) : undefined
}
