// Parses the head of nodeos's response: status, header lines and framing.
import {
  connectionOptions,
  type Framing,
  framingOf,
  type HeaderPairs,
  isCleanHead,
  readFields,
} from './fields.ts'

export interface ResponseHead {
  status: number
  headers: HeaderPairs
  /** Undefined: until the connection closes. */
  body: Framing
  keepAlive: boolean
}

/**
 * Reads a head: the text, one character a byte, from the status line up to and with the CRLF of the last header
 * line; undefined where it is none. `bodyless` is for the answer to HEAD, which tells a length and has no body.
 */
export function readResponseHead(text: string, bodyless: boolean): ResponseHead | undefined {
  if (!isCleanHead(text) || !/^HTTP\/1\.[01] [1-5]\d\d[ \r]/.test(text)) return undefined
  const status = Number(text.slice(9, 12))
  const headers = readFields(text, text.indexOf('\r\n') + 2)
  if (!headers) return undefined
  const body = framingOf(headers)
  if (body && 'status' in body) return undefined
  let keepAlive = text[7] === '1'
  let closes = false
  for (let at = 0; at < headers.length; at += 2)
    if (headers[at]!.length === 10 && headers[at]!.toLowerCase() === 'connection') {
      const options = connectionOptions(headers[at + 1]!)
      keepAlive ||= options.includes('keep-alive')
      closes ||= options.includes('close')
    }
  // RFC 9112, section 6.3.
  const hasNone = bodyless || status < 200 || status === 204 || status === 304
  return { status, headers, body: hasNone ? { length: 0 } : body, keepAlive: keepAlive && !closes }
}
