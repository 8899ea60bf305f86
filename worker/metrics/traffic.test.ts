// Every request is counted once, under one group and one outcome, whatever becomes of it.
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ask, nodeosForTest, type RunningFilter, startBoth, startFilter } from '../testing/harness.ts'
import { answerWith } from '../testing/nodeos-stand-in.ts'
import { endpointGroupOf } from './endpoint-groups.ts'

const GET_TABLE = '/v1/chain/get_table_rows'
const PUSH = '/v1/chain/push_transaction'

/** What was counted, without what is 0. */
const counted = ({ traffic }: RunningFilter) =>
  Object.entries(traffic.counts().requests).flatMap(([group, outcomes]) =>
    Object.entries(outcomes).flatMap(([outcome, count]) =>
      count > 0 ? [`${group} ${outcome} ${count}`] : [],
    ),
  )

describe('a request is counted', () => {
  test('as a success, with the bytes of both bodies and its time', async () => {
    const { filter } = await startBoth({}, answerWith(200, { rows: [] }))
    const { text } = await ask(filter.port, { target: GET_TABLE, body: '{"limit":1}' })
    expect(counted(filter)).toEqual(['tables success 1'])
    const { requestBytes, responseBytes, underWay, judging, seconds } = filter.traffic.counts()
    expect({ requestBytes, responseBytes, underWay }).toEqual({
      requestBytes: 11,
      responseBytes: Buffer.byteLength(text),
      underWay: 0,
    })
    expect(judging.counts.reduce((sum, count) => sum + count)).toBe(1)
    expect(seconds.tables!.sum).toBeGreaterThan(0)
  })

  test.each<[string, object, Parameters<typeof ask>[1], string]>([
    ['a broken rule', {}, { target: PUSH, body: '{' }, 'push rejected 1'],
    ['a path that is not served', {}, { target: '/v1/producer/pause' }, 'other rejected 1'],
    [
      'a rate limit',
      {
        rateLimits: [{ name: 'none', key: ['path'], on: 'attempt', limit: 1, window: 60 }],
        trustedProxies: [],
      },
      { target: GET_TABLE, body: '{}' },
      'tables limited 1',
    ],
    [
      'a block',
      { ipBlockList: ['203.0.113.9'] },
      { headers: ['x-forwarded-for', '203.0.113.9'] },
      'info banned 1',
    ],
    ['monitor mode', { mode: 'monitor' }, { target: GET_TABLE, body: '{' }, 'tables success 1'],
  ])('of %s', async (_what, settings, request, expected) => {
    const { filter } = await startBoth(settings, answerWith(200, {}))
    if (expected.includes('limited')) await ask(filter.port, request)
    await ask(filter.port, request)
    expect(counted(filter)).toContain(expected)
    expect(filter.traffic.counts().underWay).toBe(0)
  })

  test('as trouble, where nodeos answers with an error or not at all', async () => {
    const { filter } = await startBoth({}, answerWith(500, {}))
    await ask(filter.port, {})
    const alone = await startFilter({ port: 1 })
    await ask(alone.port, {})
    expect([counted(filter), counted(alone)]).toEqual([['info trouble 1'], ['info trouble 1']])
  })

  test('as gone, where its client leaves before there is an answer', async () => {
    const nodeos = await nodeosForTest(() => {})
    const filter = await startFilter(nodeos)
    const socket = connect(filter.port, '127.0.0.1')
    socket.write('GET /v1/chain/get_info HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => nodeos.received.length).toBe(1)
    expect(filter.traffic.counts().underWay).toBe(1)
    socket.resetAndDestroy()
    await expect.poll(() => counted(filter)).toEqual(['info gone 1'])
    expect(filter.traffic.counts().underWay).toBe(0)
  })

  test('under other, where it was none', async () => {
    const { filter } = await startBoth()
    const socket = connect(filter.port, '127.0.0.1')
    socket.write('what is this\r\n\r\n')
    await expect.poll(() => counted(filter)).toEqual(['other rejected 1'])
    socket.destroy()
  })

  test('once where its answer comes from memory', async () => {
    const { filter } = await startBoth({ cache: { paths: { '/v1/chain/get_info': 60 } } })
    await ask(filter.port, {})
    await ask(filter.port, {})
    expect(filter.reads.hit).toBe(1)
    expect(counted(filter)).toEqual(['info success 2'])
  })
})

test('an own path of the filter is no request to nodeos', async () => {
  const { filter } = await startBoth()
  await ask(filter.port, { target: '/patroneos/health' })
  expect(counted(filter)).toEqual([])
})

test.each([
  ['/v1/chain/send_transaction2', 'push'],
  ['/v2/chain/send_transaction', 'push'],
  ['/v1/chain/get_info', 'info'],
  ['/v1/chain/get_block', 'blocks'],
  ['/v1/chain/get_account', 'accounts'],
  ['/v1/chain/get_abi', 'contracts'],
  ['/v1/chain/of_my_own', 'chain'],
  ['/v1/history/get_actions', 'history'],
  ['/v2/history/get_actions', 'history'],
  ['/v1/trace_api/get_block', 'trace'],
  ['/.env', 'other'],
])('%s is of the group %s', (path, group) => {
  expect(endpointGroupOf(path)).toBe(group)
})
