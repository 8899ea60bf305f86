import { expect, test } from 'vitest'
import { wholeOf } from '../../worker/testing/whole-request.ts'
import { inOrder } from './in-order.ts'
import type { KeptRequest, Unread } from './requests.ts'

const kept = (at: number, time: number | undefined, bytes = 0): KeptRequest => ({
  at,
  logged: { request: { ...wholeOf({}), body: new Uint8Array(bytes), time }, lacksBody: false },
})

async function* given(items: readonly (KeptRequest | Unread)[]) {
  yield* items
}

async function ordered(items: readonly (KeptRequest | Unread)[]): Promise<number[]> {
  const found: number[] = []
  for await (const { at } of inOrder(given(items))) found.push(at)
  return found
}

test('requests come in the order of their times, and those of one time in that of the log', async () => {
  expect(await ordered([kept(1, 3_000), kept(2, 1_000), kept(3, 2_000), kept(4, 1_000)])).toEqual([
    2, 4, 3, 1,
  ])
})

test('what has no time, and what could not be read, waits for nothing', async () => {
  expect(await ordered([kept(1, 2_000), kept(2, undefined), { at: 3, unread: 'x' }, kept(4, 1_000)])).toEqual(
    [2, 3, 4, 1],
  )
})

test('nobody waits for what is more than a minute late', async () => {
  expect(await ordered([kept(1, 100_000), kept(2, 160_001), kept(3, 0)])).toEqual([1, 3, 2])
})

test.each([
  ['requests', Array.from({ length: 10_002 }, (_, index) => kept(index + 1, 20_000 - index))],
  ['bytes', Array.from({ length: 6 }, (_, index) => kept(index + 1, 20_000 - index, 4_000_000))],
])('what waits is bounded in %s', async (_what, items) => {
  const [first] = await ordered(items)
  // The earliest is the last; it came too late to be the first.
  expect(first).not.toBe(items.length)
  expect(first).toBeGreaterThan(1)
})
