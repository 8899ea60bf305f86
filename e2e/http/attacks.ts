// HTTP requests as attackers send them, each row named after what it attacks, and what may come of it.
// The ideas are those of RFC 9112 section 11, of the request smuggling literature, and of HAProxy's
// reg-tests for request targets and message framing.
import { pushBody } from '../fuzz/transactions.ts'

/**
 * What may come of a request:
 * `closed`: answered 4xx (or 5xx for a version or coding that is not spoken) and the connection closed;
 * `dropped`: the connection closed without an answer;
 * `refused`: answered 4xx, the request being well framed and so the connection left to be used;
 * `unseen`: whatever it is answered, if at all, the upstream sees nothing;
 * otherwise the one target that the upstream sees.
 */
export type Allowed = 'closed' | 'dropped' | 'refused' | 'unseen' | `/${string}`

export interface Attack {
  name: string
  /** One character a byte. */
  bytes: string
  allowed: Allowed[]
  /** What the upstream must get for a body. */
  body?: string
  method?: string
}

export const EVIL_CONTRACT = 'evilcontract'
const transaction = (account: string) =>
  pushBody({
    actions: [
      { account, name: 'act', authorization: [{ actor: 'alice', permission: 'active' }], data: '00' },
    ],
  })

const INFO = '/v1/chain/get_info'
const BLOCK = '/v1/chain/get_block'
const PUSH = '/v1/chain/push_transaction'
const HOST = 'Host: filter.example'
const JSON_TYPE = 'Content-Type: application/json'
const BODY = '{"block_num_or_id":1}'
const EVIL = transaction(EVIL_CONTRACT)
const length = (body: string) => `Content-Length: ${Buffer.byteLength(body)}`

/** A request from its lines; the body follows the empty line as it is. */
const message = (line: string, fields: string[], body = '') => [line, ...fields, '', body].join('\r\n')
const get = (target: string, ...fields: string[]) => message(`GET ${target} HTTP/1.1`, [HOST, ...fields])
const post = (target: string, fields: string[], body = BODY) =>
  message(`POST ${target} HTTP/1.1`, [HOST, JSON_TYPE, ...fields], body)
const chunk = (text: string, size = text.length.toString(16)) => `${size}\r\n${text}\r\n`
const LAST_CHUNK = '0\r\n\r\n'
/** A whole request, to be hidden in another one's body. */
const HIDDEN = post(PUSH, [length(EVIL)], EVIL)
const HIDDEN_GET = get('/v1/chain/get_abi')

const GOOD = transaction('goodcontract')
/** Nothing is wrong with this one. */
export const GOOD_TRANSACTION = post(PUSH, [length(GOOD)], GOOD)

const framing: Attack[] = [
  {
    name: 'Content-Length with Transfer-Encoding',
    bytes: post(BLOCK, [length(BODY), 'Transfer-Encoding: chunked'], LAST_CHUNK + HIDDEN),
    allowed: ['closed'],
  },
  {
    name: 'Transfer-Encoding before Content-Length',
    bytes: post(
      BLOCK,
      ['Transfer-Encoding: chunked', 'Content-Length: 4'],
      chunk(BODY) + LAST_CHUNK + HIDDEN,
    ),
    allowed: ['closed'],
  },
  ...[
    ['an unknown coding', 'Transfer-Encoding: xchunked'],
    ['identity', 'Transfer-Encoding: identity'],
    ['chunked not last', 'Transfer-Encoding: chunked, identity'],
    ['gzip under chunked', 'Transfer-Encoding: gzip, chunked'],
    ['chunked twice', 'Transfer-Encoding: chunked, chunked'],
    ['a quoted coding', 'Transfer-Encoding: "chunked"'],
    ['a vertical tab before the coding', 'Transfer-Encoding: \x0bchunked'],
    ['a NUL behind the coding', 'Transfer-Encoding: chunked\0'],
    ['white space before the colon', 'Transfer-Encoding : chunked'],
    ['white space before the name', ' Transfer-Encoding: chunked'],
    ['a folded coding', 'Transfer-Encoding:\r\n chunked'],
    ['a second header behind a bare LF', 'X: y\nTransfer-Encoding: chunked'],
    ['a second header behind a bare CR', 'X: y\rTransfer-Encoding: chunked'],
    ['an empty coding', 'Transfer-Encoding:'],
    ['a coding with a parameter', 'Transfer-Encoding: chunked;x=y'],
  ].map(
    ([what, field]): Attack => ({
      name: `Transfer-Encoding: ${what}`,
      bytes: post(BLOCK, [field!, length(BODY)], chunk(BODY) + LAST_CHUNK + HIDDEN),
      allowed: ['closed'],
    }),
  ),
  {
    name: 'two Transfer-Encoding headers',
    bytes: post(
      BLOCK,
      ['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'],
      chunk(BODY) + LAST_CHUNK,
    ),
    allowed: ['closed', BLOCK],
    body: BODY,
  },
  {
    name: 'Transfer-Encoding in capitals',
    bytes: post(BLOCK, ['TRANSFER-ENCODING: CHUNKED'], chunk(BODY) + LAST_CHUNK),
    allowed: ['closed', BLOCK],
    body: BODY,
  },
  ...[
    ['another one', `${length(BODY)}\r\nContent-Length: 0`],
    ['another one first', `Content-Length: 0\r\n${length(BODY)}`],
    ['the same one again', `${length(BODY)}\r\n${length(BODY)}`],
    ['a list', `${length(BODY)}, ${BODY.length}`],
    ['a plus sign', `Content-Length: +${BODY.length}`],
    ['a minus sign', 'Content-Length: -1'],
    ['hex', 'Content-Length: 0x15'],
    ['a fraction', `Content-Length: ${BODY.length}.0`],
    ['an exponent', 'Content-Length: 2e1'],
    ['nothing', 'Content-Length:'],
    ['two numbers', `Content-Length: ${BODY.length} 5`],
    ['beyond 64 bits', 'Content-Length: 18446744073709551637'],
    ['white space before the colon', `Content-Length : ${BODY.length}`],
    ['a NUL', `Content-Length: ${BODY.length}\0`],
    ['a folded number', `Content-Length:\r\n ${BODY.length}`],
  ].map(
    ([what, field]): Attack => ({
      name: `Content-Length: ${what}`,
      bytes: post(BLOCK, [field!], BODY + HIDDEN_GET),
      allowed: ['closed'],
    }),
  ),
  {
    name: 'Content-Length with leading zeros',
    bytes: post(BLOCK, [`Content-Length: 000${BODY.length}`]),
    allowed: ['closed', BLOCK],
    body: BODY,
  },
  {
    name: 'a plain chunked body',
    bytes: post(BLOCK, ['Transfer-Encoding: chunked'], chunk(BODY) + LAST_CHUNK),
    allowed: [BLOCK],
    body: BODY,
  },
  {
    name: 'a chunk extension',
    bytes: post(
      BLOCK,
      ['Transfer-Encoding: chunked'],
      chunk(BODY, `${BODY.length.toString(16)};a=b`) + LAST_CHUNK,
    ),
    allowed: ['closed', BLOCK],
    body: BODY,
  },
  ...[
    ['no number', 'xyz'],
    ['negative', '-15'],
    ['with a plus sign', '+15'],
    ['with 0x', '0x15'],
    ['empty', ''],
    ['beyond 64 bits', '10000000000000015'],
    ['with white space before', ' 15'],
    ['with an LF in its extension', '15;a\nb'],
  ].map(
    ([what, size]): Attack => ({
      name: `a chunk size ${what}`,
      bytes: post(BLOCK, ['Transfer-Encoding: chunked'], chunk(BODY, size) + LAST_CHUNK + HIDDEN),
      allowed: ['closed'],
    }),
  ),
  {
    name: 'a chunk size that ends in a bare LF',
    bytes: post(BLOCK, ['Transfer-Encoding: chunked'], `15\n${BODY}\r\n${LAST_CHUNK}${HIDDEN}`),
    allowed: ['closed'],
  },
  {
    name: 'a chunk longer than it says',
    bytes: post(BLOCK, ['Transfer-Encoding: chunked'], chunk(BODY, '5') + LAST_CHUNK + HIDDEN),
    allowed: ['closed'],
  },
  {
    name: 'a chunk without CRLF behind it',
    bytes: post(BLOCK, ['Transfer-Encoding: chunked'], `15\r\n${BODY}0\r\n\r\n${HIDDEN}`),
    allowed: ['closed'],
  },
  ...[
    'X-Forwarded-For: 203.0.113.66',
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Host: evil.example',
  ].map(
    (field): Attack => ({
      name: `the trailer ${field}`,
      bytes: post(BLOCK, ['Transfer-Encoding: chunked'], `${chunk(BODY)}0\r\n${field}\r\n\r\n`),
      allowed: ['closed', BLOCK],
      body: BODY,
    }),
  ),
]

const syntax: Attack[] = [
  {
    name: 'bare LF for every line end',
    bytes: get(INFO).replaceAll('\r\n', '\n'),
    allowed: ['closed', INFO],
  },
  { name: 'bare LF behind the request line', bytes: get(INFO).replace('\r\n', '\n'), allowed: ['closed'] },
  { name: 'bare CR for every line end', bytes: get(INFO).replaceAll('\r\n', '\r'), allowed: ['closed'] },
  ...[
    ['obs-fold', 'X-A: b\r\n c: d'],
    ['a first line that is folded', ' folded'],
    ['NUL in a name', 'X\0A: b'],
    ['NUL in a value', 'X-A: b\0c'],
    ['a control character in a value', 'X-A: b\x01c'],
    ['DEL in a value', 'X-A: b\x7fc'],
    ['white space in a name', 'X A: b'],
    ['a tab before the colon', 'X-A\t: b'],
    ['an empty name', ': b'],
    ['no colon', 'X-A'],
    ['a parenthesis in a name', 'X(A): b'],
    ['a high byte in a name', 'X-\xff: b'],
    ['a bare CR in a value', 'X-A: b\rc'],
    ['a bare LF in a value', 'X-A: b\nX-Forwarded-For: 203.0.113.66'],
  ].map(
    ([what, field]): Attack => ({ name: `header: ${what}`, bytes: get(INFO, field!), allowed: ['closed'] }),
  ),
  { name: 'header: a high byte in a value', bytes: get(INFO, 'X-A: \xff\xc3'), allowed: ['closed', INFO] },
  {
    name: 'header: names of every object',
    bytes: get(INFO, '__proto__: x', 'constructor: y'),
    allowed: ['closed', INFO],
  },
  { name: 'header: no value', bytes: get(INFO, 'X-A:'), allowed: ['closed', INFO] },
  { name: 'header: too many bytes', bytes: get(INFO, `X-A: ${'a'.repeat(1_000_000)}`), allowed: ['closed'] },
  {
    name: 'header: too many of them',
    bytes: get(INFO, ...Array.from({ length: 20_000 }, (_, i) => `a${i}: b`)),
    allowed: ['closed'],
  },
  { name: 'empty lines before the request', bytes: `\r\n\r\n${get(INFO)}`, allowed: ['closed', INFO] },
  { name: 'white space before the request', bytes: ` ${get(INFO)}`, allowed: ['closed'] },
  ...[
    ['a tab for a space', `GET\t${INFO}\tHTTP/1.1`],
    ['no target', 'GET HTTP/1.1'],
    ['an empty target', 'GET  HTTP/1.1'],
    ['a space in the target', `GET ${INFO} x HTTP/1.1`],
    ['a NUL in the target', `GET ${INFO}\0 HTTP/1.1`],
    ['a control character in the target', `GET ${INFO}\x01 HTTP/1.1`],
    ['DEL in the target', `GET ${INFO}\x7f HTTP/1.1`],
    ['a target without slash', `GET ${INFO.slice(1)} HTTP/1.1`],
    ['a target of a query alone', 'GET ?x HTTP/1.1'],
    ['a target that is an address', 'GET user@evil.example/v1/chain/get_info HTTP/1.1'],
    ['HTTP/1.2', `GET ${INFO} HTTP/1.2`],
    ['HTTP/9.9', `GET ${INFO} HTTP/9.9`],
    ['HTTP/1.10', `GET ${INFO} HTTP/1.10`],
    ['a lower-case version', `GET ${INFO} http/1.1`],
    ['another protocol', `GET ${INFO} ICE/1.0`],
    ['a NUL in the method', `G\0T ${INFO} HTTP/1.1`],
    ['an unknown method', `BREW ${INFO} HTTP/1.1`],
    ['a lower-case method', `get ${INFO} HTTP/1.1`],
    ['a method without end', `${'A'.repeat(70_000)} ${INFO} HTTP/1.1`],
  ].map(
    ([what, line]): Attack => ({
      name: `request line: ${what}`,
      bytes: message(line!, [HOST]),
      allowed: ['closed', 'refused'],
    }),
  ),
  // The major versions that a parser of HTTP/1 may know; what goes on is HTTP/1.1 all the same.
  ...['', ' HTTP/2.0'].map(
    (version): Attack => ({
      name: `request line: the version ${JSON.stringify(version)}`,
      bytes: message(`GET ${INFO}${version}`, [HOST]),
      allowed: ['closed', 'refused', INFO],
    }),
  ),
  { name: 'the HTTP/2 preface', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', allowed: ['closed'] },
  {
    name: 'TLS on the plain port',
    bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    allowed: ['closed'],
  },
  {
    name: 'Host missing',
    bytes: message(`GET ${INFO} HTTP/1.1`, ['X-A: b']),
    allowed: ['closed', 'refused'],
  },
  { name: 'Host twice', bytes: get(INFO, 'Host: evil.example'), allowed: ['closed', 'refused', INFO] },
  {
    name: 'Host empty',
    bytes: message(`GET ${INFO} HTTP/1.1`, ['Host:']),
    allowed: ['closed', 'refused', INFO],
  },
  ...['evil.example:99999', 'evil.example/x', 'a b', 'evil.example?x', '[::1', 'evil@x', 'a,b', '\xff'].map(
    (host): Attack => ({
      name: `Host: ${JSON.stringify(host)}`,
      bytes: message(`GET ${INFO} HTTP/1.1`, [`Host: ${host}`]),
      allowed: ['closed', 'refused', INFO],
    }),
  ),
  {
    name: 'HTTP/1.0 without Host',
    bytes: message(`GET ${INFO} HTTP/1.0`, ['X-A: b']),
    allowed: ['closed', 'refused', INFO],
  },
  {
    name: 'HTTP/1.0 with a chunked body',
    bytes: message(
      `POST ${BLOCK} HTTP/1.0`,
      [HOST, 'Transfer-Encoding: chunked'],
      chunk(BODY) + LAST_CHUNK + HIDDEN,
    ),
    allowed: ['closed', 'refused', BLOCK],
    body: BODY,
  },
]

const targets: Attack[] = [
  ...[
    'http://evil.example/v1/chain/get_info',
    'https://evil.example/v1/chain/get_info',
    'HTTP://filter.example/v1/chain/get_info',
    'http://filter.example:80/v1/chain/get_info',
    'http:///v1/chain/get_info',
    'http://user:secret@evil.example/v1/chain/get_info',
    'ftp://evil.example/v1/chain/get_info',
    'file:///v1/chain/get_info',
  ].map(
    (target): Attack => ({
      name: `absolute-form ${target}`,
      bytes: get(target),
      allowed: ['closed', 'refused', INFO],
    }),
  ),
  ...[
    '//evil.example/v1/chain/get_info',
    '///evil.example/v1/chain/get_info',
    '/\\evil.example/v1/chain/get_info',
    '\\\\evil.example\\v1\\chain\\get_info',
    '/v1/chain/../chain/get_info',
    '/v1/chain/./get_info',
    '/v1/chain/%2e%2e/chain/get_info',
    '/v1/chain/%2E/get_info',
    '/v1/chain/.%2e/chain/get_info',
    '/v1/chain/..;/chain/get_info',
    '/v1/chain/get_info/..',
    '/../v1/chain/get_info',
    '/v1/chain/../../patroneos/config',
    '/%76%31/chain/get_info',
    '/v1%2fchain%2fget_info',
    '/v1/chain/get_info%00',
    '/v1/chain/get_info%0d%0aX-A:%20b',
    '/v1/chain/%zz',
    '/v1/chain/%',
    '/v1/chain/get_info#/../push_transaction',
    '/v1/chain/get_info#',
    '/v1/chain/get_info;x',
    '/v1/chain/get_info\\..\\push_block',
    '/v1/chain/"<>^`{|}',
    '/v1/chain/\xc3\xa9',
    '/v1/chain//get_info',
    '/v1/chain/',
    '/v1/producer/pause',
    '/v1/chain/push_block',
    '/V1/CHAIN/GET_INFO',
    '/',
    '*',
  ].map(
    (target): Attack => ({
      name: `the target ${JSON.stringify(target)}`,
      bytes: get(target),
      // Passed on as it came is safe as well, where the policy allows the path: nodeos knows only exact ones.
      allowed: ['closed', 'refused', ...(target.startsWith('/v1/chain/') ? [target as Allowed] : [])],
    }),
  ),
  {
    name: 'a target in whose query other targets stand',
    bytes: get(`${INFO}?x=/../push_block&y=http://evil.example/%2e%2e/`),
    allowed: [`${INFO}?x=/../push_block&y=http://evil.example/%2e%2e/`],
  },
  { name: 'an empty query', bytes: get(`${INFO}?`), allowed: ['refused', 'closed', `${INFO}?`, INFO] },
  {
    name: 'OPTIONS in asterisk-form',
    bytes: message('OPTIONS * HTTP/1.1', [HOST]),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'CONNECT in authority-form',
    bytes: message('CONNECT evil.example:443 HTTP/1.1', ['Host: evil.example:443'], HIDDEN),
    allowed: ['closed', 'dropped'],
  },
  {
    name: 'CONNECT with a path',
    bytes: message(`CONNECT ${INFO} HTTP/1.1`, [HOST], HIDDEN),
    allowed: ['closed', 'dropped'],
  },
  {
    name: 'TRACE',
    bytes: message(`TRACE ${INFO} HTTP/1.1`, [HOST, 'Cookie: a=b']),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'a target of 100,000 bytes',
    bytes: get(`/v1/chain/${'a'.repeat(100_000)}`),
    allowed: ['closed', 'refused'],
  },
]

// A request that is answered before its body was read: the body must not be taken for the next request.
const behind: Attack[] = [
  {
    name: 'a request in the body of a path that is not served',
    bytes: post('/v1/producer/pause', [length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'a request in the chunked body of a path that is not served',
    bytes: post('/v1/producer/pause', ['Transfer-Encoding: chunked'], chunk(HIDDEN_GET) + LAST_CHUNK),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'a request in the body of a method that is not served',
    bytes: message(`DELETE ${INFO} HTTP/1.1`, [HOST, length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'a request in a body that is too large',
    bytes: post(BLOCK, ['Content-Length: 99999999'], HIDDEN_GET),
    allowed: ['closed'],
  },
  {
    name: 'a request in an encoded body',
    bytes: post(BLOCK, ['Content-Encoding: gzip', length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'a request in the body of the health check',
    bytes: message('GET /patroneos/health HTTP/1.1', [HOST, length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['unseen'],
  },
  {
    name: 'a request in the body of the old relay path',
    bytes: post('/patroneos/fail2ban-relay', [length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'a request in a body that is no JSON',
    bytes: post(BLOCK, [length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'a request in the body of a GET',
    bytes: message(`GET ${INFO} HTTP/1.1`, [HOST, length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['closed', 'refused', INFO],
  },
  {
    name: 'a request in the body of a HEAD',
    bytes: message(`HEAD ${INFO} HTTP/1.1`, [HOST, length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['closed', 'refused', INFO],
  },
  {
    name: 'a request in the body of an OPTIONS',
    bytes: message(`OPTIONS ${INFO} HTTP/1.1`, [HOST, length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['closed', 'refused', INFO],
  },
  {
    name: 'a transaction in the body of a GET',
    bytes: message(`GET ${PUSH} HTTP/1.1`, [HOST, length(EVIL)], EVIL),
    allowed: ['closed', 'refused', PUSH],
    body: '',
  },
  {
    name: 'a transaction in the chunked body of a GET',
    bytes: message(`GET ${PUSH} HTTP/1.1`, [HOST, 'Transfer-Encoding: chunked'], chunk(EVIL) + LAST_CHUNK),
    allowed: ['closed', 'refused', PUSH],
    body: '',
  },
  {
    name: 'a transaction in the body of a HEAD',
    bytes: message(`HEAD ${PUSH} HTTP/1.1`, [HOST, length(EVIL)], EVIL),
    allowed: ['closed', 'refused', PUSH],
    body: '',
  },
  {
    name: 'a forbidden transaction behind one that is rejected',
    bytes: post(PUSH, [length(EVIL)], EVIL) + HIDDEN,
    allowed: ['closed', 'refused'],
  },
  {
    name: 'a good request behind one that is rejected',
    bytes: post(PUSH, [length(EVIL)], EVIL) + get(INFO),
    allowed: ['closed', 'refused', INFO],
  },
  {
    name: 'a rejected request behind a good one',
    bytes: get(INFO) + HIDDEN,
    allowed: [INFO],
  },
  {
    name: 'no request at all behind a good one',
    bytes: `${get(INFO)}\0\0\0\0 garbage\r\n\r\n`,
    allowed: [INFO],
  },
  {
    name: 'a body that never comes',
    bytes: post(BLOCK, ['Content-Length: 1000'], BODY),
    allowed: ['unseen'],
  },
]

const fields: Attack[] = [
  {
    name: 'Expect: 100-continue',
    bytes: post(BLOCK, ['Expect: 100-continue', length(BODY)]),
    allowed: ['closed', 'refused', BLOCK],
    body: BODY,
  },
  {
    name: 'Expect: 100-continue on a path that is not served',
    bytes: post('/v1/producer/pause', ['Expect: 100-continue', length(HIDDEN_GET)], HIDDEN_GET),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'Expect of something else',
    bytes: post(BLOCK, ['Expect: the-unexpected', length(BODY)]),
    allowed: ['closed', 'refused', BLOCK],
    body: BODY,
  },
  {
    name: 'Upgrade to a WebSocket',
    bytes: get(
      INFO,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ),
    allowed: ['closed', 'refused', INFO],
  },
  {
    name: 'Upgrade to h2c',
    bytes: get(
      INFO,
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
    ),
    allowed: ['closed', 'refused', INFO],
  },
  {
    name: 'Connection that names the headers that frame and judge',
    bytes: post(BLOCK, [
      'Connection: close, content-length, host, x-forwarded-for, content-type, transfer-encoding',
      length(BODY),
    ]),
    allowed: ['closed', 'refused', BLOCK],
    body: BODY,
  },
  {
    name: 'hop-by-hop headers',
    bytes: get(
      INFO,
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: Basic eA==',
      'TE: trailers',
      'Trailer: X-A',
    ),
    allowed: [INFO],
  },
  {
    name: 'headers that claim to come from a proxy',
    bytes: get(
      INFO,
      'X-Forwarded-For: 203.0.113.66',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: https',
      'Forwarded: for=203.0.113.66',
      'X-Real-IP: 203.0.113.66',
      'CF-Connecting-IP: 203.0.113.66',
    ),
    allowed: [INFO],
  },
  { name: 'credentials', bytes: get(INFO, 'Authorization: Bearer x', 'Cookie: a=b'), allowed: [INFO] },
  {
    name: 'Content-Encoding of a transaction',
    bytes: post(PUSH, ['Content-Encoding: gzip', length(EVIL)], EVIL),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'Content-Encoding: identity, twice',
    bytes: post(PUSH, ['Content-Encoding: identity', 'Content-Encoding: gzip', length(EVIL)], EVIL),
    allowed: ['closed', 'refused'],
  },
  {
    name: 'a method override',
    bytes: post(BLOCK, ['X-HTTP-Method-Override: DELETE', length(BODY)]),
    allowed: [BLOCK],
    body: BODY,
  },
]

export const ATTACKS: Attack[] = [...framing, ...syntax, ...targets, ...behind, ...fields]
