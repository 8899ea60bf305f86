// The very same transaction: executed once at a time, and not again at once where it failed.
import type { ServerResponse } from 'node:http'
import { PackedTransaction } from '@wharfkit/antelope'
import { describe, expect, test, vi } from 'vitest'
import { signWithWharfkit, throwAwayKeys, transfer } from './testing/clients.ts'
import { type Answer, type Ask, ask, startBoth } from './testing/harness.ts'
import { answerWith, type Respond } from './testing/nodeos-stand-in.ts'

const PUSH = '/v1/chain/push_transaction'

/** A signed transaction; each call makes another one. */
function pushed(target = PUSH, more: object = {}): Ask {
  const signed = signWithWharfkit({ actions: [transfer('alice', 'bob')], keys: throwAwayKeys(1) })
  const object = PackedTransaction.fromSigned(signed, 0)
  return { target, body: JSON.stringify({ ...JSON.parse(JSON.stringify(object)), ...more }) }
}

const failed = answerWith(500, { code: 500, error: { code: 3050003, name: 'x', what: 'no', details: [] } })
const eventually = { timeout: 10_000, interval: 10 }

/** Answers when it is told to, in the order in which requests came. */
function held(): { respond: Respond; answer(respond: Respond): void; drop(): void } {
  const waiting: Parameters<Respond>[] = []
  const next = (): [Parameters<Respond>[0], ServerResponse] => waiting.shift()!
  return {
    respond: (...request) => void waiting.push(request),
    answer: (respond) => respond(...next()),
    drop: () => next()[1].destroy(),
  }
}

describe('a transaction that failed', () => {
  test('is not sent again for a while, and each time is a failure', async () => {
    const { nodeos, filter } = await startBoth({ repeats: 1 }, failed)
    const request = pushed()
    const [first, second, third] = [
      await ask(filter.port, request),
      await ask(filter.port, request),
      // Written otherwise, it is the same to nodeos.
      await ask(filter.port, { ...request, body: JSON.stringify(JSON.parse(String(request.body)), null, 2) }),
    ]
    expect([first.status, second.status, third.status]).toEqual([500, 500, 500])
    expect([second.text, third.text]).toEqual([first.text, first.text])
    expect(second.headers['content-type']).toBe('application/json')
    expect(second.headers).not.toHaveProperty('x-rejected-by')
    expect(nodeos.received).toHaveLength(1)
    expect(filter.reports.map(({ code }) => code)).toEqual(Array(3).fill('TRANSACTION_FAILED'))
    expect(filter.repeats).toEqual({ joined: 0, remembered: 2 })
    await vi.waitFor(async () => {
      await ask(filter.port, request)
      expect(nodeos.received).toHaveLength(2)
    }, eventually)
  })

  test('is sent again where anything in the request is another', async () => {
    const { nodeos, filter } = await startBoth({ repeats: 60 }, failed)
    const request = pushed()
    await ask(filter.port, request)
    await ask(filter.port, pushed())
    await ask(filter.port, { ...request, target: '/v1/chain/send_transaction' })
    expect(nodeos.received).toHaveLength(3)
  })

  test('counts in the limits on failures', async () => {
    const limit = { name: 'failed', key: ['ip'], on: 'failure', limit: 3, window: 60 }
    const { filter } = await startBoth({ repeats: 60, trustedProxies: [], rateLimits: [limit] }, failed)
    const request = pushed()
    const statuses: number[] = []
    for (let at = 0; at < 5; at++) statuses.push((await ask(filter.port, request)).status)
    expect(statuses).toEqual([500, 500, 500, 429, 429])
  })

  test('bans as before', async () => {
    const bans = { maxRetry: { failed: 3 } }
    const { filter } = await startBoth({ repeats: 60, trustedProxies: [], bans }, failed)
    const request = pushed()
    const statuses: number[] = []
    for (let at = 0; at < 5; at++) statuses.push((await ask(filter.port, request)).status)
    expect(statuses).toEqual([500, 500, 500, 403, 403])
  })

  test.each<[string, object, object]>([
    ['with repeats 0', { repeats: 0 }, {}],
    ['in monitor mode', { repeats: 60, mode: 'monitor' }, {}],
    [
      'from a client that is let through',
      { repeats: 60, trustedProxies: [], ipAllowList: ['127.0.0.1'] },
      {},
    ],
  ])('is sent again %s', async (_case, settings) => {
    const { nodeos, filter } = await startBoth(settings, failed)
    const request = pushed()
    await ask(filter.port, request)
    await ask(filter.port, request)
    expect(nodeos.received).toHaveLength(2)
  })

  test('is sent again where it waits for its block', async () => {
    const { nodeos, filter } = await startBoth({ repeats: 60 }, failed)
    const { body } = pushed()
    const transaction = JSON.parse(String(body))
    const request = {
      target: '/v1/chain/send_transaction2',
      body: JSON.stringify({ return_failure_trace: false, retry_trx: true, transaction }),
    }
    await ask(filter.port, request)
    await ask(filter.port, request)
    expect(nodeos.received).toHaveLength(2)
  })
})

describe('what is never remembered', () => {
  test.each<[string, Respond]>([
    ['success', answerWith(202, { processed: { except: null } })],
    ['a busy node', answerWith(429, { code: 429, error: { code: 3050003 } })],
    ['trouble of the node', answerWith(500, { code: 500, error: { code: 3080006 } })],
    [
      'an answer for one client',
      (...request) => answerWith(500, { error: { code: 3050003 } }, { 'set-cookie': 'a=b' })(...request),
    ],
    ['a connection that is cut', (_received, outgoing) => void outgoing.destroy()],
  ])('%s', async (_case, respond) => {
    const { nodeos, filter } = await startBoth({ repeats: 60 }, respond)
    const request = pushed()
    await ask(filter.port, request)
    const sent = nodeos.received.length
    await ask(filter.port, request)
    expect(nodeos.received.length).toBe(2 * sent)
    expect(filter.repeats).toEqual({ joined: 0, remembered: 0 })
  })
})

describe('a transaction that is under way', () => {
  const three = (port: number, request: Ask): Promise<Answer[]> =>
    Promise.all([1, 2, 3].map(() => ask(port, request)))

  test('has all who send it wait for its answer', async () => {
    const nodeos = held()
    const both = await startBoth({ repeats: 60, logSuccess: true }, nodeos.respond)
    const { filter } = both
    const answers = three(filter.port, pushed())
    await vi.waitFor(() => expect(filter.repeats.joined).toBe(2), eventually)
    nodeos.answer(answerWith(202, { processed: { id: 'x', except: null } }))
    const found = await answers
    expect(found.map(({ status, text }) => [status, text])).toEqual(
      Array(3).fill([202, JSON.stringify({ processed: { id: 'x', except: null } })]),
    )
    expect(both.nodeos.received).toHaveLength(1)
    expect(filter.repeats).toEqual({ joined: 2, remembered: 0 })
    expect(filter.reports.map(({ code }) => code)).toEqual(Array(3).fill('SUCCESS'))
  })

  test('where it gets no answer, is asked for by one of them, then by each', async () => {
    const nodeos = held()
    const both = await startBoth({ repeats: 60 }, nodeos.respond)
    const { filter } = both
    const answers = three(filter.port, pushed())
    await vi.waitFor(() => expect(filter.repeats.joined).toBe(2), eventually)
    nodeos.drop()
    await vi.waitFor(() => expect(both.nodeos.received).toHaveLength(2), eventually)
    nodeos.drop()
    await vi.waitFor(() => expect(both.nodeos.received).toHaveLength(3), eventually)
    nodeos.answer(answerWith(202, { processed: { except: null } }))
    const statuses = (await answers).map(({ status }) => status).sort()
    expect(statuses).toEqual([202, 503, 503])
  })
})
