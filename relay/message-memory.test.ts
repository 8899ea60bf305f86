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

const once = (id: string | undefined) => memory.once(id, 'digest', async () => void done.push(String(id)))

test('the work of a message is done once, whatever comes between', async () => {
  expect(await once('a')).toBe('first')
  expect(await once('b')).toBe('first')
  expect(await once('a')).toBe('repeated')
  expect(done).toEqual(['a', 'b'])
})

test('a repetition that comes meanwhile waits for the first, and fails with it', async () => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const first = memory.once('a', 'digest', () => promise)
  const second = memory.once('a', 'digest', () => Promise.reject(new Error('not to be done')))
  resolve()
  expect(await Promise.all([first, second])).toEqual(['first', 'repeated'])

  const failing = [memory.once('b', 'digest', () => Promise.reject(new Error('disk full'))), once('b')]
  expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await once('b')).toBe('first')
  reject()
})

test('a message without an id is never a repetition', async () => {
  expect([await once(undefined), await once(undefined)]).toEqual(['first', 'first'])
})

test('an id is remembered for as long as its message would be believed, from either end of the tolerance', async () => {
  await once('a')
  now += 600_999
  await once('b')
  expect(await once('a')).toBe('repeated')
  now += 1
  await once('c')
  expect(await once('a')).toBe('first')
})

test('a hundred thousand messages are remembered, the last ones', async () => {
  for (let n = 0; n < 110_000; n++) await once(String(n))
  done = []
  expect(await once('10001')).toBe('repeated')
  expect(await once('109999')).toBe('repeated')
  expect(await once('0')).toBe('first')
})

test('an id names one message: with another digest nothing is done, until it is forgotten', async () => {
  await once('a')
  const other = () => memory.once('a', 'another digest', async () => void done.push('other'))
  expect(await other()).toBe('conflict')
  expect(done).toEqual(['a'])
  now += 601_000
  await once('b')
  expect(await other()).toBe('first')
})
