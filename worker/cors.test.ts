// The headers that pages need, as they stand in responses; what a browser makes of them is in cors.e2e.ts.
import { describe, expect, test } from 'vitest'
import { ask, startBoth } from './testing/harness.ts'
import { answerWith } from './testing/nodeos-stand-in.ts'

const ORIGIN = 'access-control-allow-origin'
const bad = { target: '/v1/producer/pause' }

describe("nodeos's own Access-Control-Allow-Origin", () => {
  test.each([
    ['*', '*'],
    ['https://wallet.example', 'https://wallet.example'],
    ['https://wallet.example https://other.example', undefined],
    ['null', undefined],
  ])('%j is taken over as %j', async (value, expected) => {
    const { filter } = await startBoth({}, answerWith(200, {}, { [ORIGIN]: value }))
    expect((await ask(filter.port, bad)).headers[ORIGIN]).toBeUndefined()
    await ask(filter.port, {})
    const { headers } = await ask(filter.port, bad)
    expect(headers[ORIGIN]).toBe(expected)
    expect(headers['access-control-expose-headers']).toBe(expected && 'retry-after, x-rejected-by')
  })

  test('is not where it depends on who asks, and goes when nodeos stops to send it', async () => {
    let more: Record<string, string> = { [ORIGIN]: 'https://wallet.example', vary: 'Origin' }
    const { filter } = await startBoth({}, (request, outgoing) =>
      answerWith(200, {}, more)(request, outgoing),
    )
    await ask(filter.port, {})
    expect((await ask(filter.port, bad)).headers[ORIGIN]).toBeUndefined()
    more = { [ORIGIN]: '*' }
    await ask(filter.port, {})
    expect((await ask(filter.port, bad)).headers[ORIGIN]).toBe('*')
    more = {}
    await ask(filter.port, {})
    expect((await ask(filter.port, bad)).headers[ORIGIN]).toBeUndefined()
  })

  test('is learnt from answers that are kept as well', async () => {
    const { filter } = await startBoth({ cache: {} }, answerWith(200, {}, { [ORIGIN]: '*' }))
    await ask(filter.port, {})
    expect((await ask(filter.port, bad)).headers[ORIGIN]).toBe('*')
  })

  test('loses to the configured headers', async () => {
    const headers = { 'Access-Control-Allow-Origin': 'https://mine.example' }
    const { filter } = await startBoth({ headers }, answerWith(200, {}, { [ORIGIN]: '*' }))
    expect((await ask(filter.port, {})).headers[ORIGIN]).toBe('https://mine.example')
    expect((await ask(filter.port, bad)).headers[ORIGIN]).toBe('https://mine.example')
  })
})

describe('corsAllowOrigin', () => {
  const preflight = (headers: string[]) => ({
    method: 'OPTIONS',
    target: '/v1/chain/push_transaction',
    headers: ['Origin', 'https://a.example', 'Access-Control-Request-Method', 'POST', ...headers],
  })

  test('answers a preflight with what was asked for, without nodeos', async () => {
    const { filter, nodeos } = await startBoth({ corsAllowOrigin: '*', headers: { 'X-Mine': '1' } })
    const answer = await ask(filter.port, preflight(['Access-Control-Request-Headers', 'content-type, x-a']))
    expect(answer).toMatchObject({
      status: 204,
      headers: {
        [ORIGIN]: '*',
        'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
        'access-control-allow-headers': 'content-type, x-a',
        'access-control-max-age': '7200',
        'x-mine': '1',
      },
    })
    expect(answer.headers).not.toHaveProperty('content-length')
    expect(nodeos.received).toEqual([])
  })

  test.each(['x'.repeat(100_00).replace(/(.{10})/g, '$1,'), 'a b', 'a"', ','])(
    'does not repeat what is no list of names',
    async (names) => {
      const { filter } = await startBoth({ corsAllowOrigin: '*' })
      const answer = await ask(filter.port, preflight(['Access-Control-Request-Headers', names]))
      expect([answer.status, answer.headers['access-control-allow-headers']]).toEqual([204, 'content-type'])
    },
  )

  test('leaves other OPTIONS to nodeos', async () => {
    const { filter, nodeos } = await startBoth({ corsAllowOrigin: '*' })
    await ask(filter.port, { method: 'OPTIONS' })
    expect(nodeos.received).toHaveLength(1)
  })

  test('stands on refusals of the listener, too', async () => {
    const { filter } = await startBoth({ corsAllowOrigin: 'https://wallet.example' })
    const answer = await ask(filter.port, { headers: ['X', 'x'.repeat(20_000)] })
    expect([answer.status, answer.headers[ORIGIN]]).toEqual([431, 'https://wallet.example'])
  })
})
