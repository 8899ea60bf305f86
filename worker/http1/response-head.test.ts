// What the head of a response says of its body and of the connection.
import { describe, expect, it } from 'vitest'
import { readResponseHead } from './response-head.ts'

const head = (lines: string[], bodyless = false) => readResponseHead([...lines, ''].join('\r\n'), bodyless)

it.each<[object, string[]]>([
  [{ status: 200, body: { length: 5 }, keepAlive: true }, ['HTTP/1.1 200 OK', 'Content-Length: 5']],
  [{ status: 299, body: undefined }, ['HTTP/1.1 299 ']],
  [{ status: 500, body: { chunked: true } }, ['HTTP/1.1 500', 'transfer-encoding: CHUNKED']],
  [{ status: 404, keepAlive: false }, ['HTTP/1.0 404 Not found']],
  [{ keepAlive: true }, ['HTTP/1.0 200 OK', 'Connection: Keep-Alive']],
  [{ keepAlive: false }, ['HTTP/1.1 200 OK', 'Connection: Close']],
  [{ status: 100, body: { length: 0 } }, ['HTTP/1.1 100 Continue']],
  [{ status: 204, body: { length: 0 } }, ['HTTP/1.1 204 No Content', 'Content-Length: 5']],
  [{ status: 304, body: { length: 0 } }, ['HTTP/1.1 304 Not Modified', 'Transfer-Encoding: chunked']],
  [{ headers: ['X', 'a \xe9 b', 'X', ''] }, ['HTTP/1.1 200 \xe9\ttr\xe8s bien', 'X:  a \xe9 b\t', 'X:']],
])('says %j: %j', (said, lines) => {
  expect(head(lines)).toMatchObject(said)
})

it('has no body where HEAD was asked', () => {
  expect(head(['HTTP/1.1 200 OK', 'Content-Length: 5'], true)).toMatchObject({
    headers: ['Content-Length', '5'],
    body: { length: 0 },
  })
})

describe('is none', () => {
  it.each([
    ['another protocol', ['ICY 200 OK']],
    ['HTTP/2', ['HTTP/2.0 200 OK']],
    ['HTTP/1.2', ['HTTP/1.2 200 OK']],
    ['a blank first', [' HTTP/1.1 200 OK']],
    ['two blanks before the status', ['HTTP/1.1  200 OK']],
    ['a status of two digits', ['HTTP/1.1 20 OK']],
    ['a status of four digits', ['HTTP/1.1 2000 OK']],
    ['a status that there is not', ['HTTP/1.1 600 OK']],
    ['a control character in the reason', ['HTTP/1.1 200 O\x01K']],
    ['a bare LF', ['HTTP/1.1 200 OK\nX: y']],
    ['a bare CR', ['HTTP/1.1 200 OK', 'X: y\rContent-Length: 0']],
    ['a folded line', ['HTTP/1.1 200 OK', 'X: y', ' z']],
    ['no colon', ['HTTP/1.1 200 OK', 'X']],
    ['two lengths', ['HTTP/1.1 200 OK', 'Content-Length: 5', 'content-length: 5']],
    ['a length that is none', ['HTTP/1.1 200 OK', 'Content-Length: -5']],
    ['a length and chunks', ['HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['another coding', ['HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked']],
  ])('%s', (_what, lines) => {
    expect(head(lines)).toBeUndefined()
  })
})
