// Which paths and methods come in: exact strings, as nodeos compares them.
import { describe, expect, test } from 'vitest'
import { createEndpointPolicy } from './endpoints.ts'
import { ask, filterConfig, startBoth } from './testing/harness.ts'
import { answerWith } from './testing/nodeos-stand-in.ts'

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
