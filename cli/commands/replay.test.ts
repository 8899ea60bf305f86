// patroneos replay and report: what many requests and lines come to.
import { gzipSync } from 'node:zlib'
import { PackedTransaction } from '@wharfkit/antelope'
import { describe, expect, test } from 'vitest'
import type { Address } from '../../shared/address.ts'
import { type Access, formats } from '../../worker/access-log/format.ts'
import { signWithWharfkit, transfer } from '../../worker/testing/clients.ts'
import { folderForTest, runCli } from '../testing/run-cli.ts'
import { parseLogLine, readLogs } from './report.ts'

const packed = (contract: string, expiration?: string) =>
  PackedTransaction.fromSigned(
    signWithWharfkit({
      actions: [transfer('alice', 'bob', contract)],
      ...(expiration !== undefined && { expiration }),
    }),
  )
const pushed = (contract: string) => ({ path: '/v1/chain/push_transaction', body: packed(contract) })

const requests = [
  { path: '/v1/chain/get_info' },
  { ...pushed('gambling'), from: '203.0.113.9' },
  { ...pushed('gambling'), from: '203.0.113.9' },
  { ...pushed('eosio.token'), from: '198.51.100.7' },
  { path: '/v1/producer/pause', from: '198.51.100.7' },
]
const lines = requests.map((request) => JSON.stringify(request))

describe('replay', () => {
  const settings = { contractBlackList: { gambling: true } }

  test('counts what a configuration rejects, by code, network and contract', async () => {
    const folder = folderForTest()
    const log = folder.write('log', `${lines.join('\n')}\n`)
    const { code, stdout } = await runCli(
      'replay',
      '--json',
      '--config',
      folder.write('c.json', settings),
      '--log',
      log,
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      requests: 5,
      rejected: 3,
      unread: 0,
      codes: [
        { code: 'BLACKLISTED_CONTRACT', requests: 2, before: null, examples: [{ at: 2 }, { at: 3 }] },
        { code: 'ENDPOINT_NOT_ALLOWED', requests: 1, before: null },
      ],
      networks: [
        { key: '203.0.113.9', requests: 2, error: 0 },
        { key: '198.51.100.7', requests: 1, error: 0 },
      ],
      contracts: [{ key: 'gambling', requests: 2, error: 0 }],
      changes: null,
    })
  })

  test('shows what changes against another configuration', async () => {
    const folder = folderForTest()
    const next = folder.write('new.json', { ...settings, endpoints: { allow: ['/v1/*'] } })
    const old = folder.write('old.json', { mode: 'monitor' })
    const log = folder.write('log.gz', gzipSync(lines.join('\n')))
    const { stdout } = await runCli(
      'replay',
      '--config',
      next,
      '--against',
      old,
      '--log',
      log,
      '--examples',
      '1',
    )
    expect(stdout).toContain('5 requests, 2 rejected (40.00 %)')
    expect(stdout).toContain('2 rejected that passed: passes -> BLACKLISTED_CONTRACT')
    expect(stdout).toContain(
      '  line 2: POST /v1/chain/push_transaction from 203.0.113.9: Transaction has an action on contract gambling',
    )
    expect(stdout).not.toContain('line 3')
    expect(stdout).toContain('1 passing that were rejected: ENDPOINT_NOT_ALLOWED -> passes')
    const same = await runCli('replay', '--config', old, '--against', old, '--log', log)
    expect(same.stdout).toContain('Nothing changes against the other configuration')
  })

  test('a transaction expires by the time of its request', async () => {
    const folder = folderForTest()
    const body = packed('eosio.token', '2026-01-01T00:01:00')
    const at = (time: string) => JSON.stringify({ path: '/v1/chain/push_transaction', body, time })
    const log = folder.write('log', `${at('2026-01-01T00:00:30Z')}\n${at('2026-01-01T00:02:00Z')}`)
    const { stdout } = await runCli('replay', '--json', '-c', folder.write('c.json', {}), '--log', log)
    expect(JSON.parse(stdout)).toMatchObject({
      rejected: 1,
      codes: [{ code: 'EXPIRED_TRANSACTION', examples: [{ at: 2 }] }],
    })
  })

  test('takes a HAR file', async () => {
    const folder = folderForTest()
    const entries = requests.map(({ path, body }: { path: string; body?: object }) => ({
      request: {
        method: body ? 'POST' : 'GET',
        url: `http://x${path}`,
        headers: [],
        ...(body && { postData: { text: JSON.stringify(body) } }),
      },
    }))
    const log = folder.write('log.har', { log: { version: '1.2', entries } })
    const { stdout } = await runCli('replay', '--json', '-c', folder.write('c.json', settings), '--log', log)
    expect(JSON.parse(stdout)).toMatchObject({ requests: 5, rejected: 3, unread: 0 })
  })

  test('takes the access logs of the filter, without bodies', async () => {
    const folder = folderForTest()
    const access = (method: string, target: string, requestBytes: number) => ({
      client: '203.0.113.9' as Address,
      request: { method, target, headers: [] },
      outcome: 'success' as const,
      status: 200,
      requestBytes,
      responseBytes: 2,
      nodeosTime: 3,
      seconds: 0.01,
      found: undefined,
    })
    const accesses = [
      access('GET', '/v1/chain/get_info?a=1', 0),
      access('POST', '/v1/chain/push_transaction', 400),
      access('POST', '/v1/producer/pause', 0),
      access('POST', '/v1/chain/get_block', 5000),
    ]
    const config = folder.write('c.json', { maxBodySize: 1000 })
    for (const format of ['ecs', 'combined'] as const) {
      const log = accesses.map((each) => formats[format](each, new Date('2026-11-23T16:20:11Z'))).join('')
      const file = folder.write(`${format}.log`, log)
      const { stdout } = await runCli('replay', '--json', '-c', config, '--log', file)
      const found = JSON.parse(stdout)
      expect(found, format).toMatchObject({
        requests: 4,
        unread: 0,
        // The combined format has no size of a request.
        rejected: format === 'ecs' ? 2 : 1,
        withoutBody: format === 'ecs' ? 2 : 3,
      })
      expect(found.codes.find(({ code }: { code: string }) => code === 'ENDPOINT_NOT_ALLOWED')).toMatchObject(
        {
          examples: [{ at: 3, request: 'POST /v1/producer/pause', network: '203.0.113.9' }],
        },
      )
    }
  })

  test('judges limits and bans by the access log of the filter, and says what that leaves out', async () => {
    const folder = folderForTest()
    const limit = (name: string, on: string, key: string) => ({
      name,
      key: ['ip', key],
      on,
      limit: 2,
      window: 60,
    })
    const config = folder.write('c.json', {
      rateLimits: [limit('failed', 'failure', 'path'), limit('contracts', 'attempt', 'contract')],
      bans: { maxRetry: { malformed: 2, endpoints: 0, failed: 0 } },
    })
    const access = (second: number, more: Partial<Access>): string =>
      formats.ecs(
        {
          client: '203.0.113.9' as Address,
          request: { method: 'POST', target: '/v1/chain/send_transaction', headers: [] },
          outcome: 'failed',
          status: 500,
          requestBytes: 400,
          responseBytes: 2,
          nodeosTime: 3,
          seconds: 0.5,
          found: undefined,
          ...more,
        },
        new Date(Date.UTC(2026, 10, 23, 16, 20, second)),
      )
    const junk = {
      client: '198.51.100.7' as Address,
      outcome: 'rejected',
      nodeosTime: undefined,
      found: { code: 'INVALID_JSON', detail: 'The body is not one JSON text' },
    } as const
    // The first two stand in the wrong order.
    const lines = [
      access(2, {}),
      access(1, {}),
      access(3, {}),
      access(4, junk),
      access(5, { ...junk, request: undefined, found: { code: 'INVALID_HTTP', detail: 'No Host' } }),
      access(6, { ...junk, outcome: 'success', found: undefined }),
    ]
    const log = folder.write('log', lines.join(''))
    const { stdout } = await runCli(
      'replay',
      '--json',
      '-c',
      config,
      '-a',
      folder.write('old.json', {}),
      '-l',
      log,
    )
    expect(JSON.parse(stdout)).toMatchObject({
      requests: 6,
      rejected: 4,
      unread: 0,
      from: '2026-11-23T16:20:00.500Z',
      codes: expect.arrayContaining([
        { code: 'RATE_LIMITED', requests: 1, before: 0, examples: [expect.objectContaining({ at: 3 })] },
        { code: 'BANNED', requests: 1, before: 0, examples: [expect.objectContaining({ at: 6 })] },
        { code: 'INVALID_HTTP', requests: 1, before: 1, examples: expect.anything() },
      ]),
      limits: [
        { name: 'failed', rejected: 1, before: 0, watched: 0, unjudged: {} },
        { name: 'contracts', rejected: 0, before: 0, unjudged: { body: 4 } },
      ],
      bans: { begun: 1, before: 0, first: [{ network: '198.51.100.7', class: 'malformed' }] },
    })
    const { stdout: text } = await runCli('replay', '-c', config, '-l', log)
    expect(text).toContain('limit "contracts": 4 requests have no body in the log')
    expect(text).toContain(
      '1 ban begins\n  2026-11-23T16:20:04.500Z: 198.51.100.7 for 300 s, class malformed',
    )
  })

  test('takes what became of a request from its line', async () => {
    const folder = folderForTest()
    const config = folder.write('c.json', {
      rateLimits: [{ name: 'time', key: ['ip'], on: 'time', limit: 10, window: 60 }],
    })
    const line = (second: number, more: object) =>
      JSON.stringify({ path: '/v1/chain/get_account', time: `2026-11-23T16:20:0${second}Z`, ...more })
    const log = folder.write(
      'log',
      [
        line(0, { nodeosTime: 20, outcome: 'success', from: '203.0.113.9' }),
        line(1, { from: '203.0.113.9' }),
        line(2, {}),
        line(3, { outcome: 'fine' }),
      ].join('\r\n'),
    )
    const { stdout } = await runCli('replay', '--json', '-c', config, '-l', log)
    expect(JSON.parse(stdout)).toMatchObject({
      requests: 3,
      rejected: 1,
      unread: 1,
      firstUnread: 'line 4 is not taken: outcome: found "fine"; allowed: "success", "failed", "trouble"',
      limits: [{ unjudged: { from: 1, nodeosTime: 1 } }],
    })
  })

  test.each([
    ['a directory', '.', 'it is a directory; name a file'],
    ['an empty log', '', 'has no request: it is empty'],
    ['what is no log', '\0\x01\x02', 'has no request: line 1 is no JSON, nor of an access log'],
    ['gzip that breaks off', gzipSync('x'.repeat(1_000)).subarray(0, 20), 'it is not whole, or no gzip'],
    ['HAR that breaks off', '{"log": {"entries": [{"request": }', 'the HAR file is no JSON'],
  ])('says of %s what it is', async (_what, content, reason) => {
    const folder = folderForTest()
    const log = content === '.' ? folder.path('.') : folder.write('log', content)
    const { code, stderr } = await runCli('replay', '-c', folder.write('c.json', {}), '--log', log)
    expect(code).toBe(2)
    expect(stderr).toContain(reason)
  })

  test('counts what it cannot judge, and says why', async () => {
    const folder = folderForTest()
    const config = folder.write('c.json', {})
    const log = folder.write('log', `what\n{"path":"/"}\n{"from":"x"}\n`)
    const { stdout } = await runCli('replay', '--json', '-c', config, '--log', log)
    expect(JSON.parse(stdout)).toMatchObject({
      requests: 1,
      unread: 2,
      firstUnread: 'line 1 is no JSON, nor of an access log',
    })
    expect((await runCli('replay', '-c', config, '--log', '/nowhere')).stderr).toContain(
      'cannot read /nowhere: there is no such file',
    )
  })
})

describe('report', () => {
  const log = [
    '2026-11-23T16:20:11.123Z 203.0.113.9 false INVALID_JSON',
    '2026-11-23T16:20:12.123Z 203.0.113.9 false TRANSACTION_FAILED',
    '2026-11-23T18:20:12.123Z 2001:db8:1:2::9 false INVALID_JSON /64',
    'something else',
    '',
  ].join('\n')

  test.each([
    ['2026-11-23T16:20:11.123Z 203.0.113.9 false INVALID_JSON', '2026-11-23T16:20:11.123Z'],
    ['2026/11/23 16:20:11 203.0.113.9 false INVALID_JSON', '2026-11-23T16:20:11.000Z'],
  ])('reads %s', (line, time) => {
    expect(parseLogLine(line)).toEqual({ time: Date.parse(time), host: '203.0.113.9', code: 'INVALID_JSON' })
  })

  test('counts by code, network and hour, in rotated and compressed files as well', async () => {
    const folder = folderForTest()
    const file = folder.write('fail2ban.log', log)
    folder.write('fail2ban.log.1', log)
    folder.write('fail2ban.log.2.gz', gzipSync(log))
    folder.write('fail2ban.log.swp', log)
    const { code, stdout } = await runCli('report', '--log', file, '--json')
    expect(code).toBe(0)
    const found = JSON.parse(stdout)
    expect(found.files).toHaveLength(3)
    expect(found).toMatchObject({
      lines: 9,
      unread: 3,
      from: '2026-11-23T16:20:11.123Z',
      to: '2026-11-23T18:20:12.123Z',
      codes: [
        { code: 'INVALID_JSON', lines: 6, strike: 'malformed' },
        { code: 'TRANSACTION_FAILED', lines: 3, strike: 'failed' },
      ],
      networks: [
        { network: '203.0.113.9', lines: 6, error: 0 },
        { network: '2001:db8:1:2::/64', lines: 3, error: 0 },
      ],
      hours: [
        { hour: '2026-11-23T16:00:00.000Z', lines: 6 },
        { hour: '2026-11-23T18:00:00.000Z', lines: 3 },
      ],
    })
    expect((await readLogs([file], Date.parse('2026-11-23T17:00:00Z'), 10)).lines).toBe(1)
  })

  test('draws each hour, those without a line included', async () => {
    const file = folderForTest().write('fail2ban.log', log)
    const { stdout } = await runCli('report', '--log', file, '--no-rotated')
    expect(stdout).toMatch(/2026-11-23 16 +2 {2}█{40}\n2026-11-23 17 +0\n2026-11-23 18 +1 {2}█{20}\n/)
    expect(stdout).toMatch(/INVALID_JSON +malformed +2 +66\.7 %/)
  })

  test.each([
    [['--log', '/nowhere.log'], 'there is no log at /nowhere.log'],
    [['--since', 'yesterday'], '--since: found "yesterday"; allowed: 24h, 7d'],
    [['--top', '0'], '--top: found "0"; allowed: a whole number from 1'],
  ])('%j is an error that says what to do', async (args, reason) => {
    const { code, stderr } = await runCli('report', ...args)
    expect(code).toBe(2)
    expect(stderr).toContain(reason)
  })
})
