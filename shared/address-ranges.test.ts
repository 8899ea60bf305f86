import { BlockList, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { formatAddress, parseAddress } from './address.ts'
import { formatListIssue, parseAddressList, rangeListOf } from './address-list.ts'
import { createAddressRanges } from './address-ranges.ts'

const rangesOf = (...texts: string[]) => createAddressRanges([rangeListOf(texts)])
const has = (ranges: ReturnType<typeof rangesOf>, address: string) => ranges.has(parseAddress(address)!)

describe('addresses in ranges', () => {
  const ranges = rangesOf(
    '203.0.113.0/24',
    '198.51.100.7',
    '2001:db8::/32',
    '::1',
    '255.255.255.255/32',
    '0.0.0.0/32',
  )
  it.each([
    '203.0.113.0',
    '203.0.113.255',
    '198.51.100.7',
    '2001:db8::',
    '2001:db8:ffff::1',
    '::1',
    '255.255.255.255',
    '0.0.0.0',
    '::ffff:203.0.113.9',
  ])('%s is in', (address) => {
    expect(has(ranges, address)).toBe(true)
  })
  it.each([
    '203.0.112.255',
    '203.0.114.0',
    '198.51.100.6',
    '198.51.100.8',
    '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db9::',
    '::',
    '::2',
    '0.0.0.1',
  ])('%s is not', (address) => {
    expect(has(ranges, address)).toBe(false)
  })
  test('none is in none, and each in all', () => {
    expect(has(rangesOf(), '203.0.113.9')).toBe(false)
    expect(has(rangesOf('0.0.0.0/0'), '203.0.113.9')).toBe(true)
    expect(has(rangesOf('0.0.0.0/0'), '::1')).toBe(false)
    expect(has(rangesOf('::/0'), 'ffff::')).toBe(true)
  })
  test('overlapping ones are merged', () => {
    expect(rangesOf('10.0.0.0/8', '10.1.0.0/16', '10.0.0.0/9', '::/1', '::1').size).toBe(2)
  })
})

test("whatever the ranges, it is Node's BlockList that says so", () => {
  const v4 = fc.integer({ min: 0, max: 0xfff }).map((low) => `10.0.${low >> 8}.${low & 255}`)
  const v6 = fc
    .tuple(
      fc.integer({ min: 0, max: 15 }),
      fc.integer({ min: 0, max: 0xff }),
      fc.integer({ min: 0, max: 0xfff }),
    )
    .map(([a, b, c]) =>
      formatAddress(parseAddress(`2001:db8:${a.toString(16)}:${b.toString(16)}::${c.toString(16)}`)!),
    )
  const cidr = fc.oneof(
    fc.tuple(v4, fc.integer({ min: 0, max: 32 })),
    // From ::/0 to ::/2 hold ::ffff:0:0/96 as well, where IPv4 is to Node, and is not here.
    fc.tuple(v6, fc.integer({ min: 8, max: 128 })),
    fc.tuple(v4, fc.integer({ min: 24, max: 32 })),
    fc.tuple(v6, fc.integer({ min: 60, max: 128 })),
  )
  fc.assert(
    fc.property(
      fc.array(cidr, { maxLength: 20 }),
      fc.array(fc.oneof(v4, v6), { minLength: 20, maxLength: 40 }),
      (list, asked) => {
        const oracle = new BlockList()
        for (const [base, bits] of list) oracle.addSubnet(base, bits, isIPv6(base) ? 'ipv6' : 'ipv4')
        const ranges = rangesOf(...list.map(([base, bits]) => `${base}/${bits}`))
        for (const address of asked)
          expect(has(ranges, address)).toBe(oracle.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'))
      },
    ),
    { numRuns: 2_000 },
  )
})

describe('a list as text', () => {
  it('has one address or CIDR a line, blanks, and comments', () => {
    const parsed = parseAddressList(
      '# ours\r\n203.0.113.77/24\r\n\r\n  2001:db8::1  # gate\n198.51.100.7\n::ffff:192.0.2.1',
    )
    if ('issue' in parsed) throw new Error(formatListIssue(parsed.issue))
    const ranges = createAddressRanges([parsed])
    expect(ranges.size).toBe(4)
    for (const address of ['203.0.113.0', '203.0.113.255', '2001:db8::1', '198.51.100.7', '192.0.2.1'])
      expect(has(ranges, address)).toBe(true)
    expect(has(ranges, '2001:db8::2')).toBe(false)
  })
  it.each([
    '10.0.0.0/33',
    '10.0.0.256',
    '010.0.0.1',
    'example.com',
    '10.0.0',
    '10.0.0.0/8 10.1.0.0/8',
    '1.2.3.4-1.2.3.9',
    'fe80::1%eth0',
    '<html>',
  ])('is refused for %s, by its line', (entry) => {
    const parsed = parseAddressList(`10.0.0.0/8\n\n${entry}\n`)
    expect('issue' in parsed && formatListIssue(parsed.issue)).toBe(
      `line 3: found ${JSON.stringify(entry)}; allowed: an address or a CIDR, such as 203.0.113.9 or 2001:db8::/32`,
    )
  })
})

test('a hundred thousand are held', () => {
  const text = Array.from(
    { length: 100_000 },
    (_, at) => `${at >> 12}.${(at >> 4) & 255}.${(at & 15) * 16}.1`,
  ).join('\n')
  const parsed = parseAddressList(text)
  const ranges = createAddressRanges('issue' in parsed ? [] : [parsed])
  expect(ranges.size).toBe(100_000)
  expect(has(ranges, '7.9.32.1')).toBe(true)
  expect(has(ranges, '7.9.32.2')).toBe(false)
})
