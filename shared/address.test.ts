import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clientNetwork, formatAddress, inAnyCidr, parseAddress, parseCidr } from './address.ts'

const canonical = (text: string) => {
  const address = parseAddress(text)
  return address && formatAddress(address)
}

describe('an address', () => {
  test.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['0:0:0:0:0:FFFF:CB00:7109', '203.0.113.9'],
    ['::ffff:203.0.113.9%eth0', '203.0.113.9'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::203.0.113.9', '::cb00:7109'],
    ['64:ff9b::203.0.113.9', '64:ff9b::cb00:7109'],
  ])('%s is written as %s', (text, expected) => {
    expect(canonical(text)).toBe(expected)
  })

  test.each([
    '',
    'localhost',
    'example.com',
    '1',
    '3405803785',
    '0xcb007109',
    '203.113',
    '203.0.113',
    '0313.0.113.9',
    '203.0.113.09',
    '203.0.113.256',
    '203.0.113.9.',
    '203.0.113.9:80',
    '203.0.113.9%eth0',
    '[2001:db8::1]',
    '[2001:db8::1]:80',
    '2001:db8::1::2',
    '::ffff:0313.0.113.9',
    '::ffff:203.0.113',
    '2001:db8::1%',
    'fe80::1%eth0\n203.0.113.9',
    '203.0.113.9\n',
    ' 203.0.113.9',
    '203.0.113.0/24',
    '２０３.0.113.9',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  test('is what Node takes for one, and nothing else is', () => {
    const nearly = fc
      .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(45), fc.nat(2), fc.constantFrom('', ...'0:.fg/[ 1\n'))
      .map(([text, at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut))
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), nearly, fc.ipV4Extended()), (text) => {
        expect(parseAddress(text) !== undefined).toBe(isIP(text) !== 0)
      }),
      { numRuns: 2000 },
    )
  })

  test('is written as in a URL, and once written stays the same', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const written = canonical(text)!
        const inUrl = (address: string) =>
          new URL(`http://${isIP(address) === 6 ? `[${address}]` : address}`).hostname.replace(/[[\]]/g, '')
        // The one that differs on purpose is the mapped address, which a URL keeps as IPv6.
        expect(inUrl(text.includes(':') && isIP(written) === 4 ? `::ffff:${written}` : written)).toBe(
          inUrl(text),
        )
        expect(canonical(written)).toBe(written)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a range', () => {
  test.each([
    '',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/0x8',
    '10.0.0.0/8 ',
    '10/8',
    '::/129',
    'fe80::1%eth0/64',
    'localhost/8',
  ])('%j is none', (text) => {
    expect(parseCidr(text)).toBeUndefined()
  })

  test('has just the addresses that Node finds in it', () => {
    const v4 = fc.tuple(fc.ipV4(), fc.nat(32), fc.ipV4())
    const v6 = fc.tuple(fc.ipV6(), fc.nat(128), fc.ipV6())
    const mixed = fc.tuple(fc.ipV4(), fc.nat(32), fc.ipV6())
    fc.assert(
      fc.property(fc.oneof(v4, v6, mixed), fc.boolean(), ([base, bits, other], itself) => {
        const range = parseCidr(`${base}/${bits}`)
        fc.pre(range !== undefined)
        const [network, width] = range!
        const family = network.kind()
        const node = new BlockList()
        node.addSubnet(formatAddress(network), width, family)
        const asked = parseAddress(itself ? base : other)!
        const found = asked.kind() === family && node.check(formatAddress(asked), family)
        expect(inAnyCidr(asked, [range!])).toBe(found)
      }),
      { numRuns: 1000 },
    )
  })

  test('a bare address is a range of itself', () => {
    const ranges = [parseCidr('203.0.113.9')!, parseCidr('2001:db8::1')!]
    const isIn = (text: string) => inAnyCidr(parseAddress(text)!, ranges)
    expect(['203.0.113.9', '::ffff:203.0.113.9', '2001:db8::1'].map(isIn)).toEqual([true, true, true])
    expect(['203.0.113.10', '2001:db8::2', '::203.0.113.9'].map(isIn)).toEqual([false, false, false])
  })

  test('an IPv4 range is not said as IPv4-mapped IPv6 with a width of IPv6', () => {
    expect(parseCidr('::ffff:10.0.0.0/104')).toBeUndefined()
  })
})

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
])('%s counts as the client %s', (text, network) => {
  expect(clientNetwork(formatAddress(parseAddress(text)!))).toBe(network)
})
