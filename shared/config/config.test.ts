// What is wrong with a configuration is said with its path, what was found and what is allowed.
import { Name } from '@wharfkit/antelope'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { strikeClasses } from '../violations.ts'
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
const NODEOS_PORT = 'a port from 1 to 65535, as number or string'
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
    ['{"nodeosPort":"0x50"}', 'nodeosPort', '"0x50"', NODEOS_PORT],
    ['{"nodeosPort":0}', 'nodeosPort', '0', NODEOS_PORT],
    ['{"nodeosPort":"0"}', 'nodeosPort', '"0"', NODEOS_PORT],
    ['{"nodeosPort":"00000"}', 'nodeosPort', '"00000"', NODEOS_PORT],
    ['{"listenIP":"224.0.0.1"}', 'listenIP', '"224.0.0.1"', LISTEN],
    ['{"configListenIP":"ff02::1"}', 'configListenIP', '"ff02::1"', LISTEN],
    // A URL takes these for other addresses, or for none.
    ...['256.1.1.1', '10.1', '1', '0x7f.1', 'a.0x1', '[127.0.0.1]', '[]', '239.1.1.1', '255.255.255.255'].map(
      (host): [string, string, string, string] => [
        JSON.stringify({ nodeosUrl: host }),
        'nodeosUrl',
        JSON.stringify(host),
        'a host name or an address, without protocol, port and path',
      ],
    ),
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
    ['{"headers":{"X":" a"}}', 'headers.X', '" a"', 'text without blanks around it'],
    ['{"headers":{"X":"\\t"}}', 'headers.X', '"\\t"', 'text without blanks around it'],
    [
      '{"headers":{"Server":"a","server":""}}',
      'headers.server',
      '"server"',
      'each header once; there is Server already',
    ],
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

  const CONNECTS = "which belongs to one connection (RFC 9110, section 7.6.1): it is the filter's own"
  const FRAMES = 'which says where a message ends: the filter works that out for each'
  test.each([
    ...['Content-Length', 'Transfer-Encoding', 'Trailer', 'Content-Range'].map((name) => [name, FRAMES]),
    ...['Connection', 'Keep-Alive', 'Proxy-Connection', 'Upgrade', 'TE', 'HTTP2-Settings'].map((name) => [
      name,
      CONNECTS,
    ]),
    ['Date', 'which is the time of each response'],
    ['Content-Encoding', 'which says how the body of each response is encoded'],
  ])('%s is no header of the configuration, in any case, set or removed', (name, reason) => {
    for (const found of [name!, name!.toLowerCase(), name!.toUpperCase()])
      for (const value of ['', '1'])
        expect(issuesOf(program, JSON.stringify({ headers: { [found]: value } }))).toEqual([
          { path: `headers.${found}`, found: `"${found}"`, allowed: `any header but ${found}, ${reason}` },
        ])
  })

  const SAME = 'another port than listenPort, where both listen on one address'
  test.each([
    ['{"listenPort":7000,"configListenPort":"7000"}', SAME],
    ['{"listenIP":"0.0.0.0","listenPort":7000,"configListenPort":7000}', SAME],
    ['{"listenIP":"::","listenPort":7000,"configListenPort":7000}', SAME],
    ['{"listenIP":"localhost","listenPort":7000,"configListenPort":7000}', SAME],
    ['{"listenIP":"10.0.0.1","listenPort":7000,"configListenIP":"10.0.0.1","configListenPort":7000}', SAME],
    ['{"listenIP":"10.0.0.1","listenPort":7000,"configListenIP":"","configListenPort":7000}', SAME],
    ['{"listenIP":"10.0.0.1","listenPort":7000,"configListenPort":7000}', undefined],
    ['{"listenIP":"0.0.0.0","listenPort":7000,"configListenIP":"::1","configListenPort":7000}', undefined],
    ['{"listenPort":0,"configListenPort":0}', undefined],
  ])('two listeners on one port: %s', (json, allowed) => {
    expect(issuesOf(program, json).map((issue) => issue.allowed)).toEqual(allowed ? [allowed] : [])
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
    // Which is for editors.
    const own = describeConfig(program.schema).filter(({ key }) => key !== '$schema')
    expect(own.map(({ key }) => key)).toEqual(Object.keys(config))
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
    ...[
      '/v1/chain/',
      '/v1/chain/get_info/',
      '/v1/chain/get_info?x',
      '/v1/../x',
      '/x/./*',
      '/x//*',
      '//x',
      '/x*',
    ].map((path): [string, string, string, string] => [
      JSON.stringify({ endpoints: { deny: [path] } }),
      'endpoints.deny.0',
      JSON.stringify(path),
      PATH,
    ]),
    ...['/v1/chain/a:b', '/%76%31/chain/*', '/x/%2e%2e', '/x/a%2fb', '/x/%zz', '/x#y', '/*/x', ''].map(
      (path): [string, string, string, string] => [
        JSON.stringify({ endpoints: { allow: [path] } }),
        'endpoints.allow.0',
        JSON.stringify(path),
        PATH,
      ],
    ),
    [
      '{"endpoints":{"allow":["/patroneos/*"]}}',
      'endpoints.allow.0',
      '"/patroneos/*"',
      'a path of what is behind the filter; /patroneos/ is its own',
    ],
    ...[
      '/v1/chain/send_transaction2',
      '/v1/chain/get_info/',
      '/v1/chain/get_info?x',
      '/v1/../get_info',
      '/patroneos/x',
    ].map((path): [string, string, string, string] => [
      JSON.stringify({ cache: { paths: { [path]: 1 } } }),
      `cache.paths.${path}`,
      JSON.stringify(path),
      'an exact path of a call that carries no transaction, such as /v1/chain/get_info',
    ]),
    [
      '{"maxTransactionSize":0}',
      'maxTransactionSize',
      '0',
      '1 or more; 0 is not unlimited, it refuses every transaction',
    ],
    [
      '{"maxBufferedBytes":0}',
      'maxBufferedBytes',
      '0',
      '1 or more; 0 is not unlimited, it refuses every body',
    ],
    [
      '{"maxBufferedBytesPerClient":0}',
      'maxBufferedBytesPerClient',
      '0',
      '1 or more; 0 is not unlimited, it refuses every body',
    ],
    ...[
      ['{"nodeosUrl":"localhost","nodeosPort":8081}', '8081', 'localhost', 'listenPort'],
      ['{"nodeosUrl":"127.0.0.1","nodeosPort":"8081"}', '"8081"', '127.0.0.1', 'listenPort'],
      ['{"nodeosUrl":"127.9.9.9","nodeosPort":8081}', '8081', '127.9.9.9', 'listenPort'],
      ['{"nodeosUrl":"0.0.0.0","nodeosPort":8081}', '8081', '0.0.0.0', 'listenPort'],
      ['{"nodeosUrl":"[::1]","nodeosPort":8081}', '8081', '[::1]', 'listenPort'],
      [
        '{"listenIP":"10.0.0.1","listenPort":8888,"nodeosUrl":"10.0.0.1"}',
        '"8888"',
        '10.0.0.1',
        'listenPort',
      ],
      ['{"nodeosUrl":"127.0.0.1","nodeosPort":9001}', '9001', '127.0.0.1', 'configListenPort'],
    ].map(([json, found, host, own]): [string, string, string, string] => [
      json!,
      'nodeosPort',
      found!,
      `the port of nodeos at ${host}, not the filter's own ${own}`,
    ]),
    [
      '{"nodes":[{"name":"a","url":"http://10.0.0.1"},{"name":"a","url":"http://10.0.0.2"}]}',
      'nodes.1.name',
      '"a"',
      'another name for each',
    ],
    [
      '{"nodes":[{"name":"a","url":"http://localhost:8081"}]}',
      'nodes.0.url',
      '"http://localhost:8081"',
      "a node, not the filter's own listenPort",
    ],
    ...['ftp://a', 'http://a/x', 'http://u:p@a', 'http://a?x', 'a:8888', 'http://a:0'].map(
      (url): [string, string, string, string] => [
        JSON.stringify({ nodes: [{ name: 'a', url }] }),
        'nodes.0.url',
        JSON.stringify(url),
        'a URL such as http://10.0.0.11:8888, without user name, path, query or fragment',
      ],
    ),
    [
      '{"nodes":[{"name":"a","url":"http://a","serves":["write"]}]}',
      'nodes.0.serves.0',
      '"write"',
      '"push", "read", or a path as in endpoints, such as /v1/history/*',
    ],
    [
      '{"nodes":[{"name":"a","url":"http://a","x":1}]}',
      'nodes.0.x',
      'an unknown key',
      'health, name, serves, url, weight',
    ],
    [
      '{"rateLimits":[{"name":"a","key":["ip"],"on":"failure","limit":1,"window":5,"where":{"path":[]}}]}',
      'rateLimits.0.where.path',
      'an unknown key',
      'actions, authorizers, contracts, paths, tables',
    ],
    [
      '{"rateLimits":[{"name":"a","key":["ip","ip"],"on":"failure","limit":1,"window":5}]}',
      'rateLimits.0.key',
      '["ip","ip"]',
      'one or more of "ip", "authorizer", "contract", "action", "table", "path", each once',
    ],
    ['{"balance":"fair"}', 'balance', '"fair"', '"least-requests", "round-robin", "random", "client"'],
    [
      '{"logEndpoints":["http://10.0.0.1:8080","http://localhost:8081/"]}',
      'logEndpoints.1',
      '"http://localhost:8081/"',
      "a relay, not the filter's own listenPort",
    ],
    [
      '{"logEndpoints":["http://127.0.0.1:9001/patroneos/fail2ban-relay"]}',
      'logEndpoints.0',
      '"http://127.0.0.1:9001/patroneos/fail2ban-relay"',
      "a relay, not the filter's own configListenPort",
    ],
    [
      '{"logEndpoints":["http://a:1","http://A:1/","https://a:1"]}',
      'logEndpoints.1',
      '"http://A:1/"',
      'each relay once',
    ],
    [
      '{"logEndpoints":["http://a","http://a:80/patroneos/fail2ban-relay"]}',
      'logEndpoints.1',
      '"http://a:80/patroneos/fail2ban-relay"',
      'each relay once',
    ],
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

describe('what the filter is warned of', () => {
  const warningsOf = (settings: object) => {
    const parsed = parseConfig(filter.schema, settings)
    if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues))
    return filterWarnings(parsed.config as FilterConfig)
  }

  test.each<[object, RegExp]>([
    [{ nodeosTimeout: 120 }, /^nodeosTimeout is 120 s, but requestTimeout ends every request after 120 s/],
    [{ nodeosTimeout: 299 }, /^nodeosTimeout is 299 s/],
    [{ nodeosBodyTimeout: 200 }, /^nodeosBodyTimeout is 200 s/],
    [{ requestTimeout: 30, nodeosBodyTimeout: 20 }, /^nodeosTimeout is 30 s, but requestTimeout/],
    [{ transactionRetryTimeout: 30 }, /^transactionRetryTimeout is 30 s: no longer than nodeosTimeout/],
    [{ maxBodySize: 2_097_153 }, /^maxBodySize is 2097153: over 2097152 bytes nodeos closes/],
    [{ maxBodySize: 0 }, /^maxBodySize is 0: not unlimited, but no request with a body passes/],
    [{ maxInflatedSize: 0 }, /^maxInflatedSize is 0: not unlimited, but no compressed transaction passes/],
    [{ maxSignatures: 0 }, /^maxSignatures is 0: not unlimited, but no signed transaction passes/],
    [
      { maxBufferedBytesPerClient: 2_097_151 },
      /^maxBufferedBytesPerClient is 2097151, less than maxBodySize/,
    ],
    [{ maxBufferedBytes: 8_000_000 }, /^maxBufferedBytesPerClient is 8388608, more than maxBufferedBytes/],
    [{ maxConnections: 256 }, /^maxConnectionsPerClient is 256, not less than maxConnections \(256\)/],
    [{ trustedProxies: ['0.0.0.0/0'] }, /^trustedProxies has 0\.0\.0\.0\/0: whoever connects/],
    [{ trustedProxies: ['10.0.0.0/8', '::/0'] }, /^trustedProxies has ::\/0/],
    [{ trustedProxies: ['0.0.0.0/1'] }, /^trustedProxies has 0\.0\.0\.0\/1/],
    [{ endpoints: { allow: [] } }, /^endpoints\.allow is empty: nothing is served/],
    [
      { endpoints: { allow: ['/v1/chain/get_info', '/x/*'], deny: ['/v1/chain/*'] } },
      /^endpoints\.allow has \/v1\/chain\/get_info, which endpoints\.deny refuses/,
    ],
    [{ endpoints: { allow: ['/v1/chain/*'], deny: [] } }, /^endpoints opens \/v1\/chain\/push_block to/],
    [{ endpoints: { allow: ['/*'] } }, /^endpoints opens \/v1\/producer\/pause, \/v1\/net\/connect, /],
    [
      { cache: { paths: { '/v1/producer/x': 1 } } },
      /^cache\.paths has \/v1\/producer\/x, which endpoints does not/,
    ],
    [{ cache: { maxBytes: 100 } }, /^cache\.maxBytes is 100: hardly an answer has room/],
    [
      { cache: { paths: { '/v1/chain/get_info': 500 } } },
      /^cache\.paths keeps \/v1\/chain\/get_info for 500 s/,
    ],
    [
      { nodes: [{ name: 'a', url: 'http://a', serves: ['read'] }] },
      /^nodes has none that serves "push": transactions are answered 503/,
    ],
    [
      { nodes: [{ name: 'a', url: 'http://a', serves: ['push', 'read', '/v3/*'] }] },
      /^nodes has a serve \/v3\/\*, which endpoints does not let in/,
    ],
    [
      {
        nodes: [
          { name: 'a', url: 'http://a' },
          { name: 'b', url: 'http://a:80' },
        ],
      },
      /^nodes has a and b at one url, http:\/\/a$/,
    ],
    [{ bans: { banTime: 700_000 } }, /^bans\.banTime is 700000 s, but maxBanTime ends every ban/],
    [{ logSuccess: true }, /^logSuccess has no effect/],
    [
      { ipAllowList: ['10.1.0.0/16', '192.0.2.1'], ipBlockList: { ranges: ['10.0.0.0/8', '192.0.2.1/32'] } },
      /^ipAllowList and ipBlockList share addresses of 10\.1\.0\.0\/16, 192\.0\.2\.1, 192\.0\.2\.1\/32: they are allowed$/,
    ],
    [{ tableRows: { maxLimit: 49 } }, /^tableRows\.maxLimit is 49: without a limit nodeos takes 10/],
    [{ nodeosPort: 443 }, /^nodeosProtocol is "http", and nodeosPort 443 is the port of the other protocol/],
    [{ nodeosProtocol: 'https', nodeosPort: '80' }, /^nodeosProtocol is "https"/],
    [{ nodeosUrl: '0.0.0.0' }, /^nodeosUrl 0\.0\.0\.0 is an address to listen on/],
    [
      { contractAllowList: { a: true, b: true }, contractBlackList: { b: true } },
      /^contractAllowList has b, which contractBlackList rejects/,
    ],
  ])('%j', (settings, expected) => {
    expect(warningsOf(settings)).toEqual([expect.stringMatching(expected)])
  })

  test('bans that never happen', () => {
    const never = Object.fromEntries(strikeClasses.map((name) => [name, 0]))
    expect(warningsOf({ bans: { maxRetry: never } })).toEqual([
      'bans.maxRetry is 0 for every class: nobody is ever banned',
    ])
  })

  test.each<[object]>([
    [{}],
    [{ nodeosTimeout: 119, nodeosBodyTimeout: 119 }],
    [{ trustedProxies: ['10.0.0.0/8', 'fc00::/7', '127.0.0.1'] }],
    [{ endpoints: { allow: ['/v1/chain/*', '/atomicassets/*', '/a%20b/c:d', '/docs/', '/'] } }],
    [
      {
        endpoints: {
          allow: ['/*'],
          deny: [
            '/v1/producer/*',
            '/v1/net/*',
            '/v1/wallet/*',
            '/v1/keosd/*',
            '/v1/test_control/*',
            '/v1/txn_test_gen/*',
            '/v1/chain/push_block',
          ],
        },
      },
    ],
    [{ cache: { paths: { '/v1/chain/get_info': 1, '/v1/chain/get_block': 9 } } }],
    [{ cache: { paths: {} } }],
    [{ bans: {} }],
    [{ nodeosProtocol: 'https', nodeosPort: 443 }],
    [{ listenIP: '10.0.0.1', listenPort: 8888 }],
    [{ listenIP: '10.0.0.1', nodeosUrl: '127.0.0.1', nodeosPort: 8081 }],
    [{ logEndpoints: ['http://localhost:8080', 'http://localhost:8082', 'http://10.0.0.1:8081'] }],
    [
      {
        headers: {
          'Access-Control-Allow-Origin': '*',
          'X-Powered-By': '',
          Vary: 'Origin',
          'Content-Type': 'a/b',
        },
      },
    ],
  ])('not %j', (settings) => {
    expect(warningsOf(settings)).toEqual([])
  })
})

describe('the relay alone', () => {
  test.each([
    [
      '{"filterEndpoints":["http://10.0.0.1:8081","http://127.0.0.1:8080"]}',
      'filterEndpoints.1',
      '"http://127.0.0.1:8080"',
      "a filter, not the relay's own listenPort",
    ],
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
