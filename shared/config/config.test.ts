// What is wrong with a configuration is said with its path, what was found and what is allowed.
import { Name } from '@wharfkit/antelope'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FilterConfig, filterConfigSchema } from './filter.ts'
import { filterWarnings } from './mistakes.ts'
import {
  type ConfigIssue,
  type ConfigSchema,
  describeConfig,
  formatConfigIssue,
  parseConfig,
} from './parse.ts'
import { relayConfigSchema } from './relay.ts'

/** A schema under a name that a test's title can show. */
const filter = { name: 'filter', schema: filterConfigSchema as ConfigSchema<object> }
const relay = { name: 'relay', schema: relayConfigSchema as ConfigSchema<object> }
const both = [filter, relay]

function issuesOf({ schema }: typeof filter, json: string): ConfigIssue[] {
  const parsed = parseConfig(schema, JSON.parse(json))
  return 'issues' in parsed ? parsed.issues : []
}

const PORT = 'a port from 0 to 65535 (0: any free one), as number or string'
const LISTEN = 'an IP address, "localhost", or "" for all addresses'
const URL_TEXT = 'a URL such as http://10.0.0.1:8080, without user name, query or fragment'
const CIDR = 'a CIDR such as 10.0.0.0/8 or 2001:db8::/32'
const NAME = 'an account name of 1 to 13 characters out of a-z, 1-5 and dots'
const PATH = 'an exact path such as /v1/chain/get_info, or one ending in /*'
const LISTED = 'true (remove the entry, in a patch with null, to allow it)'

describe.each(both)('the $name', (program) => {
  test.each([
    ['{"listenPort":"abc"}', 'listenPort', '"abc"', PORT],
    ['{"listenPort":65536}', 'listenPort', '65536', PORT],
    ['{"listenPort":-1}', 'listenPort', '-1', PORT],
    ['{"listenPort":80.5}', 'listenPort', '80.5', PORT],
    ['{"listenPort":null}', 'listenPort', 'null', PORT],
    ['{"configListenPort":""}', 'configListenPort', '""', PORT],
    ['{"configListenPort":" 80"}', 'configListenPort', '" 80"', PORT],
    ['{"nodeosPort":"0x50"}', 'nodeosPort', '"0x50"', 'a port from 1 to 65535, as number or string'],
    ['{"listenIP":"example.com"}', 'listenIP', '"example.com"', LISTEN],
    ['{"listenIP":"1.2.3"}', 'listenIP', '"1.2.3"', LISTEN],
    ['{"configListenIP":"[::1]"}', 'configListenIP', '"[::1]"', LISTEN],
    ['{"configListenIP":127}', 'configListenIP', '127', LISTEN],
    ['{"logEndpoints":"http://relay"}', 'logEndpoints', '"http://relay"', 'a list of URLs'],
    ['{"logEndpoints":["http://a","relay:8080"]}', 'logEndpoints.1', '"relay:8080"', URL_TEXT],
    ['{"logEndpoints":["ftp://relay"]}', 'logEndpoints.0', '"ftp://relay"', URL_TEXT],
    ['{"filterEndpoints":["http://u:p@a"]}', 'filterEndpoints.0', '"http://u:p@a"', URL_TEXT],
    ['{"filterEndpoints":["http://a/?b"]}', 'filterEndpoints.0', '"http://a/?b"', URL_TEXT],
    ['{"logFileLocation":""}', 'logFileLocation', '""', 'a path'],
    ['{"headers":{"X Y":"1"}}', 'headers.X Y', '"X Y"', 'an HTTP header name'],
    ['{"headers":{"X":"1\\n2"}}', 'headers.X', '"1\\n2"', 'text without control characters'],
    ['{"headers":{"X":1}}', 'headers.X', '1', 'text without control characters'],
    ['{"headers":[]}', 'headers', '[]', 'an object of header names and values'],
    ['{"nodeosProtocol":"HTTP"}', 'nodeosProtocol', '"HTTP"', '"http" or "https"'],
    [
      '{"nodeosUrl":"http://localhost"}',
      'nodeosUrl',
      '"http://localhost"',
      'a host name or an address, without protocol, port and path',
    ],
    [
      '{"contractBlackList":["bad"]}',
      'contractBlackList',
      '["bad"]',
      'an object such as {"badcontract": true}',
    ],
    ['{"contractBlackList":{"Bad":true}}', 'contractBlackList.Bad', '"Bad"', NAME],
    ['{"contractBlackList":{"bad.":true}}', 'contractBlackList.bad.', '"bad."', NAME],
    ['{"contractBlackList":{"":true}}', 'contractBlackList.', '""', NAME],
    ['{"contractBlackList":{"bad":false}}', 'contractBlackList.bad', 'false', LISTED],
    ['{"contractBlackList":{"bad":"true"}}', 'contractBlackList.bad', '"true"', LISTED],
    ['{"contractBlackList":{"constructor":1}}', 'contractBlackList.constructor', '1', LISTED],
    ['{"contractBlackList":{"__proto__":true}}', 'contractBlackList.__proto__', '"__proto__"', NAME],
    ['{"maxSignatures":"10"}', 'maxSignatures', '"10"', 'a whole number from 0 to 1000000'],
    ['{"maxSignatures":1.5}', 'maxSignatures', '1.5', 'a whole number from 0 to 1000000'],
    ['{"maxSignatures":-1}', 'maxSignatures', '-1', 'a whole number from 0 to 1000000'],
    [
      '{"maxTransactionSize":1e99}',
      'maxTransactionSize',
      '1e+99',
      'a whole number from 0 to 1073741824 (bytes)',
    ],
  ])('%s', (json, path, found, allowed) => {
    expect(issuesOf(program, json)).toEqual([{ path, found, allowed }])
  })

  test.each(['null', '[]', '3', '"text"', 'true'])('%s is no configuration', (json) => {
    expect(issuesOf(program, json)).toEqual([
      { path: '(whole)', found: json, allowed: 'a JSON object of configuration keys' },
    ])
  })

  test.each(['maxSignature', 'MaxSignatures', '', 'constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'the unknown key %j is named, with those that are known',
    (key) => {
      const [issue, ...more] = issuesOf(program, `{${JSON.stringify(key)}:{}}`)
      expect(issue).toMatchObject({ path: key, found: 'an unknown key' })
      expect(issue?.allowed.split(', ')).toEqual(Object.keys(program.schema.entries).toSorted())
      expect(more).toEqual([])
    },
  )

  test('all that is wrong is named at once', () => {
    const issues = issuesOf(program, '{"a":1,"b":2,"listenPort":"x","contractBlackList":{"A":true,"B":1}}')
    expect(issues.map(({ path }) => path).toSorted()).toEqual(
      [
        'a',
        'b',
        'listenPort',
        'contractBlackList.A',
        'contractBlackList.B',
        'contractBlackList.B',
      ].toSorted(),
    )
  })

  test('a long value is shown from its beginning', () => {
    const [issue] = issuesOf(program, JSON.stringify({ listenIP: 'x'.repeat(10_000) }))
    expect(formatConfigIssue(issue!)).toBe(`listenIP: found "${'x'.repeat(99)}...; allowed: ${LISTEN}`)
  })

  test('what is right passes, and passes again as it was answered', () => {
    const right = {
      listenIP: '::1',
      listenPort: 65535,
      configListenPort: '9001',
      configListenIP: 'localhost',
      nodeosUrl: '[2001:db8::1]',
      logEndpoints: ['http://10.0.0.1:8080', 'https://relay.example/patroneos/fail2ban-relay'],
      headers: { 'X-Empty': '', 'Access-Control-Allow-Origin': '*' },
      contractBlackList: { constructor: true, 'eosio.token': true, zzzzzzzzzzzzj: true, '.a': true },
      maxTransactions: 0,
    }
    const parsed = parseConfig(program.schema, right)
    expect(parsed).toMatchObject({ config: right })
    expect(parseConfig(program.schema, (parsed as { config: object }).config)).toEqual(parsed)
  })

  test('without keys, all keys have their defaults, each with its meaning', () => {
    const { config } = parseConfig(program.schema, {}) as { config: object }
    expect(describeConfig(program.schema).map(({ key }) => key)).toEqual(Object.keys(config))
    expect(describeConfig(program.schema).filter(({ description }) => description === '')).toEqual([])
  })
})

describe('the filter alone', () => {
  test.each([
    ['{"mode":"off"}', 'mode', '"off"', '"enforce" or "monitor"'],
    ['{"trustedProxies":["10.0.0.0/8","10.0.0.0/33"]}', 'trustedProxies.1', '"10.0.0.0/33"', CIDR],
    ['{"trustedProxies":["proxy"]}', 'trustedProxies.0', '"proxy"', CIDR],
    ['{"trustedProxies":"10.0.0.0/8"}', 'trustedProxies', '"10.0.0.0/8"', 'a list of CIDRs'],
    ['{"endpoints":{"allow":["v1/chain/*"]}}', 'endpoints.allow.0', '"v1/chain/*"', PATH],
    ['{"endpoints":{"deny":["/v1/*/get_info"]}}', 'endpoints.deny.0', '"/v1/*/get_info"', PATH],
    ['{"endpoints":{"allows":[]}}', 'endpoints.allows', 'an unknown key', 'allow, deny'],
    ['{"endpoints":[]}', 'endpoints', '[]', 'an object with the lists allow and deny'],
    ['{"maxBodySize":104857601}', 'maxBodySize', '104857601', 'a whole number from 0 to 104857600 (bytes)'],
    ['{"actionBlackList":{"a":true}}', 'actionBlackList.a', '"a"', 'contract::action, each an account name'],
    [
      '{"actionBlackList":{"a::b::c":true}}',
      'actionBlackList.a::b::c',
      '"a::b::c"',
      'contract::action, each an account name',
    ],
    ['{"unpackedTransactions":true}', 'unpackedTransactions', 'true', '"reject" or "inspect"'],
    ['{"nodeosTimeout":0}', 'nodeosTimeout', '0', 'a whole number from 1 to 3600 (seconds)'],
    ['{"logSuccess":"yes"}', 'logSuccess', '"yes"', 'true or false'],
  ])('%s', (json, path, found, allowed) => {
    expect(issuesOf(filter, json)).toEqual([{ path, found, allowed }])
  })
})

describe('what can only be a mistake', () => {
  const own = 'the port of nodeos; here the filter itself listens'
  test.each([
    ['{"nodeosPort":0}', 'nodeosPort', '0', 'a port from 1 to 65535, as number or string'],
    ['{"nodeosPort":"0"}', 'nodeosPort', '"0"', 'a port from 1 to 65535, as number or string'],
    ['{"nodeosPort":8081}', 'nodeosPort', '8081', own],
    ['{"nodeosPort":"9001","nodeosUrl":"localhost"}', 'nodeosPort', '"9001"', own],
    ['{"listenIP":"10.0.0.1","nodeosUrl":"10.0.0.1","nodeosPort":8081}', 'nodeosPort', '8081', own],
    [
      '{"listenPort":9001}',
      'configListenPort',
      '"9001"',
      'another port than listenPort, on which the program listens itself',
    ],
    [
      '{"logEndpoints":["http://10.0.0.1:8080","http://localhost:8081/"]}',
      'logEndpoints.1',
      '"http://localhost:8081/"',
      'the URL of a relay; here the filter itself listens',
    ],
    ['{"bans":{"banTime":100,"maxBanTime":10}}', 'bans.maxBanTime', '10', 'at least banTime, which is 100'],
    [
      '{"endpoints":{"deny":["/v1/../x"]}}',
      'endpoints.deny.0',
      '"/v1/../x"',
      'a path without dot segments, which no request may have',
    ],
    ['{"headers":{"A":"1","a":"2"}}', 'headers.a', '"a"', 'one spelling of a name; there is "A"'],
  ])('is refused: %s', (json, path, found, allowed) => {
    expect(issuesOf(filter, json)).toEqual([{ path, found, allowed }])
  })

  test.each([
    ...['Content-Length', 'Transfer-Encoding'].map((name) => [name, 'it frames the message']),
    ...['Connection', 'Keep-Alive', 'Upgrade', 'TE', 'Trailer', 'proxy-connection'].map((name) => [
      name,
      "it is the connection's own",
    ]),
    ['DATE', 'it is the time of each response'],
  ])('in headers: %s, since %s', (name, reason) => {
    for (const program of [filter, relay])
      expect(issuesOf(program, JSON.stringify({ headers: { [name!]: 'x' } }))).toEqual([
        { path: `headers.${name}`, found: `"${name}"`, allowed: `any header but this one: ${reason}` },
      ])
  })

  test.each([
    '{"nodeosUrl":"10.0.0.2","nodeosPort":8081}',
    '{"listenIP":"10.0.0.1","nodeosPort":8081}',
    '{"listenIP":"10.0.0.1","listenPort":9001}',
    '{"listenPort":0,"configListenPort":0}',
    '{"headers":{"Access-Control-Allow-Origin":"*","Server":""}}',
  ])('is not: %s', (json) => {
    expect(issuesOf(filter, json)).toEqual([])
  })
})

describe('what may be meant, and still surprises, is a warning', () => {
  test.each([
    ['{"nodeosTimeout":120}', 'nodeosTimeout (120 s) is not below requestTimeout (120 s)'],
    ['{"transactionRetryTimeout":10}', 'transactionRetryTimeout (10 s) is below nodeosTimeout (30 s)'],
    ['{"maxBufferedBytesPerClient":1000}', 'maxBufferedBytesPerClient (1000) is below maxBodySize (2097152)'],
    ['{"trustedProxies":["0.0.0.0/0"]}', 'trustedProxies has 0.0.0.0/0'],
    ['{"trustedProxies":["::/0"]}', 'trustedProxies has ::/0'],
    ['{"endpoints":{"allow":[]}}', 'endpoints.allow is empty'],
    ['{"maxSignatures":0}', 'maxSignatures is 0'],
    [
      '{"contractAllowList":{"a":true},"contractBlackList":{"a":true}}',
      'a is in contractAllowList and in contractBlackList',
    ],
    ['{"mode":"monitor","bans":{}}', 'mode is "monitor": bans is set'],
  ])('%s', (json, text) => {
    const { config } = parseConfig(filter.schema, JSON.parse(json)) as { config: FilterConfig }
    const warnings = filterWarnings(config)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(text)
  })

  test('the defaults have none', () => {
    const { config } = parseConfig(filter.schema, {}) as { config: FilterConfig }
    expect(filterWarnings(config)).toEqual([])
  })
})

describe('the relay alone', () => {
  test.each([
    ['{"allowUnsigned":1}', 'allowUnsigned', '1', 'true or false'],
    ['{"logTimeFormat":"unix"}', 'logTimeFormat', '"unix"', '"iso" or "go"'],
    ['{"haproxySocket":1}', 'haproxySocket', '1', 'a path, or "" for none'],
    ['{"haproxyBackend":"a b"}', 'haproxyBackend', '"a b"', 'a backend name'],
  ])('%s', (json, path, found, allowed) => {
    expect(issuesOf(relay, json)).toEqual([{ path, found, allowed }])
  })
})

test('a name is one where wharfkit writes it back as it was', () => {
  const near = fc.string({ unit: fc.constantFrom(...'.12345abcjkzA06_'), minLength: 1, maxLength: 14 })
  fc.assert(
    fc.property(near, (name) => {
      const accepted = issuesOf(filter, JSON.stringify({ contractBlackList: { [name]: true } })).length === 0
      expect(accepted).toBe(String(Name.from(name)) === name)
    }),
    { numRuns: 2000 },
  )
})
