// Reading a body where a request is a Request; what comes of it is in the conformance suite.
import { Hono } from 'hono'
import { afterEach, expect, it, vi } from 'vitest'
import type { Address } from '../../shared/address.ts'
import type { BodyRead } from '../platform.ts'
import { filterConfig } from '../testing/harness.ts'
import { createWebPlatform, type RequestFacts } from './web-platform.ts'

afterEach(() => void vi.useRealTimers())

const CLIENT = '203.0.113.9' as Address
const MAX_BYTES = 1_000

/** Serves requests one at a time; `read` is what came of the body. */
function createReader(settings: object = {}) {
  const config = filterConfig(settings)
  const platform = createWebPlatform(() => config, { sharesAnswers: true })
  const during = Promise.withResolvers<void>()
  let read: BodyRead | undefined
  const app = new Hono<{ Bindings: RequestFacts }>().all('*', async (c) => {
    const request = platform.open(c)
    read = await request.readBody(MAX_BYTES, CLIENT)
    if (c.req.path === '/waits') await during.promise
    request.finished?.()
    return c.body(null)
  })
  return {
    end: during.resolve,
    read: async (
      path: string,
      body: string | ReadableStream<Uint8Array>,
      headers: Record<string, string>,
    ) => {
      const request = new Request(`http://filter.example${path}`, {
        method: 'POST',
        body,
        headers,
        ...({ duplex: 'half' } as object),
      })
      const answered = Promise.resolve(app.fetch(request, { peer: CLIENT }))
      if (path === '/waits') await vi.waitUntil(() => read !== undefined, 10_000)
      else await answered
      const found = read
      read = undefined
      return found
    },
  }
}

const never = () => new ReadableStream<Uint8Array>({})
const text = (read: BodyRead | undefined) => read && 'bytes' in read && new TextDecoder().decode(read.bytes)

it.each([
  ['of a small length', { 'content-length': '5' }],
  ['of no length', {}],
])('reads a body %s', async (_name, headers) => {
  expect(text(await createReader().read('/', 'first', headers))).toBe('first')
})

it.each([
  ['of a small length', { 'content-length': '5' }],
  ['of no length', {}],
])('gives up a body %s that does not come in time', async (_name, headers) => {
  vi.useFakeTimers()
  const reading = createReader({ bodyTimeout: 3 }).read('/', never(), headers)
  await vi.advanceTimersByTimeAsync(2_999)
  const early = await Promise.race([reading, 'still reading'])
  await vi.advanceTimersByTimeAsync(1)
  expect([early, await reading]).toEqual(['still reading', { late: true }])
})

it('holds what a small body may take from the start, until the response', async () => {
  const reader = createReader({ maxBufferedBytesPerClient: 9 })
  expect(text(await reader.read('/waits', 'first', { 'content-length': '5' }))).toBe('first')
  expect(await reader.read('/', never(), { 'content-length': '5' })).toEqual({ overloaded: true })
  reader.end()
  await vi.waitFor(
    async () => expect(text(await reader.read('/', 'third', { 'content-length': '5' }))).toBe('third'),
    10_000,
  )
})

it('counts a body whose length and framing are not the same', async () => {
  const body = 'x'.repeat(MAX_BYTES + 1)
  const headers = { 'content-length': '5', 'transfer-encoding': 'chunked' }
  expect(await createReader().read('/', body, headers)).toEqual({ tooLarge: true })
})
