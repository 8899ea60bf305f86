// Who a request is from, whatever it says of itself.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exchange, statusOf } from '../e2e/http/wire.ts'
import { type Cidr, parseCidr } from '../shared/address.ts'
import { createClientAddress } from './client-address.ts'
import { ask, startBoth } from './testing/harness.ts'

const PROXY = '10.0.0.1'
const TRUSTED = ['10.0.0.0/8', '2001:db8:ffff::/48', '192.0.2.7']
const clientOf = createClientAddress(TRUSTED.map((range) => parseCidr(range) as Cidr))

describe('X-Forwarded-For', () => {
  test.each([
    ['none, no proxy', '203.0.113.9', '', '203.0.113.9'],
    ['spoofed, no proxy', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['spoofed with the address of a proxy', '203.0.113.9', '10.0.0.1, 10.0.0.2', '203.0.113.9'],
    ['none from a proxy: a request of its own', PROXY, '', PROXY],
    ['of one proxy', PROXY, '203.0.113.9', '203.0.113.9'],
    ['spoofed, and a proxy appended', PROXY, '198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['spoofed with a proxy, and a proxy appended', PROXY, '10.0.0.9, 203.0.113.9', '203.0.113.9'],
    ['chained', PROXY, '203.0.113.9, 10.0.0.3, 192.0.2.7', '203.0.113.9'],
    ['chained, spoofed', PROXY, '198.51.100.1, 203.0.113.9, 10.0.0.3', '203.0.113.9'],
    ['of proxies alone: the outermost', PROXY, '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['of several lines, joined', PROXY, '198.51.100.1, 198.51.100.2, 203.0.113.9', '203.0.113.9'],
    ['without blanks', PROXY, '198.51.100.1,203.0.113.9', '203.0.113.9'],
    ['with more blanks', PROXY, ' 198.51.100.1 ,\t203.0.113.9\t', '203.0.113.9'],
    ['with a port', PROXY, '203.0.113.9:51234', '203.0.113.9'],
    ['with ports, chained', PROXY, '203.0.113.9:51234, 10.0.0.3:80', '203.0.113.9'],
    ['IPv6', PROXY, '2001:DB8::9', '2001:db8::9'],
    ['IPv6 in brackets', PROXY, '[2001:db8::9]', '2001:db8::9'],
    ['IPv6 in brackets with a port', PROXY, '[2001:db8::9]:51234', '2001:db8::9'],
    ['IPv6 with a zone', PROXY, 'fe80::9%eth0', 'fe80::9'],
    ['IPv6 with a zone, in brackets with a port', PROXY, '[fe80::9%eth0]:51234', 'fe80::9'],
    ['IPv4-mapped', PROXY, '::ffff:203.0.113.9', '203.0.113.9'],
    ['IPv4-mapped, in hexadecimal and brackets', PROXY, '[::ffff:cb00:7109]:80', '203.0.113.9'],
    ['IPv4-mapped of a proxy', PROXY, '203.0.113.9, ::ffff:10.0.0.3', '203.0.113.9'],
    ['of an IPv6 proxy', '2001:db8:ffff::1', '203.0.113.9', '203.0.113.9'],
    ['of an IPv6 proxy with a zone', '2001:db8:ffff::1%eth0', '203.0.113.9', '203.0.113.9'],
    ['of an IPv6 proxy beside the range', '2001:db8:fffe::1', '203.0.113.9', '2001:db8:fffe::1'],
    ['of an IPv4-mapped proxy', '::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['from an IPv4-mapped client', '::ffff:203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['garbage', PROXY, 'unknown', PROXY],
    ['garbage left of the client', PROXY, 'unknown, 203.0.113.9', '203.0.113.9'],
    ['garbage right of the client', PROXY, '203.0.113.9, unknown', PROXY],
    ['garbage behind a second proxy', PROXY, '203.0.113.9, unknown, 10.0.0.3', '10.0.0.3'],
    ['an empty entry at the end', PROXY, '203.0.113.9,', PROXY],
    ['empty entries alone', PROXY, ', ,', PROXY],
    ['a name', PROXY, 'example.com', PROXY],
    ['a name that is an address of loopback', PROXY, 'localhost', PROXY],
    ['a number that some read as an address', PROXY, '3405803785', PROXY],
    ['octal', PROXY, '0313.0.0161.011', PROXY],
    ['a short address', PROXY, '203.113', PROXY],
    ['an address with a line behind it', PROXY, '203.0.113.9\n198.51.100.1', PROXY],
    ['an address with a log line behind it', PROXY, '203.0.113.9 false INVALID_JSON', PROXY],
    ['a wrong port', PROXY, '203.0.113.9:x', PROXY],
    ['a port of six digits', PROXY, '203.0.113.9:123456', PROXY],
    ['an open bracket', PROXY, '[2001:db8::9', PROXY],
    ['IPv4 in brackets', PROXY, '[203.0.113.9]:80', '203.0.113.9'],
    ['in the form of Forwarded', PROXY, 'for=203.0.113.9', PROXY],
    ['a range', PROXY, '203.0.113.0/24', PROXY],
    ['an address too long to be one', PROXY, `2001:db8::${'0'.repeat(100)}9`, PROXY],
  ])('%s', (_what, peer, header, client) => {
    expect(clientOf(peer, header)).toBe(client)
    // The same again, as hops are remembered.
    expect(clientOf(peer, header)).toBe(client)
  })

  test('from anybody but a proxy says nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.array(fc.ipV4()).map(String), fc.array(fc.ipV6()).map(String)),
        (text) => {
          expect(clientOf('203.0.113.9', text)).toBe('203.0.113.9')
        },
      ),
    )
  })

  test('from a proxy names the client that it saw, whatever stands left of it', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary-ascii' }), fc.array(fc.ipV4()).map(String)),
        (spoofed) => {
          expect(clientOf(PROXY, `${spoofed}, 203.0.113.9`)).toBe('203.0.113.9')
        },
      ),
    )
  })

  test('of 10,000 clients is not kept, but their addresses are', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    collect()
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < 9_999; n++) {
      // Read from bytes, as a header is, so that it is one flat string.
      const claim = Buffer.alloc(16_000, 'x').toString('latin1')
      clientOf(PROXY, Buffer.from(`${claim}${n}, 2001:db8:1:2::${n.toString(16)}`).toString('latin1'))
    }
    collect()
    expect((process.memoryUsage().heapUsed - before) / 1_048_576).toBeLessThan(20)
  })
})

describe('in the running filter, the client is the same in the report, in the log and for nodeos', () => {
  /** The harness asks from 127.0.0.1. */
  const behindProxy = { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] }
  const direct = { trustedProxies: [] }

  test.each([
    ['no proxy, no header', direct, [], '127.0.0.1'],
    ['no proxy, spoofed', direct, ['X-Forwarded-For', '203.0.113.9'], '127.0.0.1'],
    ['one proxy', behindProxy, ['X-Forwarded-For', '203.0.113.9'], '203.0.113.9'],
    [
      'several lines: the last one is the proxy’s',
      behindProxy,
      ['X-Forwarded-For', '198.51.100.1', 'x-forwarded-for', '203.0.113.9'],
      '203.0.113.9',
    ],
    [
      'several lines, with another between them, chained',
      behindProxy,
      ['X-Forwarded-For', '198.51.100.1, 203.0.113.9', 'X-Other', '1', 'X-FORWARDED-FOR', '10.0.0.3'],
      '203.0.113.9',
    ],
    ['an empty line', behindProxy, ['X-Forwarded-For', ''], '127.0.0.1'],
    [
      'other headers that claim a client',
      behindProxy,
      [
        ...['Forwarded', 'for=198.51.100.1', 'X-Real-IP', '198.51.100.1', 'CF-Connecting-IP', '198.51.100.1'],
        ...['True-Client-IP', '198.51.100.1', 'X-Client-IP', '198.51.100.1'],
      ],
      '127.0.0.1',
    ],
    ['a name', behindProxy, ['X-Forwarded-For', 'example.com'], '127.0.0.1'],
    ['IPv6 with a port', behindProxy, ['X-Forwarded-For', '[2001:DB8::9]:51234'], '2001:db8::9'],
  ])('%s', async (_what, settings, headers, client) => {
    const { nodeos, filter } = await startBoth(settings)
    await ask(filter.port, { headers })
    expect(nodeos.received[0]?.headers['x-forwarded-for']).toBe(client)
    await ask(filter.port, { headers, target: '/v1/chain/push_transaction', body: '{"name"}' })
    expect(filter.reports).toEqual([{ host: client, code: 'INVALID_JSON' }])
    expect(JSON.parse(filter.log[0]!)).toMatchObject({ client })
  })

  test.each([
    ['a folded line', '203.0.113.9\r\n 198.51.100.1'],
    ['a bare line feed', '203.0.113.9\n198.51.100.1'],
    ['a bare carriage return', '203.0.113.9\r198.51.100.1'],
    ['a NUL', '203.0.113.9\0'],
    ['a line feed, escaped', '203.0.113.9%0a198.51.100.1'],
  ])('%s makes no second line and no other client', async (_what, value) => {
    const { filter } = await startBoth(behindProxy)
    const head = `POST /v1/chain/push_transaction HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${value}\r\n`
    const { responses } = await exchange(filter.port, `${head}Content-Length: 8\r\n\r\n{"name"}`)
    expect(statusOf(responses[0])).toBe(400)
    for (const { host } of filter.reports) expect(host).toBe('127.0.0.1')
    for (const line of filter.log) expect(JSON.parse(line)).toMatchObject({ client: '127.0.0.1' })
  })
})
