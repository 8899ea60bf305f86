import { beforeEach, expect, test } from 'vitest'
import { createMessageMemory, type MessageMemory } from './message-memory.ts'

let now: number
let memory: MessageMemory
let done: string[]

beforeEach(() => {
  now = 1_800_000_000_000
  memory = createMessageMemory(() => now)
  done = []
})

const once = (id: string | undefined) => memory.once(id, async () => void done.push(String(id)))

test('the work of a message is done once, whatever comes between', async () => {
  expect(await once('a')).toBe(true)
  expect(await once('b')).toBe(true)
  expect(await once('a')).toBe(false)
  expect(done).toEqual(['a', 'b'])
})

test('a repetition that comes meanwhile waits for the first, and fails with it', async () => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const first = memory.once('a', () => promise)
  const second = memory.once('a', () => Promise.reject(new Error('not to be done')))
  resolve()
  expect(await Promise.all([first, second])).toEqual([true, false])

  const failing = [memory.once('b', () => Promise.reject(new Error('disk full'))), once('b')]
  expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await once('b')).toBe(true)
  reject()
})

test('a message without an id is never a repetition', async () => {
  expect([await once(undefined), await once(undefined)]).toEqual([true, true])
})

test('an id is remembered for as long as its message would be believed, from either end of the tolerance', async () => {
  await once('a')
  now += 600_999
  await once('b')
  expect(await once('a')).toBe(false)
  now += 1
  await once('c')
  expect(await once('a')).toBe(true)
})

test('a hundred thousand messages are remembered, the last ones', async () => {
  for (let n = 0; n < 110_000; n++) await once(String(n))
  done = []
  expect(await once('10001')).toBe(false)
  expect(await once('109999')).toBe(false)
  expect(await once('0')).toBe(true)
})
