// What a request's head says of the connection and of the body behind it. What is refused for its syntax is in
// e2e/http, and what Node's own parser makes of it in requests.differential.test.ts.
import { describe, expect, it } from 'vitest'
import { readRequestHead } from './request-head.ts'

const head = (line: string, ...fields: string[]) =>
  readRequestHead([line, 'Host: x', ...fields, ''].join('\r\n'))

describe('whether the connection stays open', () => {
  it.each<[boolean, string, string[]]>([
    [true, 'GET / HTTP/1.1', []],
    [false, 'GET / HTTP/1.0', []],
    [true, 'GET / HTTP/1.0', ['Connection: keep-alive']],
    [true, 'GET / HTTP/1.0', ['Connection: x, Keep-Alive']],
    [false, 'GET / HTTP/1.1', ['Connection: close']],
    [false, 'GET / HTTP/1.1', ['connection: CLOSE']],
    [false, 'GET / HTTP/1.1', ['Connection: x\t,\tClose']],
    [false, 'GET / HTTP/1.1', ['Connection: keep-alive, close']],
    [false, 'GET / HTTP/1.1', ['Connection: close', 'Connection: keep-alive']],
    [false, 'GET / HTTP/1.0', ['Connection: close', 'Connection: x, keep-alive']],
    [true, 'GET / HTTP/1.1', ['Connection: closed, not-close']],
    [true, 'GET / HTTP/1.1', ['Connection:']],
    // What stands behind may be meant for the other end of a tunnel.
    [false, 'CONNECT x:443 HTTP/1.1', ['Connection: keep-alive']],
  ])('%s: %s %j', (keepAlive, line, fields) => {
    expect(head(line, ...fields)).toMatchObject({ keepAlive })
  })
})

describe('the body', () => {
  it.each<[object | undefined, string[]]>([
    [undefined, []],
    [{ length: 0 }, ['Content-Length: 0']],
    [{ length: 21 }, ['content-length:\t0021 ']],
    [{ length: 999_999_999_999_999 }, ['Content-Length: 999999999999999']],
    [{ chunked: true }, ['Transfer-Encoding: Chunked']],
  ])('is %j: %j', (body, fields) => {
    expect(head('POST / HTTP/1.1', ...fields)).toMatchObject({ body })
  })

  it.each<[number, string, string[]]>([
    [400, 'POST / HTTP/1.1', ['Content-Length: 1000000000000000']],
    [400, 'POST / HTTP/1.1', ['Content-Length: 1', 'CONTENT-LENGTH: 1']],
    [400, 'POST / HTTP/1.0', ['Transfer-Encoding: chunked']],
    [400, 'POST / HTTP/1.1', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    [501, 'POST / HTTP/1.1', ['Transfer-Encoding: gzip']],
    [417, 'POST / HTTP/1.1', ['Expect: 200-ok']],
    [505, 'POST / HTTP/1.2', []],
    [505, 'POST / HTTP/2.0', []],
  ])('is refused, %i: %s %j', (status, line, fields) => {
    expect(head(line, ...fields)).toMatchObject({ status })
  })
})

it.each([
  [true, 'POST / HTTP/1.1'],
  [false, 'POST / HTTP/1.0'],
])('awaits 100: %s for %s', (awaitsContinue, line) => {
  expect(head(line, 'Expect: 100-Continue')).toMatchObject({ awaitsContinue })
})

it('keeps names, values and their order as they came, but for the blanks around values', () => {
  expect(head('GET /a?b#c HTTP/1.1', 'X-A: \t b \t c \t', 'x-a:', '__proto__: \xa0\xff')).toMatchObject({
    method: 'GET',
    target: '/a?b#c',
    headers: ['Host', 'x', 'X-A', 'b \t c', 'x-a', '', '__proto__', '\xa0\xff'],
  })
})
