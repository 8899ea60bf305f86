// What the relay believes and writes, over plain requests and an in-memory log.

import { Webhook } from 'standardwebhooks'
import { beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../shared/config/parse.ts'
import { type RelayConfig, relayConfigSchema } from '../shared/config/relay.ts'
import { createLogger } from '../shared/logger.ts'
import { importSecrets } from '../shared/report-message.ts'
import { createRelay } from './app.ts'

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`
const OTHER_SECRET = `whsec_${Buffer.alloc(24, 2).toString('base64')}`
const EVENT = { host: '203.0.113.9', success: false, message: 'INVALID_JSON' }
const NOW = Date.UTC(2026, 10, 24, 12, 0, 0, 123)
const LINE = '2026-11-24T12:00:00.123Z 203.0.113.9 false INVALID_JSON\n'

let written: string
let logged: string[]
let diskFull: boolean

beforeEach(() => {
  written = ''
  logged = []
  diskFull = false
})

async function relayWith(config: object = {}, secret?: string) {
  const parsed = parseConfig<RelayConfig>(relayConfigSchema, config) as { config: RelayConfig }
  return createRelay({
    config: () => parsed.config,
    secrets: secret ? await importSecrets(secret) : [],
    log: {
      append: async (lines) => {
        if (diskFull) throw new Error('no space left on device')
        written += lines
      },
      reopen: () => {},
      close: async () => {},
    },
    logger: createLogger({ readable: false, write: (line) => logged.push(line) }),
    now: () => NOW,
  })
}

type Relay = Awaited<ReturnType<typeof relayWith>>

async function post(relay: Relay, body: unknown, { peer = '127.0.0.1', headers = {} } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await relay.app.request(
    '/patroneos/fail2ban-relay',
    { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } },
    { incoming: { socket: { remoteAddress: peer } } },
  )
  return {
    status: response.status,
    body: (await response.json()) as { message?: string; error?: { what: string } },
  }
}

/** Signed by the reference library of the specification. */
function signed(body: unknown, { secret = SECRET, id = 'msg_1', at = NOW } = {}) {
  const text = JSON.stringify(body)
  const signature = new Webhook(secret).sign(id, new Date(at), text)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': signature,
  }
}

describe('unsigned messages', () => {
  test('the original form is written as one line', async () => {
    expect(await post(await relayWith(), EVENT)).toEqual({ status: 200, body: { status: 'ok' } })
    expect(written).toBe(LINE)
  })

  test('"go" writes the time as the original did', async () => {
    await post(await relayWith({ logTimeFormat: 'go' }), EVENT)
    expect(written).toBe('2026/11/24 12:00:00 203.0.113.9 false INVALID_JSON\n')
  })

  test.each([
    ['127.0.0.1', {}, 200],
    ['::ffff:127.0.0.1', {}, 200],
    ['::1', {}, 200],
    ['203.0.113.1', {}, 401],
    ['::ffff:203.0.113.1', {}, 401],
    ['', {}, 401],
    ['203.0.113.1', { allowUnsigned: true }, 200],
  ])('from %j with %j: %i', async (peer, config, status) => {
    expect((await post(await relayWith(config), EVENT, { peer })).status).toBe(status)
    expect(written).toBe(status === 200 ? LINE : '')
  })

  test.each([
    ['', {}],
    [' and, with logSubnet, the prefix that counts', { logSubnet: true }],
  ])('a host mapped into IPv6 is written as IPv4, and IPv6 in its shortest form%s', async (_what, config) => {
    const relay = await relayWith(config)
    await post(relay, [
      { ...EVENT, host: '::ffff:203.0.113.9' },
      { ...EVENT, host: '2001:DB8:0:0::1' },
    ])
    const suffix = 'logSubnet' in config ? ' /64' : ''
    expect(written).toBe(`${LINE}2026-11-24T12:00:00.123Z 2001:db8::1 false INVALID_JSON${suffix}\n`)
  })
})

describe('an id', () => {
  const other = { ...EVENT, host: '203.0.113.10' }

  test('that came before with another body is a 409, said in the log, and nothing is written', async () => {
    const relay = await relayWith({}, SECRET)
    expect((await post(relay, EVENT, { headers: signed(EVENT) })).status).toBe(200)
    expect((await post(relay, EVENT, { headers: signed(EVENT) })).status).toBe(200)
    const conflict = await post(relay, other, { headers: signed(other) })
    expect(conflict).toMatchObject({ status: 409, body: { message: 'ID_REUSED' } })
    expect(written).toBe(LINE)
    expect(logged.join('')).toContain('ID_REUSED')
    expect(relay.metrics()).toContain('{result="repeated"} 1\n')
  })

  test('of an unsigned message is none of a signed one', async () => {
    const relay = await relayWith({}, SECRET)
    expect((await post(relay, other, { headers: { 'webhook-id': 'msg_1' } })).status).toBe(200)
    expect((await post(relay, EVENT, { headers: signed(EVENT) })).status).toBe(200)
    expect(written.split('\n').length - 1).toBe(2)
  })
})

test.each([
  ['a byte order mark', Buffer.from(`\ufeff${JSON.stringify(EVENT)}`)],
  ['bytes that are not UTF-8', Buffer.from(JSON.stringify({ ...EVENT, host: '\xff' }), 'latin1')],
])('a message with %s is refused', async (_what, body) => {
  const relay = await relayWith()
  const response = await relay.app.request(
    '/patroneos/fail2ban-relay',
    { method: 'POST', body },
    { incoming: { socket: { remoteAddress: '127.0.0.1' } } },
  )
  expect(response.status).toBe(400)
  expect(written).toBe('')
})

describe('signed messages', () => {
  const batch = [EVENT, { host: '203.0.113.10', success: true, message: 'SUCCESS' }]

  test('a batch that the reference library signed is written', async () => {
    const relay = await relayWith({}, SECRET)
    expect((await post(relay, batch, { peer: '203.0.113.1', headers: signed(batch) })).status).toBe(200)
    expect(written).toBe(`${LINE}2026-11-24T12:00:00.123Z 203.0.113.10 true SUCCESS\n`)
  })

  test('while secrets are rotated, either signs', async () => {
    const relay = await relayWith({}, `${OTHER_SECRET},${SECRET}`)
    expect((await post(relay, batch, { peer: '203.0.113.1', headers: signed(batch) })).status).toBe(200)
  })

  test('a replayed message is answered as the first was and written once', async () => {
    const relay = await relayWith({}, SECRET)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(relay, [EVENT], { headers: signed([EVENT]) })),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(written).toBe(LINE)
  })

  test.each([
    ['another secret', signed(batch, { secret: OTHER_SECRET }), 'does not match'],
    ['an altered body', signed([EVENT]), 'does not match'],
    ['another id', { ...signed(batch), 'webhook-id': 'msg_2' }, 'does not match'],
    ['another time', { ...signed(batch), 'webhook-timestamp': String(NOW / 1000 - 9) }, 'Unix time'],
    ['a time six minutes ago', signed(batch, { at: NOW - 360_000 }), '360 s old'],
    ['a time six minutes ahead', signed(batch, { at: NOW + 360_000 }), '360 s ahead'],
    ['no id', { ...signed(batch), 'webhook-id': '' }, 'needed'],
    ['an asymmetric signature', { ...signed(batch), 'webhook-signature': 'v1a,AAAA' }, 'does not match'],
    ['no base64', { ...signed(batch), 'webhook-signature': 'v1,*' }, 'does not match'],
  ])('with %s: 401, and nothing is written', async (_name, headers, reason) => {
    const { status, body } = await post(await relayWith({}, SECRET), batch, { peer: '203.0.113.1', headers })
    expect(status).toBe(401)
    expect(body.error?.what).toContain(reason)
    expect(written).toBe('')
  })

  test.each([-299, 299])('a clock that is %i s off is tolerated', async (seconds) => {
    const headers = signed(batch, { at: NOW + seconds * 1000 })
    expect((await post(await relayWith({}, SECRET), batch, { peer: '203.0.113.1', headers })).status).toBe(
      200,
    )
  })
})

describe('messages of another shape', () => {
  test.each([
    ['no JSON', '{', 'not JSON'],
    ['no event', [], '1 to 100'],
    ['101 events', Array(101).fill(EVENT), '1 to 100'],
    ['a name as host', { ...EVENT, host: 'example.com' }, '0.host'],
    ['an address with a port', { ...EVENT, host: '203.0.113.9:51234' }, '0.host'],
    ['an address with a zone', { ...EVENT, host: 'fe80::1%eth0' }, '0.host'],
    ['a short address', { ...EVENT, host: '203.113' }, '0.host'],
    ['a line in the host', { ...EVENT, host: '203.0.113.9\n203.0.113.10' }, '0.host'],
    ['a line in the message', { ...EVENT, message: 'INVALID_JSON\nx' }, '0.message'],
    ['an unknown code', { ...EVENT, message: 'EVIL' }, '0.message'],
    ['text as success', { ...EVENT, success: 'false' }, '0.success'],
    ['another key', { ...EVENT, time: 1 }, '0.time'],
    ['one wrong among right ones', [EVENT, { ...EVENT, host: 'x' }], '1.host'],
  ])('%s: 400 with the reason, and nothing is written', async (_name, body, reason) => {
    const answer = await post(await relayWith(), body)
    expect(answer.status).toBe(400)
    expect(answer.body.error?.what).toContain(reason)
    expect(written).toBe('')
  })

  test('over 64 KiB: 413', async () => {
    expect((await post(await relayWith(), 'x'.repeat(65_537))).status).toBe(413)
  })

  test('100,000 unknown codes write nothing and a hundred log lines at most', async () => {
    const relay = await relayWith()
    const evil = Array.from({ length: 100 }, (_, n) => ({ ...EVENT, message: `EVIL_${n}` }))
    for (let n = 0; n < 1_000; n++) expect((await post(relay, evil)).status).toBe(400)
    expect(written).toBe('')
    expect(logged.length).toBeLessThanOrEqual(100)
  })
})

test('a full disk is a 503, and the same message is written when there is room again', async () => {
  const relay = await relayWith({}, SECRET)
  diskFull = true
  expect((await post(relay, [EVENT], { headers: signed([EVENT]) })).status).toBe(503)
  diskFull = false
  expect((await post(relay, [EVENT], { headers: signed([EVENT]) })).status).toBe(200)
  expect(written).toBe(LINE)
})

test.each([
  ['GET', '/patroneos/fail2ban-relay', 405],
  ['GET', '/patroneos/health', 200],
  ['GET', '/', 404],
  ['POST', '/patroneos/config', 404],
])('%s %s: %i', async (method, path, status) => {
  const relay = await relayWith()
  expect((await relay.app.request(path, { method }, { incoming: { socket: {} } })).status).toBe(status)
})
