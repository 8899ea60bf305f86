// Retries are at most a fifth of the requests, and ten.
import { expect, it } from 'vitest'
import { createRetryBudget } from './retry-budget.ts'

it('allows ten retries without requests, and no more', () => {
  const budget = createRetryBudget()
  expect(Array.from({ length: 12 }, () => budget.take(1_000)).filter(Boolean)).toHaveLength(10)
  expect(budget.hasLeft(1_000)).toBe(false)
})

it('allows a fifth of the requests of the last ten seconds, over any ten seconds', () => {
  const budget = createRetryBudget()
  const taken: number[] = []
  for (let now = 0; now < 60_000; now += 10) {
    budget.request(now)
    if (budget.take(now)) taken.push(now)
  }
  for (let from = 0; from < 50_000; from += 500) {
    const inWindow = taken.filter((at) => at >= from && at < from + 10_000).length
    // 1,000 requests; what was spared before may be used as well.
    expect(inWindow).toBeLessThanOrEqual(320)
  }
  expect(taken.length).toBeGreaterThan(1_000)
  expect(taken.length).toBeLessThanOrEqual(1_270)
})
