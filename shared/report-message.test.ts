// What filter and relay say to one another, with the reference library of Standard Webhooks as the judge.
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { checkSignature, importSecrets, MAX_EVENTS, parseReport, signReport } from './report-message.ts'
import { reportCodes } from './violations.ts'

const secretOf = (byte: number, length = 32) => `whsec_${Buffer.alloc(length, byte).toString('base64')}`
const SECRET = secretOf(1)
const OTHER = secretOf(2)
const EVENT = { host: '203.0.113.9', success: false, message: 'INVALID_JSON' }
const seconds = () => Math.floor(Date.now() / 1000)

const id = fc.string({ unit: fc.constantFrom(...'abcXYZ019_-'), minLength: 1, maxLength: 40 })
const body = fc.oneof(
  fc.json(),
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
)

describe('a signature', () => {
  test('of a filter is believed by the reference library', async () => {
    const [key] = await importSecrets(SECRET)
    await fc.assert(
      fc.asyncProperty(id, body, async (id, body) => {
        const headers = await signReport(key!, id, seconds(), body)
        new Webhook(SECRET).verify(body, { ...headers }, { jsonParse: false })
        expect(() => new Webhook(OTHER).verify(body, { ...headers }, { jsonParse: false })).toThrow()
      }),
      { numRuns: 200 },
    )
  })

  test('of the reference library is believed by a relay, and none other', async () => {
    const keys = await importSecrets(SECRET)
    await fc.assert(
      fc.asyncProperty(id, body, fc.nat(), async (id, body, at) => {
        const headers = {
          'webhook-id': id,
          'webhook-timestamp': String(seconds()),
          'webhook-signature': new Webhook(SECRET).sign(id, new Date(seconds() * 1000), body),
        }
        expect(await checkSignature(keys, headers, body, seconds())).toBeUndefined()
        const altered = `${body.slice(0, at % (body.length + 1))}\0${body.slice(at % (body.length + 1))}`
        expect(await checkSignature(keys, headers, altered, seconds())).toBe(
          'webhook-signature does not match',
        )
        const renamed = { ...headers, 'webhook-id': `${id}x` }
        expect(await checkSignature(keys, renamed, body, seconds())).toBe('webhook-signature does not match')
      }),
      { numRuns: 200 },
    )
  })

  test('may be one of several, as while a sender rotates', async () => {
    const keys = await importSecrets(SECRET)
    const at = new Date(seconds() * 1000)
    const signatures = [OTHER, SECRET].map((secret) => new Webhook(secret).sign('id', at, '[]')).join(' ')
    const headers = {
      'webhook-id': 'id',
      'webhook-timestamp': String(seconds()),
      'webhook-signature': `v2,x ${signatures}`,
    }
    expect(await checkSignature(keys, headers, '[]', seconds())).toBeUndefined()
  })

  test.each([
    ['the old secret alone', OTHER, SECRET, false],
    ['the old secret first', `${OTHER},${SECRET}`, OTHER, true],
    ['the new secret first', `${SECRET}, ${OTHER}`, OTHER, true],
    ['the new secret first, to a relay that is there already', `${SECRET},${OTHER}`, SECRET, true],
  ])('while secrets are rotated: a relay with %s', async (_what, relay, signer, believed) => {
    const [key] = await importSecrets(signer)
    const headers = await signReport(key!, 'id', seconds(), '[]')
    const why = await checkSignature(await importSecrets(relay), headers, '[]', seconds())
    expect(why).toBe(believed ? undefined : 'webhook-signature does not match')
  })

  test.each([
    [-301, '301 s ahead; at most 300 s are allowed'],
    [-300, undefined],
    [300, undefined],
    [301, '301 s old; at most 300 s are allowed'],
  ])('that is %i s old', async (age, reason) => {
    const keys = await importSecrets(SECRET)
    const headers = await signReport(keys[0]!, 'id', 1_800_000_000 - age, '[]')
    const why = await checkSignature(keys, headers, '[]', 1_800_000_000)
    expect(why).toBe(reason && `webhook-timestamp is ${reason}`)
  })

  test.each(['', '-1', '1e9', '1800000000.5', ' 1800000000', '0x6b49d200', '1'.repeat(13)])(
    'with the timestamp %j is not believed',
    async (timestamp) => {
      const headers = { 'webhook-id': 'id', 'webhook-timestamp': timestamp, 'webhook-signature': 'v1,AAAA' }
      expect(await checkSignature(await importSecrets(SECRET), headers, '[]', 1_800_000_000)).toBe(
        'webhook-timestamp is not a Unix time in seconds',
      )
    },
  )
})

describe('PATRONEOS_RELAY_SECRET', () => {
  test.each([
    ['without its prefix', SECRET.slice(6), 1],
    ['that is too short', secretOf(1, 23), 1],
    ['that is too long', secretOf(1, 65), 1],
    ['that is no base64', 'whsec_*', 1],
    ['in base64 for URLs', `whsec_${'-_'.repeat(16)}`, 1],
    ['that is empty behind a comma', `${SECRET},`, 2],
    ['of which the second is wrong', `${SECRET},${OTHER.slice(1)}`, 2],
  ])('%s is refused without being shown', async (_what, text, number) => {
    const error = await importSecrets(text).catch((reason: Error) => reason)
    expect((error as Error).message).toBe(
      `relay secret number ${number} is not valid; allowed: whsec_ followed by 24 to 64 bytes in base64; several separated by commas`,
    )
  })

  test.each([24, 64])('may have %i bytes', async (length) => {
    expect(await importSecrets(secretOf(3, length))).toHaveLength(1)
  })
})

describe('a message', () => {
  test('is one event as the original sent it, or up to 100', () => {
    expect(parseReport(JSON.stringify(EVENT))).toEqual({ events: [EVENT] })
    const most = Array(MAX_EVENTS).fill(EVENT)
    expect(parseReport(JSON.stringify(most))).toEqual({ events: most })
  })

  test('may have every code there is', () => {
    const events = reportCodes.map((message) => ({ ...EVENT, message }))
    expect(parseReport(JSON.stringify(events))).toEqual({ events })
  })

  test('has its hosts in one form', () => {
    const hosts = ['::FFFF:203.0.113.9', '2001:DB8:0:0::9'].map((host) => ({ ...EVENT, host }))
    expect(parseReport(JSON.stringify(hosts))).toMatchObject({
      events: [{ host: '203.0.113.9' }, { host: '2001:db8::9' }],
    })
  })

  test('can put no line into a log but its own, whatever is in it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.ipV4(),
      fc.constantFrom(...reportCodes, '203.0.113.9\n203.0.113.10', '203.0.113.9 false INVALID_JSON'),
    )
    const evil = fc.record({ host: text, success: fc.oneof(fc.boolean(), text), message: text })
    fc.assert(
      fc.property(fc.array(evil, { minLength: 1, maxLength: 3 }), (events) => {
        const report = parseReport(JSON.stringify(events))
        if ('reason' in report) return
        for (const { host, success, message } of report.events)
          expect(`${host} ${success} ${message}`).toMatch(/^[\da-f.:]+ (?:true|false) [A-Z_]+$/)
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['{', 'not JSON'],
    ['', 'not JSON'],
    ['null', 'an object of host, success and message'],
    ['"203.0.113.9"', 'an object of host, success and message'],
    ['[]', '1 to 100 events'],
    ['[[]]', '0.host'],
    ['{"host":"203.0.113.9","success":false}', 'message'],
    ['{"host":"203.0.113.9","success":false,"message":"EVIL"}', 'a known code'],
    ['{"host":"203.0.113.9","success":false,"message":"constructor"}', 'a known code'],
    ['{"host":"203.0.113.9","success":false,"message":"INVALID_JSON","constructor":1}', 'constructor'],
    ['{"host":"203.0.113.9","success":false,"message":"INVALID_JSON","__proto__":{}}', '__proto__'],
    ['{"__proto__":{"host":"203.0.113.9","success":false,"message":"INVALID_JSON"}}', 'host'],
  ])('%s is none', (text, reason) => {
    const report = parseReport(text)
    expect('reason' in report && report.reason).toContain(reason)
  })

  test('that is wrong is not repeated at length', () => {
    const long = 'x'.repeat(60_000)
    for (const event of [
      { ...EVENT, message: long },
      { ...EVENT, [long]: 1 },
    ]) {
      const report = parseReport(JSON.stringify(event))
      expect('reason' in report && report.reason.length).toBeLessThan(500)
    }
  })
})
