import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type HeavyList, merged, SpaceSaving } from './space-saving.ts'

const CAPACITY = 8

/** Few keys often and many seldom, as attackers and the public are. */
const event = fc.record({
  key: fc.oneof(
    fc.constantFrom('a', 'b', 'c'),
    fc.integer({ min: 0, max: 60 }).map((n) => `k${n}`),
  ),
  weight: fc.integer({ min: 1, max: 50 }),
})
type Event = { key: string; weight: number }

function exactly(events: readonly Event[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { key, weight } of events) counts.set(key, (counts.get(key) ?? 0) + weight)
  return counts
}

function sketchOf(events: readonly Event[]): HeavyList {
  const sketch = new SpaceSaving(CAPACITY)
  for (const { key, weight } of events) sketch.add(key, weight)
  return sketch.list()
}

/** What the algorithm promises, against the exact counts. */
function expectBounds({ total, least, heavy }: HeavyList, exact: Map<string, number>): void {
  const listed = new Map(heavy.map((entry) => [entry.key, entry]))
  expect(listed.size).toBe(heavy.length)
  expect(total).toBe([...exact.values()].reduce((sum, count) => sum + count, 0))
  expect(least).toBeLessThanOrEqual(total / CAPACITY)
  for (const [key, count] of exact) {
    const found = listed.get(key)
    if (!found) {
      expect(count).toBeLessThanOrEqual(least)
      continue
    }
    expect(count).toBeLessThanOrEqual(found.count)
    expect(count).toBeGreaterThanOrEqual(found.count - found.error)
  }
}

describe('a sketch', () => {
  test('lists whatever has more than its part of the total, within the error that it states', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 400 }), (events) => {
        const list = sketchOf(events)
        expect(list.heavy.length).toBeLessThanOrEqual(CAPACITY)
        expectBounds(list, exactly(events))
      }),
    )
  })

  test('is exact while there is room', () => {
    const list = sketchOf([
      { key: 'a', weight: 3 },
      { key: 'b', weight: 2.5 },
      { key: 'a', weight: 1 },
    ])
    expect(list).toEqual({
      total: 6.5,
      least: 0,
      heavy: expect.arrayContaining([
        { key: 'a', count: 4, error: 0 },
        { key: 'b', count: 2.5, error: 0 },
      ]),
    })
  })
})

describe('sketches of several times or processes', () => {
  test('keep the bounds for their sums', () => {
    fc.assert(
      fc.property(fc.array(fc.array(event, { maxLength: 200 }), { maxLength: 5 }), (parts) => {
        expectBounds(merged(parts.map(sketchOf)), exactly(parts.flat()))
      }),
    )
  })

  test('are listed by what they have, the heaviest first', () => {
    const list = merged([sketchOf([{ key: 'a', weight: 1 }]), sketchOf([{ key: 'b', weight: 2 }])])
    expect(list.heavy.map(({ key }) => key)).toEqual(['b', 'a'])
  })
})
