// Parses the bytes of a body as one JSON value, strictly after RFC 8259.
import { type Violation, violation } from '../shared/violations.ts'

// fatal: bytes that are not UTF-8 are an error, not U+FFFD. ignoreBOM: a byte order mark stays in the text,
// where JSON.parse refuses it (RFC 8259, section 8.1), instead of vanishing.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Parses a body; nesting deeper than `maxDepth` is refused before anything is built from it. */
export function parseJson(bytes: Uint8Array, maxDepth: number): { json: unknown; text: string } | Violation {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return violation('INVALID_JSON', 'The body is not valid UTF-8')
  }
  if (isDeeperThan(text, maxDepth))
    return violation('INVALID_JSON', `JSON is nested deeper than ${maxDepth} levels`)
  const { stackTraceLimit } = Error
  // Nobody sees where it was thrown, and collecting that is a sixth of all that a flood of broken bodies costs.
  Error.stackTraceLimit = 0
  try {
    return { json: JSON.parse(text), text }
  } catch {
    return violation('INVALID_JSON', 'The body is not one JSON text')
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** Text with no more openers than the limit, nearly all there is, is passed after a native search for them. */
function isDeeperThan(text: string, limit: number): boolean {
  let openers = 0
  for (const opener of ['[', '{'])
    for (let at = text.indexOf(opener); at >= 0 && openers <= limit; at = text.indexOf(opener, at + 1))
      openers++
  return openers > limit && deepest(text, limit) > limit
}

function deepest(text: string, limit: number): number {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length && depth <= limit; at++) {
    const char = text.charCodeAt(at)
    if (inString) {
      if (char === 0x5c) at++
      else if (char === 0x22) inString = false
    } else if (char === 0x22) inString = true
    else if (char === 0x5b || char === 0x7b) depth++
    else if (char === 0x5d || char === 0x7d) depth--
  }
  return depth
}
