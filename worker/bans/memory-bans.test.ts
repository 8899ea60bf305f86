import { describe, expect, it } from 'vitest'
import type { Address } from '../../shared/address.ts'
import { filterConfig } from '../testing/harness.ts'
import { silentLogger } from '../testing/silent.ts'
import { createBans } from './bans.ts'
import { memoryBanDriver } from './drivers/memory.ts'

const alice = '203.0.113.9' as Address
const start = Date.UTC(2026, 0, 1)
const second = 1000

/** Bans under a policy, with a clock that stands until it is moved. */
function memoryBans(policy: object = {}) {
  let now = start
  const clock = () => now
  const bans = createBans(memoryBanDriver(clock), filterConfig({ bans: policy }).bans, {
    logger: silentLogger,
    now: clock,
  })
  return {
    ...bans,
    wait: (seconds: number) => {
      now += seconds * second
    },
  }
}

describe('bans in memory', () => {
  it('begin with the strike that reaches maxRetry within findTime, each class counted alone', async () => {
    const bans = memoryBans({ maxRetry: { malformed: 3, failed: 2 } })
    expect(await bans.strike(alice, 'malformed', 1)).toBeUndefined()
    bans.wait(59)
    expect(await bans.strike(alice, 'malformed', 1)).toBeUndefined()
    expect(await bans.strike(alice, 'failed', 1)).toBeUndefined()
    bans.wait(2)
    // The first one is older than findTime now.
    expect(await bans.strike(alice, 'malformed', 1)).toBeUndefined()
    expect(bans.banOf(alice)).toBeUndefined()
    expect(await bans.strike(alice, 'malformed', 1)).toMatchObject({ network: alice, times: 1 })
    expect(bans.banOf(alice)).toMatchObject({ network: alice })
  })

  it('last twice as long each time, up to maxBanTime, and start over for one who kept still', async () => {
    const bans = memoryBans({ maxRetry: { malformed: 1 }, banTime: 100, maxBanTime: 350 })
    const lengths: number[] = []
    for (const pause of [0, 101, 201, 351, 350 + 351]) {
      bans.wait(pause)
      const now = start + [0, 101, 302, 653, 1354][lengths.length]! * second
      lengths.push(((await bans.strike(alice, 'malformed', 1))!.until - now) / second)
    }
    expect(lengths).toEqual([100, 200, 350, 350, 100])
  })

  it('end by themselves, are not made longer by requests under way, and leave a clean slate', async () => {
    const bans = memoryBans({ maxRetry: { malformed: 2 }, banTime: 60 })
    await bans.strike(alice, 'malformed', 2)
    bans.wait(59)
    expect(await bans.strike(alice, 'malformed', 5)).toBeUndefined()
    expect(bans.banOf(alice)).toBeDefined()
    bans.wait(1)
    expect(bans.banOf(alice)).toBeUndefined()
    expect(await bans.strike(alice, 'malformed', 1)).toBeUndefined()
  })

  it('hold a whole IPv6 /64, and no other', async () => {
    const bans = memoryBans({ maxRetry: { malformed: 2 } })
    await bans.strike('2001:db8::1' as Address, 'malformed', 1)
    await bans.strike('2001:db8::ffff:2' as Address, 'malformed', 1)
    expect(bans.banOf('2001:db8:0:0:abcd::3' as Address)).toBeDefined()
    expect(bans.banOf('2001:db8:0:1::3' as Address)).toBeUndefined()
  })

  it('never come of a class that is 0', async () => {
    const bans = memoryBans({ maxRetry: { failed: 0 } })
    expect(await bans.strike(alice, 'failed', 100)).toBeUndefined()
  })

  it('are listed, counted, and lifted by hand or by a policy of null', async () => {
    const bans = memoryBans({ maxRetry: { malformed: 1 } })
    const bob = '198.51.100.7' as Address
    await bans.strike(alice, 'malformed', 1)
    await bans.strike(bob, 'malformed', 1)
    expect((await bans.list()).map(({ network }) => network)).toEqual([alice, bob])
    expect(bans.counters()).toEqual({ inForce: 2, begun: { malformed: 2 }, errors: 0 })
    expect(await bans.lift(alice)).toBe(true)
    expect(await bans.lift(alice)).toBe(false)
    expect(bans.banOf(alice)).toBeUndefined()
    bans.configure(null)
    expect(await bans.list()).toEqual([])
    expect(await bans.strike(alice, 'malformed', 100)).toBeUndefined()
  })

  it('by hand take the place of others, and hold without a policy', async () => {
    const bans = memoryBans({ maxRetry: { malformed: 1 } })
    const [bob, carol] = ['198.51.100.7', '198.51.100.8'] as Address[]
    await bans.strike(alice, 'malformed', 1)
    await bans.strike(bob!, 'malformed', 1)
    expect(await bans.ban(alice, 7200)).toEqual({
      network: alice,
      until: start + 7200 * second,
      times: 1,
      byHand: true,
    })
    bans.configure(null)
    await bans.ban(carol!, 60)
    // Told by another process or filter, which has a policy.
    bans.put({ network: bob!, until: start + 60 * second, times: 1 })
    expect((await bans.list()).map(({ network }) => network)).toEqual([alice, carol])
    expect([alice, bob!, carol!].map((client) => bans.banOf(client) !== undefined)).toEqual([
      true,
      false,
      true,
    ])
    bans.wait(61)
    expect(bans.banOf(carol!)).toBeUndefined()
    expect(await bans.lift(alice)).toBe(true)
    expect(bans.banOf(alice)).toBeUndefined()
  })

  it('that come of strikes after one by hand are no longer by hand', async () => {
    const bans = memoryBans({ maxRetry: { malformed: 1 }, banTime: 60 })
    await bans.ban(alice, 10)
    bans.wait(11)
    await bans.strike(alice, 'malformed', 1)
    bans.configure(null)
    expect(bans.banOf(alice)).toBeUndefined()
  })

  it('take no more memory for an attacker with a hundred thousand networks', async () => {
    const bans = memoryBans({ maxRetry: { malformed: 2 } })
    await bans.strike(alice, 'malformed', 2)
    const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
    for (let index = 0; index < 100_000; index++) await bans.strike(address(index) as Address, 'malformed', 1)
    // The first is forgotten, the last is not, and the ban holds.
    expect(await bans.strike(address(0) as Address, 'malformed', 1)).toBeUndefined()
    expect(await bans.strike(address(99_999) as Address, 'malformed', 1)).toBeDefined()
    expect(bans.banOf(alice)).toBeDefined()
    for (let index = 0; index < 60_000; index++) await bans.strike(address(index) as Address, 'malformed', 2)
    expect(bans.counters().inForce).toBe(50_000)
  })
})
