// Bans in a real Redis, as the user of least rights.
import { describe, expect, it } from 'vitest'
import type { BanPolicy } from '../../../shared/config/filter.ts'
import { type StrikeClass, strikeClasses } from '../../../shared/violations.ts'
import { skipWithoutRedis } from '../../store/testing/redis-server.ts'
import { redisForTest, storeForTest } from '../../store/testing/store-for-test.ts'
import { cleanRecord, countStrikes } from '../strikes.ts'
import { driverCases, runDriverCases } from '../testing/driver-cases.ts'
import { redisBanDriver } from './redis.ts'

describe.skipIf(skipWithoutRedis('worker/bans/drivers/redis.ts'))(
  'bans on Redis',
  { timeout: 180_000 },
  () => {
    it('pass every case', async () => {
      const { url } = await redisForTest()
      const driver = redisBanDriver(await storeForTest(url))
      expect(await runDriverCases(driver)).toEqual(
        Object.fromEntries(driverCases.map(({ name }) => [name, null])),
      )
      driver.close?.()
    })

    it('begin with the same strikes as in memory, whatever comes', async () => {
      const { url } = await redisForTest()
      const driver = redisBanDriver(await storeForTest(url))
      const maxRetry = Object.fromEntries(
        strikeClasses.map((name, index) => [name, index]),
      ) as BanPolicy['maxRetry']
      const policy: BanPolicy = { findTime: 3_600, banTime: 600, maxBanTime: 3_600, maxRetry }
      const strikes = Array.from({ length: 60 }, (_, at) => ({
        network: `192.0.2.${at % 20}`,
        strikeClass: strikeClasses[(at * 7) % strikeClasses.length] as StrikeClass,
        count: 1 + (at % 3),
      }))
      const records = new Map(strikes.map(({ network }) => [network, cleanRecord()]))
      let begun = 0
      for (const { network, strikeClass, count } of strikes) {
        const record = records.get(network)!
        const expected = countStrikes(record, strikeClass, count, policy, Date.now())
        const { ban, began } = await driver.strike(network, strikeClass, count, policy)
        expect([network, began, ban?.times ?? 0]).toEqual([network, expected, record.times])
        if (began) begun++
      }
      expect(begun).toBeGreaterThan(5)
      expect((await driver.list()).length).toBe(begun)
      driver.close?.()
    })

    it('are remembered at most as many as a filter holds, those that last longest', async () => {
      const redis = await redisForTest()
      const driver = redisBanDriver(await storeForTest(redis.url))
      const now = Date.now()
      for (let batch = 0; batch < 12; batch++) {
        const members = Array.from({ length: 5_000 }, (_, at) => [
          now + 600_000,
          `10.${batch}.${at >> 8}.${at & 255} 1`,
        ]).flat()
        await redis.cli('ZADD', 'patroneos:{bans}:list', ...members.map(String))
      }
      const policy = { findTime: 60, banTime: 3_600, maxBanTime: 3_600, maxRetry: { size: 1 } } as BanPolicy
      await driver.strike('192.0.2.1', 'size', 1, policy)
      expect(await redis.cli('ZCARD', 'patroneos:{bans}:list')).toBe('50000')
      expect((await driver.list()).some(({ network }) => network === '192.0.2.1')).toBe(true)
      driver.close?.()
    })
  },
)
