// patroneos config: what is valid, what editors are told, what files of other programs become, and what differs.
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { filterConfigSchema } from '../../shared/config/filter.ts'
import { configJsonSchema } from '../../shared/config/json-schema.ts'
import { parseConfig } from '../../shared/config/parse.ts'
import { relayConfigSchema } from '../../shared/config/relay.ts'
import { folderForTest, runCli } from '../testing/run-cli.ts'
import { differences } from './config.ts'

describe('validate', () => {
  test('exits with 0 for a valid one, and prints what may surprise', async () => {
    const file = folderForTest().write('c.json', { maxSignatures: 0, $schema: './config.schema.json' })
    const { code, stdout } = await runCli('config', 'validate', file)
    expect(code).toBe(0)
    expect(stdout).toBe(
      `warning: maxSignatures is 0: not unlimited, but no signed transaction passes\nvalid: ${file}\n`,
    )
  })

  test('exits with 1 for one that is not, and prints all that is wrong', async () => {
    const file = folderForTest().write('c.json', { mode: 'x', nope: 1, $schema: 1 })
    const { code, stdout } = await runCli('config', 'validate', file)
    expect(code).toBe(1)
    expect(stdout).toContain('error: mode: found "x"; allowed: "enforce" or "monitor"')
    expect(stdout).toContain('error: nope: found an unknown key')
    expect(stdout).toContain('error: $schema: found 1; allowed: the address of a JSON Schema')
    const { stdout: json } = await runCli('config', 'validate', '--json', file)
    expect(JSON.parse(json)).toMatchObject({ valid: false, issues: expect.arrayContaining([]) })
  })

  test('knows the relay, and exits with 2 for what is no JSON', async () => {
    const folder = folderForTest()
    const relay = folder.write('relay.json', { allowUnsigned: true })
    expect((await runCli('config', 'validate', '--relay', relay)).code).toBe(0)
    expect((await runCli('config', 'validate', relay)).code).toBe(1)
    expect(await runCli('config', 'validate', folder.write('x.json', '{'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('x.json is not JSON'),
    })
  })
})

describe('the JSON Schema', () => {
  const ajv = new Ajv2020({ allErrors: true })
  const valid = ajv.compile(configJsonSchema(filterConfigSchema, 'filter'))
  const relay = ajv.compile(configJsonSchema(relayConfigSchema, 'relay'))
  const defaults = parseConfig(filterConfigSchema, {})

  test('is printed', async () => {
    const { stdout } = await runCli('config', 'schema')
    expect(JSON.parse(stdout)).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Configuration of the Patroneos filter',
      additionalProperties: false,
      properties: {
        maxSignatures: { type: 'integer', default: 10, description: 'Signatures per transaction' },
      },
    })
    expect((await runCli('config', 'schema', '--relay')).stdout).toContain('allowUnsigned')
  })

  test.each([
    ['nothing', {}],
    ['the defaults', 'config' in defaults ? defaults.config : undefined],
    [
      'sections',
      {
        $schema: './config.schema.json',
        listenPort: 1,
        nodes: [{ name: 'a', url: 'http://a' }],
        contractBlackList: { constructor: true },
        ipBlockList: { file: 'x' },
        endpoints: { allow: ['/x'] },
        bans: { maxRetry: { size: 1 } },
        rateLimits: [
          { name: 'a', key: ['ip'], on: 'failure', limit: 1, window: 1, where: { paths: ['/x'] } },
        ],
      },
    ],
  ])('takes %s', (_what, config) => {
    expect(valid(config), ajv.errorsText(valid.errors)).toBe(true)
    expect(parseConfig(filterConfigSchema, config)).toHaveProperty('config')
  })

  test.each([
    ['an unknown key', { nope: 1 }],
    ['a wrong type', { maxSignatures: '1' }],
    ['a number out of range', { maxJsonDepth: 0 }],
    ['an unknown word', { mode: 'x' }],
    ['an unknown key of a section', { endpoints: { alow: [] } }],
    ['a name that is not listed', { contractBlackList: { a: false } }],
    ['a node without URL', { nodes: [{ name: 'a' }] }],
  ])('refuses %s, as the filter does', (_what, config) => {
    expect(valid(config)).toBe(false)
    expect(parseConfig(filterConfigSchema, config)).toHaveProperty('issues')
  })

  test('describes every key, and the relay', () => {
    const { properties } = configJsonSchema(filterConfigSchema, 'filter') as {
      properties: Record<string, { description: string }>
    }
    for (const [key, value] of Object.entries(properties)) expect(value.description, key).toMatch(/\w/)
    expect(relay({ allowUnsigned: true })).toBe(true)
    expect(relay({ mode: 'enforce' })).toBe(false)
  })
})

describe('migrate', () => {
  test("patroneosd's config.json of a relay, with notes of its own", async () => {
    const file = folderForTest().write('config.json', {
      listenPort: '8080',
      logFileLocation: './x.log',
      gone: 1,
    })
    const { code, stdout, stderr } = await runCli('config', 'migrate', '--relay', file)
    expect([code, JSON.parse(stdout)]).toEqual([0, { listenPort: '8080', logFileLocation: './x.log' }])
    expect(stderr).toContain('gone is left out')
    expect(stderr).toContain('PATRONEOS_RELAY_SECRET')
    expect(stderr).not.toContain('packed transactions')
  })

  test("antelope-firewall's TOML of older versions", async () => {
    const file = folderForTest().write(
      'old.toml',
      `port = 3000
prometheus_port = 3001
[[ratelimit]]
name = "failure"
limit_on = "failure"
bucket_type = "sender"
limit = 1
window_duration = 10
[[push_nodes]]
name = "push"
url = "https://push.example"
routing_weight = 2
`,
    )
    const { code, stdout, stderr } = await runCli('config', 'migrate', file)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      listenPort: '3000',
      rateLimits: [{ key: ['authorizer'], on: 'failure' }],
      nodes: [{ name: 'push', weight: 2 }],
    })
    expect(stderr).toContain('prometheus_port 3001: metrics are at')
  })

  test("patroneosd's config.json", async () => {
    const file = folderForTest().write('config.json', {
      listenPort: '8081',
      configListenPort: '9001',
      nodeosUrl: 'http://10.0.0.1',
      contractBlackList: { bad: true, worse: false },
      maxSignatures: '5',
      MaxTransactions: 7,
      headers: null,
      logEndpoints: ['http://10.0.0.2:8080'],
      gone: 1,
    })
    const { code, stdout, stderr } = await runCli('config', 'migrate', file)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      listenPort: '8081',
      configListenPort: '9001',
      nodeosUrl: '10.0.0.1',
      contractBlackList: { bad: true, worse: true },
      maxSignatures: 5,
      maxTransactions: 7,
      logEndpoints: ['http://10.0.0.2:8080'],
    })
    for (const note of [
      'gone is left out',
      'MaxTransactions is written maxTransactions',
      'maxSignatures is a number',
      'worse had another value than true',
      'the config listener is on 127.0.0.1 now',
      'successes are not reported any more',
    ])
      expect(stderr).toContain(note)
  })

  test("antelope-firewall's TOML", async () => {
    const folder = folderForTest()
    const file = folder.write(
      'firewall.toml',
      `
routing_mode = "least_connections"
address = "0.0.0.0:3000"
prometheus_address = "0.0.0.0:3001"
[healthcheck]
interval = 15
grace_period = 0
[filter]
block_contracts = ["bad"]
block_ips = ["203.0.113.9", "2001:db8::1"]
allow_only_contracts = []
[[ratelimit]]
name = "base"
limit_on = "failure"
bucket_type = "ip"
limit = 5
window_duration = 60
[[ratelimit]]
name = "tables"
limit_on = "attempt"
bucket_type = "table"
limit = 30
window_duration = 60
select_accounts = ["eosio.token::accounts", "eosio"]
[[push_nodes]]
name = "one"
url = "http://10.0.0.1:8888/"
weight = 2
[[get_nodes]]
name = "one"
url = "http://10.0.0.1:8888"
[[get_nodes]]
name = "one"
url = "http://10.0.0.2:8888"
`,
    )
    const out = folder.path('config.json')
    const { code, stderr } = await runCli('config', 'migrate', file, '--out', out)
    expect(code).toBe(0)
    expect((await runCli('config', 'validate', out)).code).toBe(0)
    const { stdout } = await runCli('config', 'migrate', file)
    expect(JSON.parse(stdout)).toEqual({
      listenIP: '',
      listenPort: '3000',
      balance: 'least-requests',
      healthInterval: 15,
      maxHeadAge: 1,
      contractBlackList: { bad: true },
      ipBlockList: ['203.0.113.9/32', '2001:db8::1/128'],
      rateLimits: [
        { name: 'base', key: ['ip'], on: 'failure', limit: 5, window: 60 },
        {
          name: 'tables',
          key: ['ip', 'table'],
          on: 'attempt',
          limit: 30,
          window: 60,
          where: { tables: ['eosio.token::accounts'] },
        },
      ],
      nodes: [
        { name: 'one', url: 'http://10.0.0.1:8888', weight: 2, serves: ['push', 'read'] },
        { name: 'one-2', url: 'http://10.0.0.2:8888', serves: ['read'] },
      ],
    })
    expect(stderr).toContain('prometheus_address 0.0.0.0:3001: metrics are at')
    expect(stderr).toContain('ratelimit tables: eosio is no table')
    // What is there stays as it is.
    expect(await runCli('config', 'migrate', file, '--out', out)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is there already'),
    })
  })

  test('prints what it cannot make valid, with exit code 1, and takes nothing else', async () => {
    const folder = folderForTest()
    const broken = await runCli('config', 'migrate', folder.write('a.json', { maxSignatures: -1 }))
    expect(broken.code).toBe(1)
    expect(broken.stderr).toContain('error: maxSignatures: found -1')
    expect((await runCli('config', 'migrate', folder.write('b', 'a = 1'))).code).toBe(2)
    expect((await runCli('config', 'migrate', folder.write('c', '= ='))).code).toBe(2)
  })
})

describe('diff', () => {
  test('shows what differs, with the defaults filled in', async () => {
    const folder = folderForTest()
    const old = folder.write('a.json', { contractBlackList: { bad: true } })
    const next = folder.write('b.json', { maxSignatures: 5, endpoints: { deny: [] } })
    const { code, stdout } = await runCli('config', 'diff', old, next)
    expect(code).toBe(1)
    expect(stdout).toBe(
      [
        'contractBlackList.bad',
        '  - true',
        'maxSignatures',
        '  - 10',
        '  + 5',
        'endpoints.deny',
        '  - ["/v1/chain/push_block"]',
        '  + []',
        '',
      ].join('\n'),
    )
    expect(await runCli('config', 'diff', old, old)).toMatchObject({ code: 0, stdout: 'the same\n' })
  })

  test('lists and values are compared as a whole', () => {
    expect(differences({ a: [1], b: { c: null } }, { a: [2], b: { c: { d: 1 } } })).toEqual([
      { path: 'a', before: [1], after: [2] },
      { path: 'b.c', before: null, after: { d: 1 } },
    ])
  })
})
