// Header lines of HTTP/1.1, strictly as RFC 9112, section 5 and RFC 9110, section 5 have them: no folding, no white
// space around a name, no bare CR or LF, no control characters. What forgives less cannot be read in two ways.
import type { HeaderPairs } from '../platform.ts'
import { rememberWork } from '../remembered.ts'

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Whether a head, or the beginning of one, holds no control characters, and CR and LF only together. */
export function isCleanHead(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x7f) return false
    if (code >= 0x20 || code === 0x09) continue
    if (code !== 0x0d || (at + 1 < text.length && text.charCodeAt(at + 1) !== 0x0a)) return false
    at++
  }
  return true
}

export function isToken(text: string): boolean {
  return token.test(text)
}

/**
 * Reads header lines from `at` to the end of a clean head, each with its CRLF. Returns names and values in turn, as
 * they came but for the white space around values, or the line that is none.
 */
export function readFields(text: string, at: number): HeaderPairs | string {
  const pairs: HeaderPairs = []
  for (let start = at; start < text.length; ) {
    const end = text.indexOf('\r\n', start)
    const colon = text.indexOf(':', start)
    if (colon < 0 || colon > end) return text.slice(start, end)
    const name = text.slice(start, colon)
    if (!token.test(name)) return text.slice(start, end)
    pairs.push(name, trimmed(text, colon + 1, end))
    start = end + 2
  }
  return pairs
}

/** The part of a text without the spaces and tabs around it; not `trim`, which takes U+00A0 for white space too. */
function trimmed(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Header lines as they go out, each with its CRLF. */
export const writeFields = rememberWork((pairs): string => {
  let text = ''
  for (let at = 0; at < pairs.length; at += 2) text += `${pairs[at]}: ${pairs[at + 1]}\r\n`
  return text
})

/** How a message's body is framed. */
export type Framing =
  /** So many bytes; 0 is no body. */
  | { length: number }
  | { chunked: true }
  /** Nothing says where it ends. */
  | undefined

/** Why a message's framing cannot be told. */
export interface FramingError {
  /** RFC 9112, section 6.1: 501 is for a coding that is not known here. */
  status: 400 | 501
  detail: string
}

/**
 * Finds the framing that the header lines name (RFC 9112, section 6). Refused are more than one length, a length
 * beside a coding, and a coding other than chunked alone.
 */
export function framingOf(pairs: HeaderPairs): Framing | FramingError {
  let length: string | undefined
  let coding: string | undefined
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at]!
    // The only two header names of these lengths that matter here.
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (length !== undefined) return { status: 400, detail: 'More than one Content-Length' }
      length = pairs[at + 1]!
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (coding !== undefined) return { status: 400, detail: 'More than one Transfer-Encoding' }
      coding = pairs[at + 1]!
    }
  }
  if (coding !== undefined) {
    if (length !== undefined) return { status: 400, detail: 'Content-Length beside Transfer-Encoding' }
    if (coding.toLowerCase() === 'chunked') return { chunked: true }
    return { status: 501, detail: 'A Transfer-Encoding other than chunked' }
  }
  if (length === undefined) return undefined
  if (/^\d{1,15}$/.test(length)) return { length: Number(length) }
  return { status: 400, detail: 'A Content-Length that is not a number of at most 15 digits' }
}

/** What Connection lists; `close` has the last word. RFC 9112, section 9.3. */
export function connectionOptions(connection: string): string | string[] {
  return connection === 'keep-alive' ? connection : connection.toLowerCase().split(/[ \t]*,[ \t]*/)
}
