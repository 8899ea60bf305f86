// Which paths and methods come in: exact strings, as nodeos compares them.
import { describe, expect, onTestFinished, test } from 'vitest'
import { createEndpointPolicy } from './endpoints.ts'
import { ask, filterConfig, startBoth } from './testing/harness.ts'
import { answerWith } from './testing/nodeos-stand-in.ts'
import { rawClient, requestHead } from './testing/raw-client.ts'

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
  '/v2/chain/send_transaction',
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

  describe('of another service', () => {
    const other = createEndpointPolicy({
      allow: ['/v1/chain/*', '/atomicassets/*', '/v2/*', '/v1/x/*', '/exact', '/with%20blank'],
      deny: ['/atomicassets/v1/admin', '/atomicassets/v1/%7Eops/*', '/v2/secret/*', '/v1/chain/push_block'],
    })

    test.each([
      ...['/atomicassets/v1/templates/some%20collection/1', '/v2/state/get_key?x=a:b', '/v1/x/a:b'],
      ...[
        "/v2/-._~!$&'()*+,;=:@",
        '/v2/%41%2B%25%23%3F%3b',
        '/v2/%C3%A9/%e2%82%ac',
        '/v2/%ff',
        '/v2/a.b/.c/...',
      ],
      ...[
        '/v2/a|b^c[d]',
        '/v2/a/',
        '/v2/',
        '/v2/health?q="<>{}`|\\^&r=%zz',
        '/v2/x?/../..//',
        '/exact',
        '/%65xact',
      ],
      ...[
        '/with%20blank',
        '/v2/secrets',
        '/v2/secret',
        '/atomicassets/v1/administrators',
        '/v2/100%25',
        '/v2/%25zz',
      ],
    ])('%s is served', (target) => {
      expect(other('GET', target)).toBeUndefined()
    })

    test.each([
      ...[
        '/v2/.',
        '/v2/..',
        '/v2/../v1/chain/push_block',
        '/v2/./a',
        '/v2/%2e',
        '/v2/%2E%2e/a',
        '/v2/.%2e/a',
      ],
      ...[
        '/v2/a%2eb',
        '/v2/a%2fb',
        '/v2/a%2Fb',
        '/v2/a%5cb',
        '/v2/a%5Cb',
        '/v2/a\\b',
        '/v2//a',
        '/v2/a//',
        '//v2/a',
      ],
      ...[
        '/v2/%00',
        '/v2/%0d%0a',
        '/v2/%1f',
        '/v2/%7F',
        '/v2/%',
        '/v2/%4',
        '/v2/%zz',
        '/v2/%u0041',
        '/v2/a#b',
        '/v2/a"',
      ],
      ...['/v2/%252e%252e/a', '/v2/a%252fb', '/v2/%c0%ae', '/v2/%C0%AF', '/v2/%e0%80%af', '/v2/%f0%80%80%af'],
      ...[
        '/v2/..;/a',
        '/v2/..;x=1/a',
        '/v2/.;',
        '/v2/..%3b/a',
        '/v2/a<b',
        '/v2/a{b}',
        '/v2/a`',
        '/v3/a',
        '/exactly',
      ],
    ])('%s is not', (target) => {
      expect(other('GET', target)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
    })

    test.each([
      ...['/atomicassets/v1/admin', '/atomicassets/v1/%61dmin', '/atomicassets/v1/%61%64%6D%69%6e'],
      ...[
        '/%61tomicassets/v1/admin',
        '/atomicassets/v1/admin/',
        '/atomicassets/v1/ADMIN',
        '/atomicassets/v1/admin;x',
      ],
      ...[
        '/atomicassets/v1;x/admin',
        '/atomicassets/v1/admin%3Bx',
        '/atomicassets/v1/admin?x',
        '/v2/secret/',
        '/v2/secret/a',
      ],
      ...['/v2/s%65cret/a', '/v2/Secret/a%20b', '/atomicassets/v1/~ops/x', '/atomicassets/v1/%7eops/x'],
    ])('%s is denied, however it is written', (target) => {
      expect(other('GET', target)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
    })

    test.each([
      ...['/v1/chain/a:b', '/v1/chain/get%5Finfo', '/%76%31/chain/get_info', '/v1/%63hain/push_transaction'],
      ...['/v1/chain;x/push_transaction', '/v1/chain/push_transaction;x', '/v1/chain/%70ush_block'],
    ])("nodeos's own are exact all the same: %s", (target) => {
      expect(other('POST', target)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
      const all = createEndpointPolicy({ allow: ['/*'], deny: [] })
      expect(all('POST', target)).toMatchObject({ code: 'ENDPOINT_NOT_ALLOWED' })
    })

    test('a long path is judged in no time', () => {
      const began = performance.now()
      for (const piece of ['%25', '%2', '/.', '/a', ';', '%41', '.'])
        other('GET', `/v2${piece.repeat(20_000)}\\`)
      expect(performance.now() - began).toBeLessThan(500)
    })
  })

  test('a change is in force for the next request', async () => {
    const { filter } = await startBoth()
    expect(await ask(filter.port, { target: '/v1/producer/pause' })).toMatchObject({ status: 403 })
    filter.configure({ endpoints: { allow: ['/v1/producer/*'] } })
    expect(await ask(filter.port, { target: '/v1/producer/pause' })).toMatchObject({ status: 200 })
    expect(await ask(filter.port, { target: '/v1/chain/get_info' })).toMatchObject({ status: 403 })
  })
})

/** Requests that are none to nodeos, by what is wrong with each. */
const none: [string, string][] = [
  ['GET', '*'],
  ['OPTIONS', '*'],
  ['GET', ''],
  ['POST', 'v1/chain/get_info'],
  ['GET', 'evil.example:443'],
  ['GET', 'ftp://evil.example/v1/chain/get_info'],
  ['GET', 'http://user@evil.example/v1/chain/get_info'],
  ['GET', '//evil.example/v1/chain/get_info'],
  ['GET', '/v1/chain/../producer/pause'],
  ['GET', '/v1/chain/%2e%2e/producer/pause'],
  ['GET', '/v1%2fchain/get_info'],
  ['GET', '/v1/chain\\get_info'],
  ['GET', '/v1/chain/%zz'],
  ['GET', '/v1/chain/get_info#x'],
  ['GET', '/v1/chain/get_info?x#y'],
  ...['CONNECT', 'TRACE', 'PRI', 'BREW', 'get', 'PROPFIND'].map((method): [string, string] => [
    method,
    '/v1/chain/get_info',
  ]),
  ['CONNECT', 'evil.example:443'],
  ['CONNECT', '/v1/producer/pause'],
  ['PRI', '*'],
]

describe('in monitor mode', () => {
  test.each(none)('%s %s is refused, as it is no request to nodeos', async (method, target) => {
    const { nodeos, filter } = await startBoth({ mode: 'monitor' })
    const one = rawClient(filter.port)
    onTestFinished(() => void one.socket.destroy())
    one.send(requestHead(method, target, 'Connection: close'))
    await one.closed
    expect(one.text()).toMatch(/^HTTP\/1.1 4\d\d /)
    expect(nodeos.received).toEqual([])
    expect(filter.reports).toEqual([])
    expect(filter.log.map((line) => JSON.parse(line))).toMatchObject(
      target === '' ? [{ code: 'INVALID_HTTP' }] : [{ message: 'rejected' }],
    )
  })

  test.each([
    ['GET', '/v1/producer/pause'],
    ['GET', '/v1/chain/%70ush_block'],
    ['GET', '/v1/chain/a:b'],
    ['GET', '/'],
    ['PUT', '/v1/chain/get_info'],
    ['DELETE', '/v2/x'],
    ['PATCH', '/v1/chain/get_info?x'],
  ])('%s %s, which is not allowed, is forwarded as it came', async (method, target) => {
    const { nodeos, filter } = await startBoth({ mode: 'monitor' }, answerWith(200, {}))
    expect((await ask(filter.port, { method, target })).status).toBe(200)
    expect(nodeos.received).toMatchObject([{ method, target }])
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
