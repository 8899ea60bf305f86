// What the controller makes of nodes with one thread and with many, steady and changing, by simulation.
import { describe, expect, it } from 'vitest'
import { createController } from './controller.ts'
import { type Phase, simulate } from './testing/simulation.ts'

/** Requests a second with the best of fixed limits. */
function bestOf(phase: Phase, spread: number): number {
  const fixed = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 64]
  return Math.max(
    ...fixed.map((limit) => simulate(createController(limit), [phase], spread).throughput(0, 3)),
  )
}

/** A node needs one request to work on and one that waits for each thread, and is not asked for many more. */
const mostUseful = (threads: number) => 2 * threads + 8

describe.each([1, 4, 16])('a node of %i threads', (threads) => {
  it.each([
    [1, 0],
    [1, 1],
    [10, 0.5],
    [50, 0],
    [50, 1],
  ])('does at least 80 percent of what it can, with few requests: %f ms, spread %f', (service, spread) => {
    const phase = { length: 30, threads, service, demand: 200 }
    const { points, throughput } = simulate(createController('auto'), [phase], spread)
    expect(throughput(0, 3) / bestOf(phase, spread)).toBeGreaterThan(0.8)
    const limits = points.filter(({ at }) => at > 15).map(({ limit }) => limit)
    const mean = limits.reduce((sum, limit) => sum + limit) / limits.length
    expect(mean).toBeLessThanOrEqual(mostUseful(threads))
  })

  it('is asked as many at one time when it becomes ten times slower, and when it recovers', () => {
    const quick = { length: 15, threads, service: 2, demand: 200 }
    const slow = { ...quick, service: 20, length: 30 }
    const { throughput } = simulate(createController('auto'), [quick, slow, quick])
    for (const [at, phase] of [quick, slow, quick].entries())
      expect(throughput(at, 6) / bestOf(phase, 1)).toBeGreaterThan(0.75)
  })

  it('is asked for no more because more clients come', () => {
    const calm = { length: 20, threads, service: 5, demand: 2 * threads + 20 }
    const { points } = simulate(createController('auto'), [calm, { ...calm, demand: 1_000, length: 40 }], 0.5)
    const late = points.filter(({ at }) => at > 45).map(({ limit }) => limit)
    expect(late.reduce((sum, limit) => sum + limit) / late.length).toBeLessThanOrEqual(mostUseful(threads))
  })
})

it('a fixed limit stays', () => {
  const controller = createController(7)
  for (let now = 0; now < 10_000; now++) controller.pressed('a', 5, 7, now)
  expect(controller.limit).toBe(7)
})

it('without anybody waiting the limit stays, whatever requests take', () => {
  const controller = createController('auto')
  const { limit } = controller
  for (let now = 0; now < 10_000; now++) controller.calm('a', 1 + (now % 100), 3, true, now)
  expect(controller.limit).toBe(limit)
})
