// The head of a request -> what it asks and how its body is framed, or why it is refused.
import type { HeaderPairs } from '../platform.ts'
import { connectionOptions, type Framing, framingOf, isCleanHead, isToken, readFields } from './fields.ts'

export interface RequestHead {
  method: string
  /** As sent: printable ASCII without spaces. */
  target: string
  headers: HeaderPairs
  /** Undefined: no body. */
  body: Exclude<Framing, undefined> | undefined
  /** Whether the client may send another request on the connection. */
  keepAlive: boolean
  /** HTTP/1.0 knows no chunks. */
  takesChunks: boolean
  /** The client waits for 100 before it sends the body. */
  awaitsContinue: boolean
}

/** The connection is closed with this answer, as what follows cannot be told apart from the body. */
export interface RefusedHead {
  status: 400 | 417 | 501 | 505
  detail: string
}

export const DIRTY_HEAD = 'The head has a control character, or CR or LF alone'
const REQUEST_LINE = 'The request line is not "method target HTTP/1.1"'

/**
 * Reads a head: the text, one character a byte, from the request line up to and with the CRLF of the last header
 * line. Follows RFC 9112, sections 2 to 6, without any of what it lets a recipient forgive.
 */
export function readRequestHead(text: string): RequestHead | RefusedHead {
  if (!isCleanHead(text)) return refused(DIRTY_HEAD)
  const end = text.indexOf('\r\n')
  const afterMethod = text.indexOf(' ')
  const afterTarget = text.indexOf(' ', afterMethod + 1)
  if (afterMethod < 0 || afterTarget < 0 || afterTarget > end) return refused(REQUEST_LINE)
  const method = text.slice(0, afterMethod)
  const target = text.slice(afterMethod + 1, afterTarget)
  const version = text.slice(afterTarget + 1, end)
  if (!isToken(method) || !/^[\x21-\x7e]+$/.test(target)) return refused(REQUEST_LINE)
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0')
    return /^HTTP\/\d\.\d$/.test(version)
      ? { status: 505, detail: 'HTTP/1.1 and HTTP/1.0 are spoken here' }
      : refused(REQUEST_LINE)

  const headers = readFields(text, end + 2)
  if (typeof headers === 'string') return refused('A header line is not "name: value"')
  const body = framingOf(headers)
  if (body && 'status' in body) return body

  const takesChunks = version === 'HTTP/1.1'
  if (body && 'chunked' in body && !takesChunks) return refused('Transfer-Encoding in HTTP/1.0')
  let hosts = 0
  // What stands behind a refused CONNECT may be meant for the other end of a tunnel.
  const mayStay = method !== 'CONNECT'
  let keepAlive = takesChunks
  let closes = false
  let awaitsContinue = false
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!
    if (name.length === 4) {
      if (name.toLowerCase() === 'host') hosts++
    } else if (name.length === 10) {
      if (name.toLowerCase() === 'connection') {
        const options = connectionOptions(headers[at + 1]!)
        keepAlive ||= options.includes('keep-alive')
        closes ||= options.includes('close')
      }
    } else if (name.length === 6 && name.toLowerCase() === 'expect') {
      if (headers[at + 1]!.toLowerCase() !== '100-continue')
        return { status: 417, detail: 'An expectation other than 100-continue' }
      awaitsContinue = takesChunks
    }
  }
  if (hosts > 1 || (hosts === 0 && takesChunks)) return refused('Not exactly one Host')
  return {
    method,
    target,
    headers,
    body,
    keepAlive: keepAlive && !closes && mayStay,
    takesChunks,
    awaitsContinue,
  }
}

function refused(detail: string): RefusedHead {
  return { status: 400, detail }
}
