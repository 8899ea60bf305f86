// Which paths and methods come in: exact strings, as nodeos compares them.
import { describe, expect, test } from 'vitest'
import { createEndpointPolicy } from './endpoints.ts'
import { ask, filterConfig, startBoth } from './testing/harness.ts'
import { answerWith } from './testing/nodeos-stand-in.ts'
import { rawClient } from './testing/raw-client.ts'

const byDefault = createEndpointPolicy(filterConfig().endpoints)

/** Endpoints of nodeos that the public may ask. */
const served = [
  ...[
    ...['get_info', 'get_activated_protocol_features', 'get_block', 'get_block_info', 'get_block_header'],
    ...['get_block_header_state', 'get_raw_block', 'get_account', 'get_code', 'get_code_hash', 'get_abi'],
    ...['get_raw_abi', 'get_raw_code_and_abi', 'get_consensus_parameters', 'get_finalizer_info'],
    ...['get_table_rows', 'get_table_by_scope', 'get_currency_balance', 'get_currency_stats'],
    ...['get_producers', 'get_producer_schedule', 'get_scheduled_transactions', 'get_required_keys'],
    ...['get_transaction_id', 'get_accounts_by_authorizers', 'get_transaction_status', 'abi_json_to_bin'],
    ...['abi_bin_to_json', 'get_kv_table_rows', 'push_transaction', 'send_transaction', 'push_transactions'],
    ...['send_transaction2', 'compute_transaction', 'send_read_only_transaction', 'push_ro_transaction'],
  ].map((call) => `/v1/chain/${call}`),
  ...['/v1/history/get_actions', '/v1/history/get_transaction', '/v1/trace_api/get_block'],
  '/v1/node/get_supported_apis',
]

const refused = [
  ...['/v1/chain/push_block', '/v1/producer/pause', '/v1/producer/get_runtime_options', '/v1/net/connect'],
  ...['/v1/net/connections', '/v1/wallet/unlock', '/v1/test_control/kill_node_on_producer'],
  ...['/v1/txn_test_gen/start_generation', '/v1/db_size/get', '/v1/prometheus/metrics', '/v1/node/other'],
  ...['/', '', '*', '/v1', '/v1/chain', '/v1/chainx/get_info', '/v2/chain/get_info', '/metrics'],
]

/** Ways to write a path that is served, or one that is not, which somebody may read as another one. */
const disguised = [
  '/V1/chain/get_info',
  '/v1/Chain/get_info',
  '//v1/chain/get_info',
  '/v1//chain/get_info',
  '/v1/chain//get_info',
  '/v1/chain/./get_info',
  '/v1/chain/../chain/get_info',
  '/v1/chain/../producer/pause',
  '/v1/chain/..',
  '/v1/chain/%2e%2e/producer/pause',
  '/v1/chain/%70ush_block',
  '/%76%31/chain/get_info',
  '/v1/chain/get_info%00',
  '/v1/chain/get_info;x=1',
  '/v1/chain/get_info,x',
  '/v1/chain\\get_info',
  '/v1/chain/get info',
  '/v1/chain/get_info#x',
  '/v1/chain/get_info?x#y',
  '/v1/chain/\u0000',
  '/v1/chain/é',
  'http://evil.example/v1/chain/get_info',
  'evil.example:443',
  '//evil.example/v1/chain/get_info',
]

describe('by default', () => {
  test.each(served)('%s is served, by every method that nodeos needs', (path) => {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) expect(byDefault(method, path)).toBeUndefined()
    expect(byDefault('POST', `${path}?a=b&c=/../d`)).toBeUndefined()
  })

  test.each(refused)('%j is not', (path) => {
    expect(byDefault('GET', path)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
    expect(byDefault('POST', `${path}?/v1/chain/get_info`)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
  })

  test.each(disguised)('%j is not', (path) => {
    expect(byDefault('GET', path)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
  })

  test.each(['PUT', 'DELETE', 'PATCH', 'TRACE', 'CONNECT', 'get', 'Post', 'GETS', '', 'PROPFIND'])(
    'the method %j is not',
    (method) => {
      expect(byDefault(method, '/v1/chain/get_info')).toMatchObject({ code: 'METHOD_NOT_ALLOWED' })
    },
  )

  test('a path that is not served is that first, whatever the method', () => {
    expect(byDefault('PUT', '/v1/producer/pause')).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
  })

  test('a long path is shown from its beginning', () => {
    expect(byDefault('GET', `/${'x'.repeat(10_000)}`)?.detail.length).toBeLessThan(200)
  })
})

describe('as configured', () => {
  const policy = createEndpointPolicy({
    allow: ['/v1/chain/*', '/v1/producer/get_runtime_options', '/'],
    deny: ['/v1/chain/get_table_rows', '/v1/chain/push_*', '/v1/chain/get_raw/*'],
  })

  test.each([
    ['/v1/chain/get_info', true],
    ['/v1/chain/get_table_rows', false],
    ['/v1/chain/get_table_rows2', true],
    ['/v1/chain/get_raw/block', false],
    ['/v1/chain/get_raw', true],
    ['/v1/producer/get_runtime_options', true],
    ['/v1/producer/get_runtime_options/', false],
    ['/v1/producer/pause', false],
    ['/v1/trace_api/get_block', false],
    ['/', true],
  ])('%s: %s', (path, allowed) => {
    expect(policy('GET', path) === undefined).toBe(allowed)
  })

  test('"/*" is everything, yet no path that can be read in another way', () => {
    const all = createEndpointPolicy({ allow: ['/*'], deny: [] })
    for (const path of ['/v1/producer/pause', '/metrics', '/v1/chain/push_block'])
      expect(all('GET', path)).toBeUndefined()
    for (const path of disguised.filter((path) => !/^\/v1\/chain|^\/V1|^\/v1\/Chain/.test(path)))
      expect(all('GET', path)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
  })

  test('a change is in force for the next request', async () => {
    const { filter } = await startBoth()
    expect(await ask(filter.port, { target: '/v1/producer/pause' })).toMatchObject({ status: 403 })
    filter.configure({ endpoints: { allow: ['/v1/producer/*'] } })
    expect(await ask(filter.port, { target: '/v1/producer/pause' })).toMatchObject({ status: 200 })
    expect(await ask(filter.port, { target: '/v1/chain/get_info' })).toMatchObject({ status: 403 })
  })
})

describe('a browser asks before it posts', () => {
  test('OPTIONS goes to nodeos, which answers for its own CORS rules', async () => {
    const { nodeos, filter } = await startBoth({}, answerWith(200, {}))
    const preflight = ['Origin', 'https://app.example', 'Access-Control-Request-Method', 'POST']
    expect(
      await ask(filter.port, { method: 'OPTIONS', target: '/v1/chain/push_transaction', headers: preflight }),
    ).toMatchObject({ status: 200 })
    expect(nodeos.received).toMatchObject([{ method: 'OPTIONS', headers: { origin: 'https://app.example' } }])
  })
})

describe("below another service's prefix", () => {
  const lists = {
    allow: ['/v1/*', '/v2/*', '/atomicassets/*'],
    deny: ['/v1/chain/push_block', '/atomicassets/v1/admin', '/v2/private/*'],
  }
  const policy = createEndpointPolicy(lists)

  test.each([
    '/atomicassets/v1/templates/some%20collection/1',
    '/atomicassets/v1/assets?owner=a%20b&sort=asc|desc',
    '/v2/state/get_key?x=a:b',
    '/v1/x/a:b',
    "/v2/history/get_actions/@me;v=1,2/(x)'!*$&+=~_.-",
    '/atomicassets/v1/accounts/%C3%A9t%C3%A9/',
    '/atomicassets/100%25',
    '/atomicassets/v1/...',
  ])('%s passes', (target) => {
    expect(policy('GET', target)).toBeUndefined()
  })

  test.each([
    ...['/atomicassets/../v1/admin', '/atomicassets/./x', '/atomicassets/..', '/atomicassets/..;/admin'],
    ...['/atomicassets/%2e%2e/x', '/atomicassets/.%2E/x', '/atomicassets/%2e', '/atomicassets/a%2ftb'],
    ...['/atomicassets/a%5Cb', '/atomicassets/a\\b', '/atomicassets/a%00b', '/atomicassets/a%0d%0ab'],
    ...[
      '/atomicassets/a%7f',
      '/atomicassets//x',
      '/atomicassets/%',
      '/atomicassets/%zz',
      '/atomicassets/%c3%28',
    ],
    ...['/atomicassets/%252e%252e/x', '/atomicassets/a"b', '/atomicassets/<x>', '/atomicassets/{x}'],
    ...['/%61tomicassets/v1/x', '/atomicassets%2fv1/x'],
  ])('%s does not', (target) => {
    expect(policy('GET', target)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
  })

  test.each([
    '/atomicassets/v1/%61dmin',
    '/atomicassets/v1/admin;x=1',
    '/atomicassets/v1;y/%61dmin;x=1',
    '/v2/%70rivate/key',
    '/v1/chain/%70ush_block',
  ])('what is denied cannot be spelled otherwise: %s', (target) => {
    expect(policy('GET', target)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
  })

  test.each([
    '/v1/chain/get_info%20',
    '/v1/chain/get%5finfo',
    '/v1/%63hain/get_info',
    '/v1/chain/a:b',
    '/v1/producer/pause;x',
    '/v2/chain/send_transaction;x',
  ])("nodeos's own paths are only those that it knows itself: %s", (target) => {
    expect(policy('POST', target)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
  })
})

describe('what is no request to nodeos', () => {
  const strange: [method: string, target: string, status: number][] = [
    ['CONNECT', 'h:443', 403],
    ['PRI', '*', 403],
    ['OPTIONS', '*', 403],
    ['POST', 'v1/chain/push_transaction', 403],
    ['GET', 'ftp://a/v1/chain/get_info', 403],
    ['GET', '/v1/chain/get_info#x', 403],
    ['CONNECT', '/v1/chain/get_info', 405],
    ['TRACE', '/v1/chain/get_info', 405],
    ['get', '/v1/chain/get_info', 405],
    ['FOO', '/v1/chain/get_info', 405],
  ]
  test.each(['enforce', 'monitor'])('is refused in mode %s', async (mode) => {
    const { nodeos, filter } = await startBoth({ mode, trustedProxies: [] })
    for (const [method, target, status] of strange) {
      const client = rawClient(filter.port)
      client.send(`${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      await client.closed
      expect([method, target, client.text().slice(9, 12)]).toEqual([method, target, String(status)])
    }
    expect(nodeos.received).toEqual([])
    expect(filter.reports).toHaveLength(mode === 'enforce' ? strange.length : 0)
  })
})

describe('a target in absolute form', () => {
  test.each([
    ['http://filter.example/v1/chain/get_info', '/v1/chain/get_info'],
    ['HTTPS://127.0.0.1:8081/v1/chain/get_info?a=b', '/v1/chain/get_info?a=b'],
    ['http://[::1]:8081/v1/chain/get_info?x=http://y/', '/v1/chain/get_info?x=http://y/'],
  ])('%s is forwarded as %s, to nodeos alone', async (target, expected) => {
    const { nodeos, filter } = await startBoth()
    const answer = await ask(filter.port, { target })
    expect(answer.status).toBe(200)
    expect(nodeos.received).toMatchObject([
      { target: expected, headers: { host: `127.0.0.1:${nodeos.port}` } },
    ])
  })

  test.each([
    ['http://filter.example', 403],
    ['http://filter.example?x', 403],
    ['http://filter.example/v1/chain/../chain/get_info', 403],
    ['http://filter.example/v1/chain/%2e%2e/producer/pause', 403],
    ['http://filter.example//v1/chain/get_info', 403],
    ['http://filter.example/v1/producer/pause', 403],
    ['http:///v1/chain/get_info', 400],
    ['http://user@filter.example/v1/chain/get_info', 400],
    ['http://user:pw@filter.example/v1/chain/get_info', 400],
    ['http://filter.example\\@evil/v1/chain/get_info', 400],
    ['ws://filter.example/v1/chain/get_info', 403],
  ])('%s is refused with %i', async (target, status) => {
    const { nodeos, filter } = await startBoth()
    expect((await ask(filter.port, { target })).status).toBe(status)
    expect(nodeos.received).toEqual([])
  })

  test('leads to the health check as well', async () => {
    const { filter } = await startBoth()
    const answer = await ask(filter.port, { target: 'http://filter.example/patroneos/health' })
    expect(answer).toMatchObject({ status: 200, text: '{"status":"ok"}' })
  })
})
