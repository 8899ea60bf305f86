// Reads a chunked body (RFC 9112, section 7.1) that arrives in pieces of any size.
import type { Buffer } from 'node:buffer'
import type { BodyReader } from './body.ts'
import { framingOf, isCleanHead, readFields } from './fields.ts'
import { textOf } from './wire-bytes.ts'

/** Characters of a chunk's first line: its size, and extensions that nobody uses. */
const MAX_SIZE_LINE = 128

/** Characters of all trailer lines together. */
const MAX_TRAILERS = 8_192

/**
 * A size of at most 16 digits, with extensions (RFC 9112, sections 7.1 and 7.1.1). Blanks may stand before an
 * extension only, and a quote must be closed: other readers may end the line elsewhere.
 */
const sizeLine =
  /^(?=[0-9A-Fa-f]{1,16}(?![0-9A-Fa-f]))0*([0-9A-Fa-f]{1,8})(?:[ \t]*;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t\x20!\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/

type Part = 'size' | 'data' | 'data end' | 'trailers' | 'done'

export function createChunkedBody(): BodyReader {
  let part: Part = 'size'
  /** What has come of the line that is being read. */
  let line = ''
  let trailers = 0
  /** Bytes of the chunk that are still to come. */
  let left = 0

  /** Reads a line up to its CRLF; the index behind it, or -1. A line that is not whole yet takes all bytes. */
  const readLine = (bytes: Buffer, at: number, longest: number): number => {
    // The CR may have come alone.
    const lf = bytes.indexOf(0x0a, at)
    const end = lf < 0 ? bytes.length : lf + 1
    if (end - at + line.length > longest + 2) return -1
    line += textOf(bytes, at, end)
    return end
  }

  return {
    feed: (bytes, from, take) => {
      let at = from
      while (at < bytes.length && part !== 'done') {
        if (part === 'data') {
          const end = Math.min(bytes.length, at + left)
          take(bytes.subarray(at, end))
          left -= end - at
          at = end
          if (left === 0) part = 'data end'
          continue
        }
        at = readLine(bytes, at, part === 'size' ? MAX_SIZE_LINE : part === 'trailers' ? MAX_TRAILERS : 0)
        if (at < 0) return -1
        if (!line.endsWith('\n')) continue
        if (!line.endsWith('\r\n')) return -1
        const text = line.slice(0, -2)
        line = ''
        if (part === 'size') {
          const size = sizeLine.exec(text)?.[1]
          if (size === undefined) return -1
          left = Number.parseInt(size, 16)
          part = left === 0 ? 'trailers' : 'data'
        } else if (part === 'data end') {
          part = 'size'
        } else if (text === '') {
          part = 'done'
        } else {
          // Trailers are read past and passed on to nobody.
          trailers += text.length
          if (trailers > MAX_TRAILERS || !isTrailer(`${text}\r\n`)) return -1
        }
      }
      return at
    },
    get done() {
      return part === 'done'
    },
    get left() {
      return left
    },
  }
}

/** A header line that does not frame a message, which no trailer may (RFC 9110, section 6.5.1). */
function isTrailer(line: string): boolean {
  const pairs = isCleanHead(line) ? readFields(line, 0) : undefined
  return pairs !== undefined && framingOf(pairs) === undefined
}
