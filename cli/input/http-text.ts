// A request as it stands on the wire, read by the filter's own parser of heads.
import { SOMEBODY, type WholeRequest } from '../../shared/check-request.ts'
import { readRequestHead } from '../../worker/http1/request-head.ts'
import { CommandError } from '../command-error.ts'

/** No request of HTTP/1.1, which the listener refuses before anything is judged. */
export interface RefusedText {
  refused: { status: number; detail: string }
}

/** Editors write LF alone, and browsers show what came over HTTP/2 or 3; the filter's own parser takes neither. */
export function readHttpText(bytes: Buffer): WholeRequest | RefusedText {
  const text = bytes.toString('latin1')
  const end = /\r?\n\r?\n/.exec(text)
  const lines = end ? text.slice(0, end.index) : text.replace(/\r?\n$/, '')
  const after = end ? bytes.subarray(end.index + end[0].length) : Buffer.alloc(0)
  const head = readRequestHead(
    `${lines
      .replace(/\r?\n/g, '\r\n')
      .replace(/^(\S+ \S+) HTTP\/[23](?:\.0)?(?=\r\n|$)/, '$1 HTTP/1.1')}\r\n`,
  )
  if ('status' in head) return { refused: head }
  const { method, target, headers } = head
  return { method, target, headers, body: bodyOf(after, headers), from: SOMEBODY, time: undefined }
}

function bodyOf(after: Buffer, headers: readonly string[]): Buffer {
  const fieldOf = (name: string) =>
    headers.find((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name)
  if (fieldOf('transfer-encoding') !== undefined)
    throw new CommandError('the HTTP text has a chunked body; write it whole, with Content-Length or without')
  const length = fieldOf('content-length')
  if (length === undefined) return after
  if (Number(length) > after.length)
    throw new CommandError(`the HTTP text has ${after.length} bytes of body; Content-Length says ${length}`)
  // What an editor added at the end.
  return after.subarray(0, Number(length))
}
