// Bodies in chunks, however they are cut.
import { describe, expect, it } from 'vitest'
import { createChunkedBody } from './chunked-body.ts'

/** The data, and what stands behind the body; undefined where it is none, and `wants more` where it has no end. */
function read(text: string, pieceSize = text.length) {
  const body = createChunkedBody()
  let data = ''
  for (let at = 0; at < text.length; at += pieceSize) {
    const piece = Buffer.from(text.slice(at, at + pieceSize), 'latin1')
    const end = body.feed(piece, 0, (chunk) => (data += chunk.toString('latin1')))
    if (end < 0) return undefined
    if (body.done) return { data, behind: text.slice(at + end) }
  }
  return 'wants more'
}

const LAST = '0\r\n\r\n'

describe('a chunked body', () => {
  it.each([
    ['nothing', LAST, ''],
    ['a size of sixteen digits', `0000000000000001\r\nx\r\n${LAST}`, 'x'],
    ['blanks before an extension', `1 ;a=b\r\nx\r\n1\t;a\r\ny\r\n${LAST}`, 'xy'],
    ['a zero of many digits', '00000000\r\n\r\n', ''],
    ['two chunks', `1\r\na\r\n2\r\nbc\r\n${LAST}`, 'abc'],
    [
      'sizes in hexadecimal',
      `A\r\n${'x'.repeat(10)}\r\n0b\r\n${'y'.repeat(11)}\r\n${LAST}`,
      'x'.repeat(10) + 'y'.repeat(11),
    ],
    ['line ends and chunks in the data', `9\r\n\r\n0\r\n\r\n\n\r\r\n${LAST}`, '\r\n0\r\n\r\n\n\r'],
    ['every byte', `100\r\n${bytes()}\r\n${LAST}`, bytes()],
    ['extensions', `1;a\r\nx\r\n1;a=b;c="d e\\"; f"\r\ny\r\n0;z\r\n\r\n`, 'xy'],
    ['trailers', `1\r\nx\r\n0\r\nA: b\r\nContent: 5\r\nC:\r\n\r\n`, 'x'],
    ['a longest size line', `1;${'a'.repeat(126)}\r\nx\r\n${LAST}`, 'x'],
    ['as many trailers as may be', `0\r\na:${'b'.repeat(8_190)}\r\n\r\n`, ''],
  ])('ends where it ends, and in any pieces: %s', (_what, text, data) => {
    for (let size = 1; size <= Math.min(text.length, 40); size++)
      expect(read(`${text}GET /`, size)).toMatchObject({ data })
    expect(read(`${text}GET /`)).toEqual({ data, behind: 'GET /' })
    expect(read(text.slice(0, -1))).toBe('wants more')
  })

  it.each([
    ['no size', '\r\n'],
    ['a size of nine digits', '100000001\r\nx\r\n'],
    ['a size of seventeen digits', '00000000000000001\r\nx\r\n'],
    ['a blank before the size', ' 1\r\nx\r\n'],
    ['a blank behind the size', '1 \r\nx\r\n'],
    ['blanks behind an extension', '1;a \r\nx\r\n'],
    ['blanks around the value of an extension', '1;a = b\r\nx\r\n'],
    ['an extension without a name', '1;\r\nx\r\n'],
    ['an extension with a quote that is left open', '1;a="b\r\nx\r\n'],
    ['a control character in an extension', '1;a\x01\r\nx\r\n'],
    ['a bare CR in an extension', '1;a\rb\r\nx\r\n'],
    ['a bare LF behind the size', '1\nx\r\n'],
    ['a bare LF behind the data', '1\r\nx\n0'],
    ['a bare CR behind the data', '1\r\nx\r0\n'],
    ['more data than the size says', '1\r\nxy\r\n'],
    ['a size line of too many bytes', `1;${'a'.repeat(127)}\r\nx\r\n`],
    ['a size line without end', '1'.repeat(131)],
    ['a bare LF for the last line', '0\r\n\n'],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a trailer without colon', '0\r\nA\r\n\r\n'],
    ['a length as a trailer', '0\r\ncontent-Length: 5\r\n\r\n'],
    ['a coding as a trailer', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a NUL in a trailer', '0\r\nA: \0\r\n\r\n'],
    ['too many trailers', `0\r\n${'a:b\r\n'.repeat(2_731)}`],
    ['a trailer without end', `0\r\n${'a'.repeat(8_195)}`],
  ])('is none, in any pieces: %s', (_what, text) => {
    for (const size of [1, 2, 3, 7, text.length]) expect(read(`${text}${LAST}`, size)).toBeUndefined()
  })
})

function bytes(): string {
  return String.fromCharCode(...Array(256).keys())
}
