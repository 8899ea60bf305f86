// What nodeos makes of JSON text: a model of fc's lenient "legacy" reader, byte by byte.
// From the raw bytes of a request body to one value; whatever follows that value is never looked at.
// Follows libraries/libfc/src/io/json.cpp and variant_object.cpp of AntelopeIO/spring.
// Test code: it shares nothing with the filter, so that the two can disagree.

/** The first entry of a key is the one that lookups find; strings and keys hold one character a byte. */
export type FcObject = Map<string, FcValue>
/** An integer is a bigint (int64 or uint64), a number with a dot is a number. */
export type FcValue = null | boolean | bigint | number | string | FcValue[] | FcObject

/** nodeos would refuse the request, or this part of it. */
export class NodeosError extends Error {
  override name = 'NodeosError'
}

// json.hpp: the default recursion limit. Each container takes two from it, see `readContainerEntry`.
const MAX_DEPTH = 200

const END = -1
const NUL = 0x00
const END_OF_TRANSMISSION = 0x04
const TAB = 0x09
const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

const ESCAPES = new Map([
  [0x74, '\t'],
  [0x6e, '\n'],
  [0x72, '\r'],
])
// The letters that "null", "true" and "false" are made of: a token is read as long as these last.
const WORD_LETTERS = new Set([...'nultrefas'].map((letter) => letter.charCodeAt(0)))
const TOKEN_EXTRAS = new Set([...'_-.:/'].map((letter) => letter.charCodeAt(0)))

const MAX_UINT64 = (1n << 64n) - 1n
const MAX_INT64 = (1n << 63n) - 1n

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39
const isAlphanumeric = (byte: number) =>
  isDigit(byte) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
const isWhiteSpace = (byte: number) =>
  byte === SPACE || byte === TAB || byte === NEWLINE || byte === CARRIAGE_RETURN

/** string.cpp: boost::lexical_cast to int64. */
export function toInt64(text: string): bigint {
  if (!/^[+-]?[0-9]+$/.test(text)) throw new NodeosError('not an int64')
  const value = BigInt(text.replace('+', ''))
  if (value > MAX_INT64 || value < -MAX_INT64 - 1n) throw new NodeosError('out of range of int64')
  return value
}

/** string.cpp: boost::lexical_cast to uint64, which takes a minus sign and wraps. */
export function toUint64(text: string): bigint {
  if (!/^[+-]?[0-9]+$/.test(text)) throw new NodeosError('not a uint64')
  const magnitude = BigInt(text.replace(/^[+-]/, ''))
  if (magnitude > MAX_UINT64) throw new NodeosError('out of range of uint64')
  return text.startsWith('-') ? BigInt.asUintN(64, -magnitude) : magnitude
}

/** string.cpp: boost::lexical_cast to double, for texts of digits and one dot. */
function toDouble(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new NodeosError('not a double')
  return value
}

class Reader {
  readonly #bytes: Uint8Array
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  #peek(): number {
    return this.#position < this.#bytes.length ? this.#bytes[this.#position]! : END
  }

  #take(): string {
    return String.fromCharCode(this.#bytes[this.#position++]!)
  }

  #skipWhiteSpace(): boolean {
    const start = this.#position
    while (isWhiteSpace(this.#peek())) this.#position++
    if (this.#peek() === NUL) throw new NodeosError('NUL where white space may be')
    return this.#position > start
  }

  // The characters after a backslash stand for themselves, but for t, n and r: \u0041 is "u0041".
  #escaped(): string {
    this.#position++
    const byte = this.#peek()
    if (byte === END) throw new NodeosError('text ends with a backslash')
    const letter = this.#take()
    return ESCAPES.get(byte) ?? letter
  }

  // Every byte but the quote, the backslash and 0x04 is part of the string, NUL and newlines too.
  #string(): string {
    if (this.#peek() !== QUOTE) throw new NodeosError('expected a quote')
    this.#position++
    let text = ''
    for (;;) {
      const byte = this.#peek()
      if (byte === END || byte === END_OF_TRANSMISSION) throw new NodeosError('string does not end')
      if (byte === QUOTE) {
        this.#position++
        return text
      }
      text += byte === BACKSLASH ? this.#escaped() : this.#take()
    }
  }

  // An unquoted word; one white space character after it is consumed.
  #word(): string {
    let text = ''
    for (;;) {
      const byte = this.#peek()
      if (byte === BACKSLASH) text += this.#escaped()
      else if (byte === TAB || byte === SPACE || byte === NEWLINE) {
        this.#position++
        return text
      } else if (isAlphanumeric(byte) || TOKEN_EXTRAS.has(byte)) text += this.#take()
      else return text
    }
  }

  #number(): FcValue {
    let text = ''
    let dots = 0
    if (this.#peek() === MINUS) text += this.#take()
    for (;;) {
      const byte = this.#peek()
      if (byte === DOT) {
        if (++dots > 1) throw new NodeosError('two dots in a number')
        text += this.#take()
      } else if (isDigit(byte)) text += this.#take()
      else if (isAlphanumeric(byte)) return text + this.#word()
      else break
    }
    if (text === '-' || text === '.' || text === '-.') throw new NodeosError('not a number')
    if (dots > 0) return toDouble(text)
    return text.startsWith('-') ? toInt64(text) : toUint64(text)
  }

  // "null" is null even when more letters follow, unless these are of the letters of the three words.
  #token(): FcValue {
    let text = ''
    while (WORD_LETTERS.has(this.#peek())) text += this.#take()
    if (text === 'null') return null
    if (text === 'true') return true
    if (text === 'false') return false
    return text + this.#word()
  }

  // A container is read with one less than its place had, and passes on one less again; the limit is
  // an unsigned number, but it is even and so meets zero before it wraps.
  #object(depth: number): FcObject {
    const object: FcObject = new Map()
    this.#position++
    for (;;) {
      if (this.#peek() === CLOSE_BRACE) break
      if (this.#peek() === COMMA) {
        this.#position++
        continue
      }
      if (this.#skipWhiteSpace()) continue
      const key = this.#string()
      this.#skipWhiteSpace()
      if (this.#peek() !== COLON) throw new NodeosError('expected a colon')
      this.#position++
      const value = this.value(depth - 1)
      // variant_object.cpp: appended without a look at what is there; find() meets the first one first.
      if (!object.has(key)) object.set(key, value)
    }
    this.#position++
    return object
  }

  #array(depth: number): FcValue[] {
    const array: FcValue[] = []
    this.#position++
    this.#skipWhiteSpace()
    while (this.#peek() !== CLOSE_BRACKET) {
      if (this.#peek() === COMMA) {
        this.#position++
        continue
      }
      if (this.#skipWhiteSpace()) continue
      array.push(this.value(depth - 1))
      this.#skipWhiteSpace()
    }
    this.#position++
    return array
  }

  value(depth: number): FcValue {
    if (depth === 0) throw new NodeosError('nested too deep')
    this.#skipWhiteSpace()
    const byte = this.#peek()
    if (byte === QUOTE) return this.#string()
    if (byte === OPEN_BRACE) return this.#object(depth - 1)
    if (byte === OPEN_BRACKET) return this.#array(depth - 1)
    if (byte === MINUS || byte === DOT || isDigit(byte)) return this.#number()
    if (byte === 0x6e || byte === 0x74 || byte === 0x66) return this.#token()
    throw new NodeosError(byte === END ? 'unexpected end' : `unexpected byte ${byte}`)
  }
}

/** The value that nodeos reads from `body`; throws a NodeosError where nodeos refuses the text. */
export function readFcJson(body: Uint8Array): FcValue {
  return new Reader(body).value(MAX_DEPTH)
}

/** variant.cpp: as_string(). */
export function asString(value: FcValue): string {
  if (value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number') return value.toFixed(17)
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  throw new NodeosError('a container is no string')
}

function asInteger(value: FcValue, fromText: (text: string) => bigint): bigint {
  if (value === null) return 0n
  if (typeof value === 'string') return fromText(value)
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'bigint') return value
  // C++ cuts the fraction off; beyond 64 bits the result is undefined, on x86-64 it is the lowest int64.
  if (typeof value === 'number') return Math.abs(value) < 2 ** 63 ? BigInt(Math.trunc(value)) : -(1n << 63n)
  throw new NodeosError('a container is no integer')
}

/** variant.cpp: as_int64(). */
export const asInt64 = (value: FcValue): bigint => BigInt.asIntN(64, asInteger(value, toInt64))

/** variant.cpp: as_uint64(). */
export const asUint64 = (value: FcValue): bigint => BigInt.asUintN(64, asInteger(value, toUint64))

/** variant.cpp: as_bool(). */
export function asBool(value: FcValue): boolean {
  if (value === 'true') return true
  if (value === 'false' || value === null) return false
  if (typeof value === 'boolean') return value
  if (typeof value === 'bigint') return value !== 0n
  if (typeof value === 'number') return value !== 0
  throw new NodeosError('not a bool')
}

/** variant.cpp: get_string(), for strings only. */
export function getString(value: FcValue): string {
  if (typeof value === 'string') return value
  throw new NodeosError('not a string')
}

/** variant.cpp: get_object(). */
export function getObject(value: FcValue): FcObject {
  if (value instanceof Map) return value
  throw new NodeosError('not an object')
}

/** variant.cpp: get_array(). */
export function getArray(value: FcValue): FcValue[] {
  if (Array.isArray(value)) return value
  throw new NodeosError('not an array')
}
