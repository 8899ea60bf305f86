// The script against the exact model of a sliding window, in a real Redis, as the user of least rights.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseRedisUrl } from '../store/redis-url.ts'
import { openSharedStore, type SharedStore } from '../store/shared-store.ts'
import { createRedisServer, type RedisServer, skipWithoutRedis } from '../store/testing/redis-server.ts'
import { silentLogger } from '../testing/silent.ts'
import { type WindowCount, windowArguments, windowScript } from './window-script.ts'

describe.skipIf(skipWithoutRedis('worker/limits/window-script.ts'))('sliding counts in Redis', () => {
  let server: RedisServer
  let store: SharedStore

  beforeAll(async () => {
    server = await createRedisServer()
    await server.start()
    store = await openSharedStore({
      target: parseRedisUrl(server.url),
      prefix: 'patroneos',
      logger: silentLogger,
    })
  })
  afterAll(async () => {
    store?.close()
    await server?.stop()
  })

  const count = (key: string, settings: Partial<WindowCount>): WindowCount => ({
    key: `patroneos:limit:${key}`,
    limit: 5,
    least: 1,
    window: 1_000,
    amount: 1,
    age: 0,
    ...settings,
  })
  const run = async (mode: 'decide' | 'count', ...counts: WindowCount[]) =>
    (await store.run(
      windowScript,
      counts.map(({ key }) => key) as [string],
      windowArguments(mode, counts),
    )) as number[]

  it('let in what the exact model does, and never more', { timeout: 60_000 }, async () => {
    const window = 1_000
    const limit = 20
    const admitted: { from: number; to: number }[] = []
    let refusedInVain = 0
    for (let asked = 0; asked < 300; asked++) {
      const before = performance.now()
      const [wait] = (await run('decide', count('model', { limit, window }))) as [number]
      const after = performance.now()
      // Redis has decided between the two; a few milliseconds are lost on its clock.
      const surely = admitted.filter(({ from }) => from > after - window + 2).length
      const perhaps = admitted.filter(({ to }) => to > before - window * 1.01 - 5).length
      if (wait === 0) {
        expect(surely).toBeLessThan(limit)
        admitted.push({ from: before, to: after })
      } else if (perhaps < limit) refusedInVain++
      // Bursts and pauses.
      await sleep(Math.random() < 0.05 ? Math.random() * 600 : Math.random() * 10)
    }
    expect(admitted.length).toBeGreaterThan(60)
    expect(refusedInVain).toBe(0)
  })

  it('say to the millisecond when there is room again', { timeout: 20_000 }, async () => {
    const one = count('room', { limit: 1, window: 4_000 })
    const before = performance.now()
    expect(await run('decide', one)).toEqual([0, 1])
    const [wait = 0, sum] = await run('decide', one)
    expect(sum).toBe(1)
    // Counted for a part of the window longer, of which a few milliseconds are lost on the clock of Redis.
    expect(wait).toBeGreaterThan(4_000 - (performance.now() - before) - 2)
    expect(wait).toBeLessThanOrEqual(4_000 * (1 + 1 / 256))
    await sleep(wait + 2)
    expect((await run('decide', one))[0]).toBe(0)
  })

  it('count in no key where one has no room', async () => {
    const [roomy, full] = [count('a', { limit: 10 }), count('b', { limit: 1 })]
    expect(await run('decide', roomy, full)).toEqual([0, 1, 0, 1])
    const [, first, wait, second] = await run('decide', roomy, full)
    expect([first, second]).toEqual([1, 1])
    expect(wait).toBeGreaterThan(0)
  })

  it('take what happened before by its time, and forget it with its window', {
    timeout: 20_000,
  }, async () => {
    const key = { window: 10_000, limit: 100 }
    await run('count', count('aged', { ...key, amount: 7, age: 7_500 }))
    expect((await run('count', count('aged', { ...key, amount: 1.5 })))[1]).toBe(9)
    await sleep(2_600)
    expect((await run('count', count('aged', { ...key, amount: 0 })))[1]).toBe(2)
    // Too old to be in the window.
    expect((await run('count', count('aged', { ...key, amount: 5, age: 15_000 })))[1]).toBe(2)
    // Taken back.
    expect((await run('count', count('aged', { ...key, amount: -1.5 })))[1]).toBe(0)
  })

  it('take little memory, and go by themselves', { timeout: 20_000 }, async () => {
    for (let at = 0; at < 500; at++) await run('count', count('expires', { window: 4_000 }))
    expect(Number(await server.cli('HLEN', 'patroneos:limit:expires'))).toBeLessThanOrEqual(260)
    expect(Number(await server.cli('PTTL', 'patroneos:limit:expires'))).toBeGreaterThan(1_000)
    const memory = Number(await server.cli('MEMORY', 'USAGE', 'patroneos:limit:expires'))
    expect(memory).toBeLessThan(20_000)
    await sleep(4_100)
    expect(await server.cli('EXISTS', 'patroneos:limit:expires')).toBe('0')
  })

  it('are let out of the window one after another over a long pause', { timeout: 20_000 }, async () => {
    const key = { window: 4_000 }
    await run('count', count('pause', { ...key, amount: 3, age: 3_000 }))
    await run('count', count('pause', { ...key, amount: 4 }))
    await sleep(1_100)
    expect((await run('count', count('pause', { ...key, amount: 0 })))[1]).toBe(4)
    await sleep(3_100)
    expect(await run('count', count('pause', { ...key, amount: 0 }))).toEqual([0, 0])
  })
})
