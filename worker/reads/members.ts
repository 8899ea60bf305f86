// Where the members of a read's body stand that say what it reads: found in the text, so that one value can be exchanged
// and every other byte stays, 64-bit bounds to the last digit.
import { INVALID_READ, type Violation, violation } from '../../shared/violations.ts'

/** One value as it is written. */
export interface Member {
  /** The text of the value. */
  value: string
  /** Where it begins in the whole text. */
  at: number
}

const names = ['code', 'table', 'limit'] as const
type Name = (typeof names)[number]

export type Members = { [name in Name]?: Member }

/** Escapes of RFC 8259 before which nodeos drops the backslash, so that they are these letters (fc, io/json.cpp). */
const LETTERS_TO_NODEOS = 'bf'

/** The ways to write each name so that a reader of RFC 8259, nodeos, or one that mixes the two, takes it for the name. */
const spellings = names.map((name) => ({ name, plain: `"${name}"`, pattern: spellingsOf(name) }))

function spellingsOf(name: string): RegExp {
  const letters = [...name].map((letter) => {
    const hex = letter.charCodeAt(0).toString(16).padStart(4, '0')
    const escaped = `\\\\u${hex.replace(/[a-f]/, (digit) => `[${digit}${digit.toUpperCase()}]`)}`
    return LETTERS_TO_NODEOS.includes(letter) ? `(?:\\\\?${letter}|${escaped})` : `(?:${letter}|${escaped})`
  })
  return new RegExp(`^"${letters.join('')}"$`)
}

/**
 * Finds them in the text of one object, which was parsed and so is strict JSON. A name that stands there twice is
 * refused: nodeos takes the first, most others the last.
 */
export function membersOf(text: string): Members | Violation {
  const members: Members = {}
  let at = text.indexOf('{') + 1
  do {
    const key = skipBlanks(text, at)
    if (text[key] === '}') break
    const end = endOfString(text, key)
    const value = skipBlanks(text, text.indexOf(':', end) + 1)
    const after = endOfValue(text, value)
    const name = nameOf(text.slice(key, end))
    if (name) {
      if (members[name]) return twice(name)
      members[name] = { value: text.slice(value, after), at: value }
    }
    at = skipBlanks(text, after) + 1
  } while (text[at - 1] === ',')
  return members
}

const twice = (name: Name): Violation => ({
  ...violation('INVALID_JSON', `The body has "${name}" twice`),
  reportedAs: INVALID_READ,
})

function nameOf(key: string): Name | undefined {
  const isPlain = !key.includes('\\')
  return spellings.find(({ plain, pattern }) => (isPlain ? key === plain : pattern.test(key)))?.name
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (isBlank(text.charCodeAt(at))) at++
  return at
}

const isBlank = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

/** Behind the closing quote of the string that begins here. */
function endOfString(text: string, from: number): number {
  let at = from + 1
  for (let code = text.charCodeAt(at); code !== 0x22; code = text.charCodeAt(at)) at += code === 0x5c ? 2 : 1
  return at + 1
}

function endOfValue(text: string, from: number): number {
  if (text[from] === '"') return endOfString(text, from)
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22) at = endOfString(text, at) - 1
    else if (code === 0x7b || code === 0x5b) depth++
    else if (depth > 0 && (code === 0x7d || code === 0x5d)) {
      if (--depth === 0) return at + 1
    } else if (depth === 0 && (code === 0x2c || code === 0x7d || isBlank(code))) return at
  }
  return text.length
}
