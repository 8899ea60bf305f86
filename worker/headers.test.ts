// Which headers cross the filter, in either direction.
import { describe, expect, test } from 'vitest'
import type { Address } from '../shared/address.ts'
import { responseHeaders, upstreamHeaders } from './headers.ts'
import { ask, startBoth } from './testing/harness.ts'

const CLIENT = '203.0.113.9' as Address
const upstream = (headers: string[], rebuilt = false) => upstreamHeaders(headers, CLIENT, rebuilt)
const OWN = ['x-forwarded-for', CLIENT]

describe('to nodeos', () => {
  test.each([
    ['Accept', '*/*'],
    ['User-Agent', 'eosjs'],
    ['Content-Type', 'application/json'],
    ['Accept-Encoding', 'gzip'],
    ['Accept-Language', 'en'],
    ['Origin', 'https://app.example'],
    ['Access-Control-Request-Method', 'POST'],
    ['If-None-Match', '"x"'],
    ['X-Request-Id', '1'],
    ['Via', '1.1 proxy'],
  ])('%s goes', (name, value) => {
    expect(upstream([name, value])).toEqual([name.toLowerCase(), value, ...OWN])
  })

  test.each([
    ...['Connection', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Authorization', 'Proxy-Connection'],
    ...['TE', 'Trailer', 'Transfer-Encoding', 'Upgrade', 'HTTP2-Settings'],
    ...['Authorization', 'Cookie', 'Expect', 'Host', 'Content-Length', 'Content-Encoding'],
    ...['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Anything'],
    ...[
      'X-Real-IP',
      'CF-Connecting-IP',
      'CF-Ray',
      'CF-Anything',
      'AUTHORIZATION',
      'x_forwarded_for',
      'Transfer_Encoding',
      'X_Real-IP',
    ],
  ])('%s does not', (name) => {
    expect(upstream([name, 'x', 'Accept', '*/*'])).toEqual(['accept', '*/*', ...OWN])
  })

  test.each([
    ['X-Hop', ['x-hop']],
    ['close, X-Hop', ['x-hop']],
    ['keep-alive,X-Hop ,  X-OTHER', ['x-hop', 'x-other']],
    [',,X-Hop,', ['x-hop']],
  ])('what Connection lists does not: %s', (value, names) => {
    const sent = ['X-Hop', '1', 'x-other', '2', 'X-Kept', '3']
    const kept = sent.filter((_, at) => !names.includes(sent[at - (at % 2)]!.toLowerCase()))
    expect(upstream(['Connection', value, ...sent])).toEqual([
      ...kept.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text)),
      ...OWN,
    ])
  })

  test('several lines of Connection count as one', () => {
    expect(upstream(['Connection', 'close', 'connection', 'x-hop', 'X-Hop', '1'])).toEqual(OWN)
  })

  test('Connection cannot take away what the filter sets', () => {
    const headers = upstream(
      ['Connection', 'x-forwarded-for, content-type', 'Content-Type', 'text/plain'],
      true,
    )
    expect(headers).toEqual(['content-type', 'application/json', ...OWN])
  })

  test('a header that came several times goes as often', () => {
    expect(upstream(['X-A', '1', 'x-a', '2'])).toEqual(['x-a', '1', 'x-a', '2', ...OWN])
  })

  test('a rebuilt body is JSON, and asks for an answer that can be read', () => {
    expect(
      upstream(['Content-Type', 'text/plain', 'Accept-Encoding', 'gzip', 'Accept', '*/*'], true),
    ).toEqual([...['accept', '*/*', 'content-type', 'application/json'], ...OWN])
  })
})

describe('from nodeos', () => {
  const none = new Map<string, string>()

  test.each([
    ...['Connection', 'Keep-Alive', 'Transfer-Encoding', 'Trailer', 'Upgrade', 'Proxy-Authenticate'],
  ])('%s does not come through', (name) => {
    expect(responseHeaders([name, 'x', 'Content-Type', 'application/json'], none)).toEqual([
      'Content-Type',
      'application/json',
    ])
  })

  test('what Connection lists does not come through', () => {
    expect(responseHeaders(['Connection', 'close, X-Hop', 'X-Hop', '1', 'X-Kept', '2'], none)).toEqual([
      'X-Kept',
      '2',
    ])
  })

  test('several lines of one name stay several', () => {
    const cookies = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']
    expect(responseHeaders(cookies, none)).toEqual(cookies)
  })

  test('configured ones replace them, or remove them where empty', () => {
    const configured = new Map([
      ['server', 'tank'],
      ['x-powered-by', ''],
      ['access-control-allow-origin', '*'],
    ])
    const sent = [
      'Server',
      'nodeos',
      'X-Powered-By',
      'x',
      'Access-Control-Allow-Origin',
      'null',
      'X-Kept',
      '1',
    ]
    expect(responseHeaders(sent, configured)).toEqual([
      ...['X-Kept', '1', 'server', 'tank', 'access-control-allow-origin', '*'],
    ])
  })

  test.each([200, 202, 301, 400, 404, 500, 503])(
    'through the running filter, status %i and body are untouched',
    async (status) => {
      const { filter } = await startBoth({}, (_request, outgoing) =>
        outgoing
          .writeHead(status, {
            'x-kept': '1',
            'x-hop': '2',
            connection: 'x-hop',
            location: 'http://evil.example/',
          })
          .end('{"exact" : 1.0}'),
      )
      const answer = await ask(filter.port, {})
      expect(answer).toMatchObject({ status, text: '{"exact" : 1.0}', headers: { 'x-kept': '1' } })
      expect(answer.headers).toMatchObject({ location: 'http://evil.example/' })
      expect(answer.headers).not.toHaveProperty('x-hop')
    },
  )
})
