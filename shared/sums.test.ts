import { expect, test } from 'vitest'
import { sumOfTwo } from './sums.ts'

test('numbers are added wherever they stand, and what one side lacks is the other’s', () => {
  const a = { count: 1, byName: { x: 1, constructor: 2 }, buckets: [1, 2, 3], none: {} }
  const b = { count: 2, byName: { y: 5, constructor: 3 }, buckets: [10, 0, 1], none: { z: 1 } }
  expect(sumOfTwo<object>(a, b)).toEqual({
    count: 3,
    byName: { x: 1, y: 5, constructor: 5 },
    buckets: [11, 2, 4],
    none: { z: 1 },
  })
  expect(sumOfTwo<object | undefined>(undefined, b)).toBe(b)
})

test('counts of different shapes are a bug', () => {
  expect(() => sumOfTwo<unknown>({ a: 1 }, { a: [1] })).toThrow('different shapes')
})
