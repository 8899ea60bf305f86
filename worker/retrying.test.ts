// Transactions that nodeos itself sends again: they have a time of their own, and a client may have only a few.
import { PackedTransaction } from '@wharfkit/antelope'
import { expect, test, vi } from 'vitest'
import { signWithWharfkit, transfer } from './testing/clients.ts'
import { type Ask, ask, startBoth } from './testing/harness.ts'

const transaction = JSON.parse(
  JSON.stringify(PackedTransaction.fromSigned(signWithWharfkit({ actions: [transfer('alice', 'bob')] }))),
)
const send = (options: object, client = '203.0.113.9'): Ask => ({
  target: '/v1/chain/send_transaction2',
  headers: ['x-forwarded-for', client],
  body: JSON.stringify({ ...options, transaction }),
})
const times = { nodeosTimeout: 1, requestTimeout: 1, transactionRetryTimeout: 3 }

/** A nodeos that answers after so many milliseconds. */
const slow = (milliseconds: number) => (_request: unknown, outgoing: { end(text: string): unknown }) =>
  void setTimeout(() => outgoing.end('{"processed":{"except":null}}'), milliseconds)

test.each([true, 1, 'true'])(
  'retry_trx %j is waited for, beyond nodeosTimeout and requestTimeout',
  async (retry_trx) => {
    const { filter, nodeos } = await startBoth(times, slow(2_000))
    const answer = await ask(filter.port, send({ retry_trx, retry_trx_num_blocks: '2' }))
    expect(answer.status).toBe(200)
    expect(JSON.parse(nodeos.received[0]!.body)).toMatchObject({ retry_trx: true, retry_trx_num_blocks: 2 })
  },
)

test('its time ends as well, with a 504', async () => {
  const { filter } = await startBoth({ ...times, transactionRetryTimeout: 2 }, () => {})
  const answer = await ask(filter.port, send({ retry_trx: true }))
  expect([answer.status, JSON.parse(answer.text).error.what]).toEqual([
    504,
    'nodeos did not answer within 2 s',
  ])
})

test.each([{}, { retry_trx: false }, { retry_trx: null }, { retry_trx: 0 }])(
  'with %j it has no more time than others',
  async (options) => {
    const { filter } = await startBoth({ ...times, requestTimeout: 10 }, () => {})
    expect((await ask(filter.port, send(options))).status).toBe(504)
  },
)

test('one client may have only so many at a time, others and other requests go on', async () => {
  const answers: (() => void)[] = []
  const { filter } = await startBoth({ maxRetriesPerClient: 2 }, (_request, outgoing) => {
    answers.push(() => outgoing.end('{}'))
  })
  const first = [1, 2].map(() => ask(filter.port, send({ retry_trx: true })))
  await vi.waitUntil(() => answers.length === 2, 10_000)
  const over = await ask(filter.port, send({ retry_trx: true }))
  expect([over.status, JSON.parse(over.text).message, over.headers['retry-after']]).toEqual([
    503,
    'OVERLOADED',
    '1',
  ])
  expect(filter.reports).toEqual([])
  const others = [ask(filter.port, send({})), ask(filter.port, send({ retry_trx: true }, '203.0.113.10'))]
  await vi.waitUntil(() => answers.length === 4, 10_000)
  for (const answer of answers.splice(0)) answer()
  for (const { status } of await Promise.all([...first, ...others])) expect(status).toBe(200)
  const again = ask(filter.port, send({ retry_trx: true }))
  await vi.waitUntil(() => answers.length === 1, 10_000)
  answers[0]!()
  expect((await again).status).toBe(200)
})

test('a request whose requestTimeout is over before its answer began is told so', async () => {
  const { filter, nodeos } = await startBoth({ requestTimeout: 1, nodeosTimeout: 10 }, () => {})
  const answer = await ask(filter.port, { target: '/v1/chain/get_block', body: '{}' })
  expect([answer.status, JSON.parse(answer.text).message]).toEqual([504, 'NODEOS_TIMEOUT'])
  expect(filter.verdicts.counts().get('NODEOS_TIMEOUT')).toBe(1)
  expect(nodeos.received).toHaveLength(1)
})
