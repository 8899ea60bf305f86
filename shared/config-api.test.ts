// The config API over a real configuration file.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FilterConfig, filterConfigSchema } from './config/filter.ts'
import { parseConfig } from './config/parse.ts'
import { createConfigApi, mergePatch, metricsRoute } from './config-api.ts'
import { fileConfigStore } from './config-file.ts'
import type { ConfigStore } from './config-store.ts'
import { createLogger } from './logger.ts'

let folder: string
let path: string
let store: ConfigStore<FilterConfig>
let changes: FilterConfig[]
let logged: string[]
/** The file and the configuration in force before a test's requests. */
let before: { file: string; inForce: FilterConfig }

const INITIAL = { contractBlackList: { bad: true, worse: true }, maxSignatures: 5 }

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patroneos-config-'))
  path = join(folder, 'config.json')
  changes = []
  logged = []
  const { config } = parseConfig<FilterConfig>(filterConfigSchema, INITIAL) as { config: FilterConfig }
  store = fileConfigStore(path, config, (next) => changes.push(next))
  await store.replace(config)
  changes.length = 0
  before = { file: file(), inForce: store.current() }
})
afterEach(() => rmSync(folder, { recursive: true }))

const file = () => readFileSync(path, 'utf8')

function apiWith(options: { token?: string } = {}) {
  const logger = createLogger({ readable: false, write: (line) => logged.push(line) })
  const api = createConfigApi({
    schema: filterConfigSchema,
    store,
    logger,
    routes: [metricsRoute(() => 'up 1\n')],
    ...options,
  })
  return async (method: string, body?: unknown, headers: Record<string, string> = {}, at = 'config') => {
    const response = await api.request(`/patroneos/${at}`, {
      method,
      headers: {
        host: 'localhost:9001',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') && text !== ''
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson ? JSON.parse(text) : undefined,
    }
  }
}

const unchanged = () => {
  expect(file()).toBe(before.file)
  expect(store.current()).toBe(before.inForce)
  expect(changes).toEqual([])
}

describe('reading', () => {
  test('GET answers the whole configuration in force, and a tag of it', async () => {
    const answer = await apiWith()('GET')
    expect(answer).toMatchObject({ status: 200, json: store.current() })
    expect(answer.json).toMatchObject({ ...INITIAL, listenPort: '8081' })
    expect(answer.headers.get('etag')).toMatch(/^"[0-9a-f]{32}"$/)
  })

  test('HEAD answers the same without the body', async () => {
    const ask = apiWith()
    const [get, head] = [await ask('GET'), await ask('HEAD')]
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(head.headers.get('etag')).toBe(get.headers.get('etag'))
  })

  test('the tag changes with the configuration, and comes back with it', async () => {
    const ask = apiWith()
    const tags = [await ask('GET')]
    for (const maxSignatures of [6, 5]) tags.push(await ask('POST', { maxSignatures }), await ask('GET'))
    const [a, b, c, d, e] = tags.map(({ headers }) => headers.get('etag'))
    expect(b).not.toBe(a)
    expect([c, d, e]).toEqual([b, a, a])
  })

  test('metrics are text for Prometheus; health is there for anybody', async () => {
    expect(await apiWith()('GET', undefined, {}, 'metrics')).toMatchObject({ status: 200, text: 'up 1\n' })
    const health = await apiWith({ token: 'secret' })('GET', undefined, { host: 'x' }, 'health')
    expect(health).toMatchObject({ status: 200, json: { status: 'ok' } })
  })
})

describe('POST', () => {
  test('changes what it names and leaves the rest, in force and in the file', async () => {
    const answer = await apiWith()('POST', { maxActions: 7, contractBlackList: { worst: true } })
    const expected = {
      ...before.inForce,
      maxActions: 7,
      contractBlackList: { bad: true, worse: true, worst: true },
    }
    expect(answer).toMatchObject({ status: 200, json: expected })
    expect(store.current()).toEqual(expected)
    expect(JSON.parse(file())).toEqual(expected)
    expect(changes).toEqual([expected])
  })

  test('null removes an entry of a map, and puts a key back to its default', async () => {
    await apiWith()('POST', { contractBlackList: { bad: null, absent: null }, maxSignatures: null })
    expect(store.current()).toMatchObject({ maxSignatures: 10 })
    expect(store.current().contractBlackList).toEqual({ worse: true })
    await apiWith()('POST', { contractBlackList: null })
    expect(store.current().contractBlackList).toEqual({})
  })

  test('a list is replaced as a whole', async () => {
    await apiWith()('POST', { trustedProxies: ['10.0.0.0/8'] })
    expect(store.current().trustedProxies).toEqual(['10.0.0.0/8'])
  })

  test('an empty patch changes nothing and answers the configuration', async () => {
    expect(await apiWith()('POST', {})).toMatchObject({ status: 200, json: before.inForce })
    expect(file()).toBe(before.file)
  })

  test('an account may be called like a member of every object', async () => {
    expect(await apiWith()('POST', { contractBlackList: { constructor: true } })).toMatchObject({
      status: 200,
    })
    expect(Object.keys(store.current().contractBlackList)).toEqual(['bad', 'worse', 'constructor'])
  })

  test('many at once all take effect', async () => {
    const ask = apiWith()
    const names = Array.from(
      { length: 50 },
      (_, n) => `c${'abcde'[n % 5]}${'12345'[Math.floor(n / 5) % 5]}${n < 25 ? 'x' : 'y'}`,
    )
    await Promise.all(names.map((name) => ask('POST', { contractBlackList: { [name]: true } })))
    expect(Object.keys(store.current().contractBlackList).toSorted()).toEqual(
      ['bad', 'worse', ...names].toSorted(),
    )
    expect(JSON.parse(file())).toEqual(store.current())
  })
})

describe('PUT', () => {
  test('replaces the whole; what it does not name has its default', async () => {
    const answer = await apiWith()('PUT', { maxActions: 7 })
    expect(answer).toMatchObject({
      status: 200,
      json: { maxActions: 7, maxSignatures: 10, contractBlackList: {} },
    })
    expect(JSON.parse(file())).toEqual(answer.json)
  })

  test('takes what GET answered', async () => {
    const ask = apiWith()
    expect(await ask('PUT', (await ask('GET')).json)).toMatchObject({ status: 200, json: before.inForce })
    expect(file()).toBe(before.file)
  })
})

describe('what is wrong changes nothing, and is named', () => {
  const only = (path: string, found: string, allowed: unknown = expect.any(String)) => [
    { path, found, allowed },
  ]

  test.each([
    ['POST', { listenPort: 'abc' }, only('listenPort', '"abc"', expect.stringContaining('0 to 65535'))],
    ['POST', { nope: 1 }, only('nope', 'an unknown key', expect.stringContaining('maxSignatures'))],
    ['POST', { logEndpoints: ['relay'] }, only('logEndpoints.0', '"relay"')],
    ['POST', { trustedProxies: ['10.0.0.0/99'] }, only('trustedProxies.0', '"10.0.0.0/99"')],
    ['POST', { contractBlackList: { bad: false } }, only('contractBlackList.bad', 'false')],
    ['POST', { maxActions: 1, maxBodySize: -1 }, only('maxBodySize', '-1')],
    ['POST', '{"__proto__":{"maxSignatures":1}}', only('__proto__', 'an unknown key')],
    ['POST', '{"contractBlackList":{"__proto__":true}}', only('contractBlackList.__proto__', '"__proto__"')],
    [
      'POST',
      { configListenIP: '0.0.0.0' },
      only('configListenIP', '"0.0.0.0" without PATRONEOS_CONFIG_TOKEN'),
    ],
    ['POST', 'null', only('(whole)', 'null')],
    ['POST', '[]', only('(whole)', '[]')],
    ['POST', '{', only('(whole)', 'no JSON')],
    ['POST', '', only('(whole)', 'no JSON')],
    ['PUT', { maxSignatures: null }, only('maxSignatures', 'null')],
    ['PUT', 'null', only('(whole)', 'null')],
  ])('%s %j', async (method, body, issues) => {
    const answer = await apiWith()(method, body)
    expect(answer).toMatchObject({ status: 400, json: { message: 'INVALID_CONFIG', code: 400, issues } })
    expect(answer.json.error.what).toContain(answer.json.issues[0].path)
    unchanged()
  })

  test('JSON as deep as it fits', async () => {
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
    expect(await apiWith()('POST', deep)).toMatchObject({ status: 400, json: { message: 'INVALID_CONFIG' } })
    unchanged()
  })

  test('all that is wrong is named', async () => {
    const { json } = await apiWith()('POST', { a: 1, b: 2, maxSignatures: 'x' })
    expect(json.issues.map(({ path }: { path: string }) => path).toSorted()).toEqual([
      'a',
      'b',
      'maxSignatures',
    ])
  })

  test('a file that cannot be written is a 500', async () => {
    mkdirSync(`${path}.tmp`)
    expect(await apiWith()('POST', { maxActions: 7 })).toMatchObject({
      status: 500,
      json: { message: 'CONFIG_NOT_WRITTEN' },
    })
    unchanged()
  })

  test('over 8 MiB is a 413', async () => {
    const big = JSON.stringify({ headers: { x: 'x'.repeat(8_388_608) } })
    expect(await apiWith()('POST', big, { 'content-length': String(big.length) })).toMatchObject({
      status: 413,
    })
    expect(await apiWith()('PUT', big)).toMatchObject({ status: 413, json: { message: 'CONFIG_TOO_LARGE' } })
    unchanged()
  })

  test('a blacklist of 100,000 names is taken', async () => {
    const names = Array.from({ length: 100_000 }, (_, n) =>
      n.toString(5).replace(/./g, (digit) => 'abcde'[Number(digit)]!),
    )
    const answer = await apiWith()('POST', {
      contractBlackList: Object.fromEntries(names.map((name) => [name, true])),
    })
    expect(answer.status).toBe(200)
    expect(Object.keys(store.current().contractBlackList).length).toBe(100_001)
  })
})

describe('If-Match', () => {
  test('with the tag of the configuration in force, the change is made', async () => {
    const ask = apiWith()
    const etag = (await ask('GET')).headers.get('etag')!
    for (const [method, match] of [
      ['POST', etag],
      ['PUT', '*'],
    ] as const)
      expect((await ask(method, {}, { 'if-match': match })).status, match).toBe(200)
  })

  test.each(['"00000000000000000000000000000000"', '', 'W/"x"'])('%j is a 412', async (match) => {
    expect(await apiWith()('POST', { maxActions: 7 }, { 'if-match': match })).toMatchObject({
      status: 412,
      json: { message: 'PRECONDITION_FAILED' },
    })
    unchanged()
  })

  test('of two operators who read the same, one is told to read again', async () => {
    const ask = apiWith()
    const match = { 'if-match': (await ask('GET')).headers.get('etag')! }
    const answers = await Promise.all([
      ask('POST', { maxActions: 7 }, match),
      ask('POST', { maxActions: 8 }, match),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 412])
    expect(store.current().maxActions).toBe(7)
  })
})

describe('a page in a browser', () => {
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain;application/json',
    'application/jsonp',
    '',
  ])('cannot change it with Content-Type %j', async (type) => {
    for (const method of ['POST', 'PUT'])
      expect(await apiWith()(method, '{"maxActions":7}', { 'content-type': type })).toMatchObject({
        status: 415,
        json: { message: 'UNSUPPORTED_MEDIA_TYPE' },
      })
    unchanged()
  })

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
    'application/merge-patch+json',
  ])('Content-Type %j is JSON', async (type) => {
    expect(await apiWith()('POST', {}, { 'content-type': type })).toMatchObject({ status: 200 })
  })

  test('is allowed nothing by a preflight', async () => {
    const { status, headers } = await apiWith()('OPTIONS', undefined, {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    })
    expect(status).toBe(405)
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test.each([
    'evil.example',
    'evil.example:9001',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    '2130706433',
    '',
  ])('under the name %j, rebound to loopback, reads nothing', async (host) => {
    for (const method of ['GET', 'POST'])
      expect(await apiWith()(method, method === 'POST' ? {} : undefined, { host })).toMatchObject({
        status: 403,
        json: { message: 'HOST_NOT_ALLOWED' },
      })
  })

  test.each(['localhost', 'LOCALHOST:9001', '127.0.0.1:9001', '[::1]:9001', '192.0.2.1:9001'])(
    'the name %j is this listener',
    async (host) => {
      expect(await apiWith()('GET', undefined, { host })).toMatchObject({ status: 200 })
    },
  )
})

describe('with a token', () => {
  const token = 'correct horse battery staple'

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['without a scheme', token],
    ['of another scheme', `Basic ${token}`],
    ['another', 'Bearer guess'],
    ['its beginning', `Bearer ${token.slice(0, -1)}`],
    ['more than it', `Bearer ${token}x`],
    ['another case', `Bearer ${token.toUpperCase()}`],
  ])('%s: 401, and nothing is said or done', async (_what, authorization) => {
    const headers = authorization === undefined ? {} : { authorization }
    for (const [method, at] of [
      ['GET', 'config'],
      ['POST', 'config'],
      ['PUT', 'config'],
      ['GET', 'metrics'],
      ['GET', 'other'],
    ] as const) {
      const answer = await apiWith({ token })(method, method === 'GET' ? undefined : {}, headers, at)
      expect(answer).toMatchObject({ status: 401, json: { message: 'UNAUTHORIZED' } })
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
      expect(answer.text).not.toContain(token)
    }
    unchanged()
  })

  test('the right one opens it, under any name', async () => {
    const headers = { authorization: `Bearer ${token}`, host: 'filter.internal' }
    expect(await apiWith({ token })('GET', undefined, headers)).toMatchObject({ status: 200 })
    expect(await apiWith({ token })('POST', { configListenIP: '0.0.0.0' }, headers)).toMatchObject({
      status: 200,
    })
  })

  test('the scheme may be written in any case (RFC 9110, section 11.1)', async () => {
    expect(await apiWith({ token })('GET', undefined, { authorization: `bearer ${token}` })).toMatchObject({
      status: 200,
    })
  })

  test('2,500 guesses are 2,500 refusals and three log lines, and shut nobody out', async () => {
    const ask = apiWith({ token })
    for (let n = 0; n < 2_500; n++)
      expect((await ask('GET', undefined, { authorization: `Bearer ${n}` })).status).toBe(401)
    expect(logged.length).toBe(3)
    expect(logged.join('')).not.toContain(token)
    expect((await ask('GET', undefined, { authorization: `Bearer ${token}` })).status).toBe(200)
  })
})

describe('the answer names', () => {
  test('keys that only a restart applies', async () => {
    const answer = await apiWith()('POST', {
      listenPort: 8082,
      logFileLocation: './other.log',
      maxActions: 7,
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-patroneos-restart-required')).toBe('listenPort, logFileLocation')
    expect(JSON.parse(file())).toMatchObject({ listenPort: 8082 })
  })

  test('none where none is needed', async () => {
    expect((await apiWith()('POST', { maxActions: 7 })).headers.has('x-patroneos-restart-required')).toBe(
      false,
    )
  })

  test.each([
    ['DELETE', 'config', 405],
    ['PATCH', 'config', 405],
    ['GET', 'confi', 404],
    ['GET', 'config/', 404],
  ])('what there is: %s %s is %i', async (method, at, status) => {
    const answer = await apiWith()(method, undefined, {}, at)
    expect(answer.status).toBe(status)
    expect(answer.json.error.what).toMatch(status === 405 ? /POST .* PUT/ : /patroneos\/config/)
    if (status === 405) expect(answer.headers.get('allow')).toBe('GET, HEAD, POST, PUT')
  })
})

describe('a merge patch gives what RFC 7396 says (appendix A)', () => {
  test.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
    ['{}', '{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
  ])('%s with %s is %s', (target, patch, result) => {
    const given = JSON.parse(target)
    expect(JSON.stringify(mergePatch(given, JSON.parse(patch)))).toBe(result)
    expect(JSON.stringify(given)).toBe(target)
  })
})
