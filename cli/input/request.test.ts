// A request is the same however it is written.
import { describe, expect, test } from 'vitest'
import { CommandError } from '../command-error.ts'
import { folderForTest } from '../testing/run-cli.ts'
import { readRequest } from './request.ts'

const BODY = '{"code":"eosio","table":"it\'s"}'

const read = (text: string, entry?: number) => {
  const request = readRequest(Buffer.from(text), { entry })
  if ('refused' in request) return request
  return { ...request, body: Buffer.from(request.body).toString() }
}
const failure = (text: string) => {
  try {
    read(text)
  } catch (error) {
    if (error instanceof CommandError) return error.message
    throw error
  }
  throw new Error('it was read')
}

const headers = [
  { name: ':method', value: 'POST' },
  { name: 'Content-Type', value: 'application/json' },
  { name: 'x-a', value: '1' },
  { name: 'x-a', value: '2' },
]
const harRequest = {
  method: 'POST',
  url: 'https://api.example/v1/chain/get_table_rows?a=%20',
  headers,
  postData: { mimeType: 'application/json', text: BODY },
}
const entry = { startedDateTime: '2026-11-23T16:20:11.000Z', request: harRequest }

describe('one request as', () => {
  const forms: [string, string][] = [
    [
      'JSON',
      JSON.stringify({
        path: '/v1/chain/get_table_rows?a=%20',
        headers: { 'Content-Type': 'application/json', 'x-a': ['1', '2'] },
        body: BODY,
      }),
    ],
    ['a HAR entry', JSON.stringify(entry)],
    ['a HAR file', JSON.stringify({ log: { version: '1.2', entries: [entry] } })],
    [
      'HTTP text with LF',
      `POST /v1/chain/get_table_rows?a=%20 HTTP/1.1\nHost: x\nContent-Type: application/json\nx-a: 1\nx-a: 2\n\n${BODY}`,
    ],
    [
      'HTTP text with CRLF, Content-Length and a line break behind the body',
      `POST /v1/chain/get_table_rows?a=%20 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nx-a: 1\r\nx-a: 2\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}\n`,
    ],
    [
      'HTTP text of HTTP/2',
      `POST /v1/chain/get_table_rows?a=%20 HTTP/2\nHost: x\nContent-Type: application/json\nx-a: 1\nx-a: 2\n\n${BODY}`,
    ],
    [
      'a curl line as browsers copy it',
      `curl 'https://api.example/v1/chain/get_table_rows?a=%20' \\\n  -H 'Content-Type: application/json' \\\n  -H 'x-a: 1' -H 'x-a: 2' \\\n  --data-raw $'{"code":"eosio","table":"it\\'s"}' --compressed`,
    ],
    [
      'a curl line as people write it',
      `$ curl -sS -XPOST api.example/v1/chain/get_table_rows?a=%20 -HContent-Type:application/json -H "x-a: 1" -H "x-a: 2" -d "{\\"code\\":\\"eosio\\",\\"table\\":\\"it's\\"}"`,
    ],
  ]
  test.each(forms)('%s', (_what, text) => {
    const found = read(text)
    if ('refused' in found) throw new Error(found.refused.detail)
    expect(found).toMatchObject({ method: 'POST', target: '/v1/chain/get_table_rows?a=%20', body: BODY })
    const fields = new Map<string, string>()
    for (let at = 0; at < found.headers.length; at += 2) {
      const name = found.headers[at]!.toLowerCase()
      fields.set(name, [fields.get(name), found.headers[at + 1]].filter(Boolean).join(', '))
    }
    expect(fields.get('content-type')).toBe('application/json')
    expect(fields.get('x-a')).toBe('1, 2')
  })

  test('a HAR entry has its time', () => {
    expect(read(JSON.stringify(entry))).toMatchObject({ time: Date.parse(entry.startedDateTime) })
  })
})

describe('curl', () => {
  test.each([
    ['curl x', 'GET', '/', ''],
    ['curl -I http://x/v1/chain/get_info', 'HEAD', '/v1/chain/get_info', ''],
    ['curl -G x/a?b=1 -d c=2 -d d=3', 'GET', '/a?b=1&c=2&d=3', ''],
    ['curl x/a -d a=1 --data-raw @b', 'POST', '/a', 'a=1&@b'],
    ['curl --url x/a --json {"a":1}', 'POST', '/a', '{a:1}'],
    ['curl -X PUT x/../a', 'PUT', '/../a', ''],
  ])('%s', (line, method, target, body) => {
    expect(read(line)).toMatchObject({ method, target, body })
  })

  test('data of a file loses its line breaks, and keeps them as --data-binary', () => {
    const file = folderForTest().write('body', '{\n}\n')
    expect(read(`curl x -d @${file}`)).toMatchObject({ body: '{}' })
    expect(read(`curl x --data-binary @${file}`)).toMatchObject({ body: '{\n}\n' })
  })

  test('says what it does not know', () => {
    expect(failure('curl x -F a=b')).toMatch(
      /^the curl line: Unknown option '-F'; known are --request, --header/,
    )
    expect(failure('curl x y')).toBe('the curl line has 2 URLs; it must have one')
    expect(failure("curl 'x")).toMatch(/^the curl line cannot be read as a shell does/)
  })
})

test('HTTP text that is no request is refused as the listener does', () => {
  expect(read('GET / HTTP/1.1\n\n')).toEqual({ refused: { status: 400, detail: 'No Host' } })
  expect(read('GET / HTTP/1.9\nHost: x\n\n')).toMatchObject({ refused: { status: 505 } })
})

test.each([
  ['', 'there is no request; give JSON'],
  ['what', 'found "what", which is neither a file nor a request; give JSON'],
  ['{', 'the request is not JSON'],
  [
    '{"path":"/","nope":1}',
    'the request: nope: found an unknown key; allowed: body, bodyBase64, from, headers',
  ],
  [
    'POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nabc',
    'the HTTP text has 3 bytes of body; Content-Length says 5',
  ],
  ['POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n0', 'the HTTP text has a chunked body'],
  [
    JSON.stringify({ log: { entries: [entry, entry] } }),
    'the HAR file has 2 entries: name one with --entry 1 to 2',
  ],
])('%j cannot be read: %s', (text, reason) => {
  expect(failure(text)).toContain(reason)
})
