import { expect, test } from 'vitest'
import { SlidingTop } from './sliding-top.ts'

const SECOND = 1_000
const keys = (top: SlidingTop, now: number) => top.list(now).heavy.map(({ key, count }) => `${key} ${count}`)

test('a window sums its slices and forgets those that are over', () => {
  const top = new SlidingTop('1m')
  top.add('a', 1, 0)
  top.add('b', 5, 30 * SECOND)
  top.add('a', 2, 59 * SECOND)
  expect(keys(top, 60 * SECOND)).toEqual(['b 5', 'a 3'])
  expect(keys(top, 70 * SECOND)).toEqual(['b 5', 'a 2'])
  expect(keys(top, 100 * SECOND)).toEqual(['a 2'])
  expect(keys(top, 1000 * SECOND)).toEqual([])
})

test('an hour is an hour', () => {
  const top = new SlidingTop('1h')
  top.add('a', 1, 0)
  expect(keys(top, 3600 * SECOND)).toEqual(['a 1'])
  expect(keys(top, 3900 * SECOND)).toEqual([])
})
