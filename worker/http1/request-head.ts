// Parses the head of a request: what it asks and how its body is framed, or why it is refused.
import {
  cleanLength,
  connectionOptions,
  type Framing,
  type FramingFields,
  framingFrom,
  type HeaderPairs,
  isToken,
  noteFraming,
  readField,
} from './fields.ts'

export interface RequestHead {
  method: string
  /** Printable ASCII without spaces; as sent, but for an absolute form, of which path and query are left. */
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

const DIRTY: RefusedHead = {
  status: 400,
  detail: 'The head has a control character, or CR or LF alone',
}
const REQUEST_LINE = 'The request line is not "method target HTTP/1.1"'
const NO_HOST: RefusedHead = { status: 400, detail: 'No Host' }

/** The beginning of an absolute form (RFC 9112, section 3.2.2), up to its path. */
const absoluteForm = /^https?:\/\//i

/** RFC 3986, section 3.2, without user information: RFC 9110, section 4.2.4 has it treated as an error. */
const authority = /^[A-Za-z0-9._~!$&'()*+,;=:%[\]-]+$/

/**
 * Reads a head: the text, one character a byte, from the request line up to and with the CRLF of the last header
 * line. Follows RFC 9112, sections 2 to 6, without any of what it lets a recipient forgive.
 */
export function readRequestHead(text: string): RequestHead | RefusedHead {
  const clean = cleanLength(text)
  if (clean < text.length) return refusalOfDirty(text, clean)
  const end = text.indexOf('\r\n')
  const afterMethod = text.indexOf(' ')
  const afterTarget = text.indexOf(' ', afterMethod + 1)
  if (afterMethod < 0 || afterTarget < 0 || afterTarget > end) return refused(REQUEST_LINE)
  const method = text.slice(0, afterMethod)
  const target = toOriginForm(text.slice(afterMethod + 1, afterTarget))
  const version = text.slice(afterTarget + 1, end)
  if (!isToken(method) || target === undefined || !/^[\x21-\x7e]+$/.test(target)) return refused(REQUEST_LINE)
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0')
    return /^HTTP\/\d\.\d$/.test(version)
      ? { status: 505, detail: 'HTTP/1.1 and HTTP/1.0 are spoken here' }
      : refused(REQUEST_LINE)

  const headers: string[] = []
  const framing: FramingFields = { length: undefined, coding: undefined }
  const takesChunks = version === 'HTTP/1.1'
  let hosts = 0
  let keepAlive = takesChunks
  // What stands behind a refused CONNECT may be meant for the other end of a tunnel.
  let closes = method === 'CONNECT'
  let awaitsContinue = false
  // Each line by itself, so that the first wrong one decides, however much of the head has come.
  for (let start = end + 2; start < text.length; ) {
    start = readField(text, start, headers)
    if (start < 0) return refused('A header line is not "name: value"')
    const value = headers[headers.length - 1]!
    const name = headers[headers.length - 2]!
    const error = noteFraming(framing, name, value)
    if (error) return error
    if (framing.coding !== undefined && !takesChunks) return refused('Transfer-Encoding in HTTP/1.0')
    if (name.length === 4 && name.toLowerCase() === 'host') {
      if (++hosts > 1) return refused('More than one Host')
    } else if (name.length === 10 && name.toLowerCase() === 'connection') {
      const options = connectionOptions(value)
      keepAlive ||= options.includes('keep-alive')
      closes ||= options.includes('close')
    } else if (name.length === 6 && name.toLowerCase() === 'expect') {
      if (value.toLowerCase() !== '100-continue')
        return { status: 417, detail: 'An expectation other than 100-continue' }
      awaitsContinue = takesChunks
    }
  }
  if (hosts === 0 && takesChunks) return NO_HOST
  return {
    method,
    target,
    headers,
    body: framingFrom(framing),
    keepAlive: keepAlive && !closes,
    takesChunks,
    awaitsContinue,
  }
}

/**
 * Why whole lines can be the beginning of no head, whatever follows; undefined where they can. Called with the lines
 * that have come so far, each with its CRLF, so that a head need not come whole to be refused.
 */
export function refusalOfLines(text: string): RefusedHead | undefined {
  const head = readRequestHead(text)
  return 'status' in head && head !== NO_HOST ? head : undefined
}

/** The first wrong line decides, so those before the one that is not clean are judged first. */
function refusalOfDirty(text: string, clean: number): RefusedHead {
  const lines = clean === 0 ? '' : text.slice(0, text.lastIndexOf('\n', clean - 1) + 1)
  return (lines !== '' && refusalOfLines(lines)) || DIRTY
}

/**
 * Path and query of a target in absolute form; any other target as it is. Taken by characters, not by a URL parser,
 * which would resolve what stands in it. The authority changes nothing: there is one server here. Undefined where it
 * is none.
 */
function toOriginForm(target: string): string | undefined {
  const scheme = target.startsWith('/') ? undefined : absoluteForm.exec(target)?.[0]
  if (scheme === undefined) return target
  const rest = target.slice(scheme.length)
  const end = rest.search(/[/?]/)
  if (!authority.test(end < 0 ? rest : rest.slice(0, end))) return undefined
  const path = end < 0 ? '' : rest.slice(end)
  return path.startsWith('/') ? path : `/${path}`
}

function refused(detail: string): RefusedHead {
  return { status: 400, detail }
}
