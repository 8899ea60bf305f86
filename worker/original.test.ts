// What people who come from patroneosd count on: its five rules on its own shape of a transaction, its headers,
// its answer on the relay's path, its report message.
import { PackedTransaction } from '@wharfkit/antelope'
import { describe, expect, test } from 'vitest'
import { createLogger } from '../shared/logger.ts'
import { createReporter } from './report.ts'
import { signWithWharfkit, transfer } from './testing/clients.ts'
import { ask, startBoth, startFilter } from './testing/harness.ts'
import { answerWith, type NodeosStandIn, startNodeos } from './testing/nodeos-stand-in.ts'

/** The settings with which the original tested itself. */
const limits = {
  maxSignatures: 1,
  maxTransactionSize: 50,
  maxTransactions: 2,
  contractBlackList: { currency: true },
  endpoints: { allow: ['/', '/v1/chain/*'], deny: [] },
}

const rejected: [what: string, code: string, body: string][] = [
  ['a body that is no JSON', 'INVALID_JSON', '{"name"}'],
  [
    'three transactions',
    'TOO_MANY_TRANSACTIONS',
    '[{"name":"Tony Stark","actions":[]},{"name":"Steve Rogers"},{"name":"Bruce Banner"}]',
  ],
  [
    'a blacklisted contract',
    'BLACKLISTED_CONTRACT',
    '{"actions":[{"code":"currency","data":"1234567890"}],"signatures":["12345"]}',
  ],
  [
    'a blacklisted contract, called account as nodeos calls it',
    'BLACKLISTED_CONTRACT',
    '{"actions":[{"account":"currency","data":"1234567890"}],"signatures":["12345"]}',
  ],
  [
    'a blacklisted contract behind a harmless one',
    'BLACKLISTED_CONTRACT',
    '{"actions":[{"code":"tokens"},{"code":"currency"}]}',
  ],
  [
    'a blacklisted contract in the second transaction',
    'BLACKLISTED_CONTRACT',
    '[{"actions":[{"code":"tokens"}]},{"actions":[{"code":"currency"}]}]',
  ],
  [
    'two signatures',
    'INVALID_NUMBER_SIGNATURES',
    '{"actions":[{"code":"tokens","data":"1234567890"}],"signatures":["12345","67890"]}',
  ],
  [
    'data of 100 characters',
    'INVALID_TRANSACTION_SIZE',
    `{"actions":[{"code":"tokens","data":"${'a'.repeat(100)}"}],"signatures":["12345"]}`,
  ],
]

const passed: [what: string, body: string][] = [
  ['an object that is no transaction', '{"name":"Tony Stark"}'],
  ['two transactions', '[{"name":"Tony Stark"},{"name":"Steve Rogers"}]'],
  ['another contract', '{"actions":[{"code":"tokens","data":"1234567890"}],"signatures":["12345"]}'],
  ['one signature', '{"signatures":["12345"]}'],
  ['data of 50 characters', `{"actions":[{"code":"tokens","data":"${'a'.repeat(50)}"}]}`],
  ['null in the place of anything', '{"actions":null,"signatures":null}'],
  // Not so in the original: other services behind the filter take such bodies, and nodeos acts on none of them.
  ['an array of something else than objects', '["Tony Stark"]'],
  [
    'three of anything but transactions',
    '[{"name":"Tony Stark"},{"name":"Steve Rogers"},{"name":"Bruce Banner"}]',
  ],
  ['signatures that are no list', '{"signatures":"12345"}'],
  ['actions that are texts', '{"actions":["transfer","issue"]}'],
  ['actions that are a number', '{"actions":3}'],
  ['an action without a contract', '{"actions":[{"id":1,"name":5}]}'],
]

describe('its five rules, on its shape of a transaction, on any path', () => {
  test.each(rejected)('%s is %s', async (_what, code, body) => {
    const { nodeos, filter } = await startBoth(limits)
    const answer = await ask(filter.port, { target: '/', body })
    expect(answer).toMatchObject({ status: 400, headers: { 'x-rejected-by': 'patroneos' } })
    expect(JSON.parse(answer.text)).toMatchObject({ message: code, code: 400 })
    const told = code === 'INVALID_JSON' ? 'INVALID_READ' : code
    expect(filter.reports).toEqual([{ host: '127.0.0.1', code: told }])
    expect(nodeos.received).toEqual([])
  })

  test.each(passed)('%s passes, byte for byte', async (_what, body) => {
    const { nodeos, filter } = await startBoth(limits)
    expect(await ask(filter.port, { target: '/', body })).toMatchObject({ status: 200 })
    expect(nodeos.received).toMatchObject([{ method: 'POST', target: '/', body }])
    expect(filter.reports).toEqual([])
  })

  test('their order: JSON, count, size, signatures, contracts', async () => {
    const { filter } = await startBoth(limits)
    const wrong = {
      actions: [{ code: 'currency', data: 'a'.repeat(100) }],
      signatures: ['1', '2'],
    }
    const verdict = async (body: unknown, text = JSON.stringify(body)) =>
      JSON.parse((await ask(filter.port, { target: '/', body: text })).text).message
    expect(await verdict([wrong, wrong, wrong], '[{},{},{}')).toBe('INVALID_JSON')
    expect(await verdict([wrong, wrong, wrong])).toBe('TOO_MANY_TRANSACTIONS')
    expect(await verdict(wrong)).toBe('INVALID_TRANSACTION_SIZE')
    expect(await verdict({ ...wrong, actions: [{ code: 'currency' }] })).toBe('INVALID_NUMBER_SIGNATURES')
    expect(await verdict({ actions: [{ code: 'currency' }] })).toBe('BLACKLISTED_CONTRACT')
  })

  test('a maxTransactions of 0 is no limit', async () => {
    const { filter } = await startBoth({ ...limits, maxTransactions: 0 })
    expect(await ask(filter.port, { target: '/', body: JSON.stringify(Array(1000).fill({})) })).toMatchObject(
      {
        status: 200,
      },
    )
  })
})

describe('configured headers', () => {
  const headers = {
    'Access-Control-Allow-Origin': '*',
    Server: 'tank',
    'X-Powered-By': '',
    'x-rejected-by': '',
  }
  const fromNodeos = { server: 'nodeos', 'x-powered-by': 'WebSocket++', 'x-nodeos': 'kept' }

  test('are set, put in place of those of nodeos, or removed where empty, on what is forwarded', async () => {
    const { filter } = await startBoth({ headers }, answerWith(200, {}, fromNodeos))
    const answer = await ask(filter.port, {})
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': '*',
      server: 'tank',
      'x-nodeos': 'kept',
    })
    expect(answer.headers).not.toHaveProperty('x-powered-by')
  })

  test('are set, or removed where empty, on rejections', async () => {
    const { filter } = await startBoth({ headers })
    const answer = await ask(filter.port, { target: '/v1/producer/pause' })
    expect(answer).toMatchObject({
      status: 403,
      headers: { 'access-control-allow-origin': '*', server: 'tank', 'content-type': 'application/json' },
    })
    expect(answer.headers).not.toHaveProperty('x-rejected-by')
  })

  test.each([
    ['GET', '/patroneos/health', 200],
    ['POST', '/patroneos/fail2ban-relay', 403],
    ['GET', '/patroneos/nothing', 404],
  ])("are set on the filter's own answers: %s %s", async (method, target, status) => {
    const { filter } = await startBoth({ headers })
    expect(await ask(filter.port, { method, target })).toMatchObject({ status, headers: { server: 'tank' } })
  })

  test('are set where nodeos does not answer', async () => {
    const nodeos = await startNodeos()
    await nodeos.close()
    const filter = await startFilter(nodeos, { headers })
    expect(await ask(filter.port, {})).toMatchObject({ status: 503, headers: { server: 'tank' } })
  })
})

describe('its own paths', () => {
  const untouched = ({ received }: NodeosStandIn) => expect(received).toEqual([])

  test('reports sent to a filter are 403, in the words of the original', async () => {
    const { nodeos, filter } = await startBoth()
    const answer = await ask(filter.port, { target: '/patroneos/fail2ban-relay', body: '{}' })
    expect(answer).toMatchObject({
      status: 403,
      text: JSON.stringify({
        message:
          'Patroneos cannot receive fail2ban relay requests when running in filter mode. Please check your config.',
        code: 403,
      }),
    })
    untouched(nodeos)
  })

  test('the health check answers without nodeos', async () => {
    const { nodeos, filter } = await startBoth()
    const answer = await ask(filter.port, { target: '/patroneos/health' })
    expect(answer).toMatchObject({ status: 200, text: '{"status":"ok"}' })
    untouched(nodeos)
  })

  test.each(['/patroneos/config', '/patroneos/metrics', '/patroneos/', '/patroneos/other'])(
    '%s is 404 for the public',
    async (target) => {
      const { nodeos, filter } = await startBoth()
      expect(await ask(filter.port, { target })).toMatchObject({ status: 404 })
      expect(await ask(filter.port, { target, body: '{}' })).toMatchObject({ status: 404 })
      untouched(nodeos)
    },
  )
})

describe('the outcome of a pushed transaction', () => {
  const push = {
    target: '/v1/chain/push_transaction',
    body: JSON.stringify(
      PackedTransaction.fromSigned(signWithWharfkit({ actions: [transfer('alice', 'bob')] })),
    ),
  }
  const failure = { code: 500, message: 'Internal Service Error', error: { code: 3050003 } }

  test.each([
    ['200 is a success', 200, { processed: {} }, 'SUCCESS'],
    ['202 is a success, which the original took for a failure', 202, { processed: {} }, 'SUCCESS'],
    ['500 with an error of the transaction is a failure', 500, failure, 'TRANSACTION_FAILED'],
    [
      '202 with an exception is a failure',
      202,
      { processed: { except: { code: 3050003 } } },
      'TRANSACTION_FAILED',
    ],
  ] as const)('%s; the answer passes untouched', async (_what, status, body, code) => {
    const { filter } = await startBoth({ logSuccess: true }, answerWith(status, body))
    const answer = await ask(filter.port, push)
    expect(answer).toMatchObject({ status, text: JSON.stringify(body) })
    expect(answer.headers).not.toHaveProperty('x-rejected-by')
    expect(filter.reports).toEqual([{ host: '127.0.0.1', code }])
  })

  test('a success is not reported unless that is asked for', async () => {
    const { filter } = await startBoth({}, answerWith(202, { processed: {} }))
    expect(await ask(filter.port, push)).toMatchObject({ status: 202 })
    expect(filter.reports).toEqual([])
  })
})

test('without a secret every event is one message in the form of the original', async () => {
  const sent: unknown[] = []
  const reporter = createReporter({
    secrets: [],
    logger: createLogger({ readable: false, write: () => {} }),
    send: async (_url, init) => {
      sent.push(init?.body)
      return new Response('')
    },
    now: Date.now,
  })
  reporter.setRelays(['http://relay.example'])
  reporter.report('203.0.113.9' as never, 'INVALID_JSON')
  reporter.report('2001:db8::9' as never, 'SUCCESS')
  await reporter.drain(10_000)
  expect(sent).toEqual([
    '{"host":"203.0.113.9","success":false,"message":"INVALID_JSON"}',
    '{"host":"2001:db8::9","success":true,"message":"SUCCESS"}',
  ])
})
