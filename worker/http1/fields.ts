// Header lines of HTTP/1.1, strictly after RFC 9112, section 5 and RFC 9110, section 5: no folding, no white space before
// the colon, no bare CR or LF, no control characters. A strict reader cannot be read in two ways.
import { rememberWork } from './remembered.ts'

/** Header names and values in turn, as they came: `['Accept', '*\/*', 'X-Forwarded-For', '203.0.113.9']`. */
export type HeaderPairs = readonly string[]

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Whether a head, or the beginning of one, holds no control characters, and CR and LF only together. */
export function isCleanHead(text: string): boolean {
  return cleanLength(text) === text.length
}

/** How many characters of a head come before the first control character, or CR or LF alone. */
export function cleanLength(text: string): number {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x7f) return at
    if (code >= 0x20 || code === 0x09) continue
    if (code !== 0x0d || (at + 1 < text.length && text.charCodeAt(at + 1) !== 0x0a)) return at
    at++
  }
  return text.length
}

export function isToken(text: string): boolean {
  return token.test(text)
}

/**
 * Reads header lines from `at` to the end of a clean head, each with its CRLF. Returns names and values in turn, as
 * they came but for the white space around values; undefined where a line is none.
 */
export function readFields(text: string, at: number): HeaderPairs | undefined {
  const pairs: string[] = []
  for (let start = at; start < text.length; ) {
    start = readField(text, start, pairs)
    if (start < 0) return undefined
  }
  return pairs
}

/** Reads the header line that begins at `at` into `pairs`; the index behind its CRLF, or -1 where it is none. */
export function readField(text: string, at: number, pairs: string[]): number {
  const end = text.indexOf('\r\n', at)
  const colon = text.indexOf(':', at)
  if (colon < 0 || colon > end) return -1
  const name = text.slice(at, colon)
  if (!token.test(name)) return -1
  pairs.push(name, trimmed(text, colon + 1, end))
  return end + 2
}

/**
 * The part of a text without the white space around it, which is spaces and tabs (OWS, RFC 9110, section 5.6.3); not
 * `trim`, which takes U+00A0 and others for white space too.
 */
export function trimmed(text: string, from: number, to: number): string {
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

/** Whether there is a field of that name, which is in lower case. */
export function hasField(pairs: HeaderPairs, name: string): boolean {
  for (let at = 0; at < pairs.length; at += 2)
    if (pairs[at]!.length === name.length && pairs[at]!.toLowerCase() === name) return true
  return false
}

/** The fields but those of that name, which is in lower case. */
export function withoutField(pairs: HeaderPairs, name: string): HeaderPairs {
  const kept: string[] = []
  for (let at = 0; at < pairs.length; at += 2)
    if (pairs[at]!.toLowerCase() !== name) kept.push(pairs[at]!, pairs[at + 1]!)
  return kept
}

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

/** What header lines say of the framing, as far as they were read. */
export interface FramingFields {
  length: string | undefined
  coding: string | undefined
}

/**
 * Notes a header line that frames the message (RFC 9112, section 6). Refused are more than one length, a length beside
 * a coding, and a coding other than chunked alone.
 */
export function noteFraming(found: FramingFields, name: string, value: string): FramingError | undefined {
  // The only two header names of these lengths that matter here.
  if (name.length === 14 && name.toLowerCase() === 'content-length') {
    if (found.length !== undefined) return wrong('More than one Content-Length')
    if (found.coding !== undefined) return wrong('Content-Length beside Transfer-Encoding')
    if (!/^\d{1,15}$/.test(value)) return wrong('A Content-Length that is not a number of at most 15 digits')
    found.length = value
  } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
    if (found.coding !== undefined) return wrong('More than one Transfer-Encoding')
    if (found.length !== undefined) return wrong('Content-Length beside Transfer-Encoding')
    if (value.toLowerCase() !== 'chunked')
      return { status: 501, detail: 'A Transfer-Encoding other than chunked' }
    found.coding = value
  }
  return undefined
}

function wrong(detail: string): FramingError {
  return { status: 400, detail }
}

/** The framing that the noted header lines make. */
export function framingFrom({ length, coding }: FramingFields): Framing {
  if (coding !== undefined) return { chunked: true }
  return length === undefined ? undefined : { length: Number(length) }
}

/** The framing that all header lines make, or why it cannot be told. */
export function framingOf(pairs: HeaderPairs): Framing | FramingError {
  const found: FramingFields = { length: undefined, coding: undefined }
  for (let at = 0; at < pairs.length; at += 2) {
    const error = noteFraming(found, pairs[at]!, pairs[at + 1]!)
    if (error) return error
  }
  return framingFrom(found)
}

/** What Connection lists, in lower case; `close` has the last word. RFC 9112, section 9.3. */
export function connectionOptions(connection: string): string[] {
  return connection.toLowerCase().split(/[ \t]*,[ \t]*/)
}
