// What the access log's lines look like, and that nothing of a client's can forge one.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Address } from '../../shared/address.ts'
import { type Access, formats } from './format.ts'

const NOW = new Date('2026-11-08T07:05:02.123Z')
const access: Access = {
  client: '203.0.113.9' as Address,
  request: {
    method: 'POST',
    target: '/v1/chain/push_transaction?x=1',
    headers: [
      'User-Agent',
      'eosjs/22',
      'Referer',
      'https://wallet.example/',
      'traceparent',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    ],
  },
  outcome: 'rejected',
  status: 400,
  requestBytes: 11,
  responseBytes: 345,
  nodeosTime: undefined,
  seconds: 0.0015,
  found: { code: 'INVALID_JSON', detail: 'The body is not one JSON text' },
}

/** What tools expect of the format, fields in quotes being free of quotes that are not escaped. */
const COMBINED =
  /^(\S+) - - \[(\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} \+0000)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"\n$/

describe('combined', () => {
  test('is the format of Apache and nginx', () => {
    expect(formats.combined(access, NOW)).toBe(
      '203.0.113.9 - - [08/Nov/2026:07:05:02 +0000] "POST /v1/chain/push_transaction?x=1 HTTP/1.1" 400 345 "https://wallet.example/" "eosjs/22"\n',
    )
  })

  test('has a dash for what was not sent, and the statuses of nginx', () => {
    const gone = {
      ...access,
      request: { method: 'GET', target: '/', headers: [] },
      status: 0,
      responseBytes: 0,
    }
    expect(formats.combined(gone, NOW)).toContain('"GET / HTTP/1.1" 499 0 "-" "-"\n')
    expect(formats.combined({ ...access, request: undefined }, NOW)).toContain('] "" 400 345 "-" "-"\n')
  })

  test('escapes what could end a field or a line', () => {
    const headers = ['user-agent', 'a" 200 1 "-" "-"\r\n127.0.0.1 \\ \x1b[31m\x7f\xe9 \u{1f4a3}']
    const line = formats.combined({ ...access, request: { ...access.request!, headers } }, NOW)
    expect(line).toContain(
      '"a\\x22 200 1 \\x22-\\x22 \\x22-\\x22\\x0D\\x0A127.0.0.1 \\x5C \\x1B[31m\\x7F\\xE9 \\xF0\\x9F\\x92\\xA3"\n',
    )
  })
})

describe('ecs', () => {
  test('has the fields of the Elastic Common Schema', () => {
    expect(JSON.parse(formats.ecs(access, NOW))).toEqual({
      '@timestamp': '2026-11-08T07:05:02.123Z',
      ecs: { version: '8.11.0' },
      event: {
        kind: 'event',
        category: ['web'],
        type: ['access', 'denied'],
        outcome: 'failure',
        duration: 1_500_000,
        code: 'INVALID_JSON',
        reason: 'The body is not one JSON text',
      },
      source: { ip: '203.0.113.9' },
      url: { path: '/v1/chain/push_transaction', query: 'x=1' },
      http: {
        request: { method: 'POST', referrer: 'https://wallet.example/', body: { bytes: 11 } },
        response: { status_code: 400, body: { bytes: 345 } },
      },
      user_agent: { original: 'eosjs/22' },
      trace: { id: '4bf92f3577b34da6a3ce929d0e0e4736' },
      patroneos: { outcome: 'rejected', endpoint: 'push' },
    })
  })

  test("has nodeos's time where a node was asked", () => {
    const asked = { ...access, outcome: 'success', nodeosTime: 1.25, found: undefined } as const
    expect(JSON.parse(formats.ecs(asked, NOW)).patroneos).toEqual({
      outcome: 'success',
      endpoint: 'push',
      nodeos_duration: 1_250_000,
    })
  })

  test('leaves out what there is not', () => {
    const nothing = { ...access, request: undefined, found: undefined, status: 0 }
    expect(Object.keys(JSON.parse(formats.ecs(nothing, NOW)))).toEqual([
      '@timestamp',
      'ecs',
      'event',
      'source',
      'http',
      'patroneos',
    ])
  })
})

describe.each(Object.entries(formats))('%s', (name, format) => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\r', '\0', '\x1b', '\x85', '\u2028', 'a', ' ') }),
  )

  test('is one line of printable text, whatever a client sends', () => {
    fc.assert(
      fc.property(text, text, text, (target, agent, detail) => {
        const line = format(
          {
            ...access,
            request: { method: 'POST', target, headers: ['user-agent', agent, 'referer', agent] },
            found: { code: 'INVALID_JSON', detail },
          },
          NOW,
        )
        expect(line.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/)
        expect(line.endsWith('\n')).toBe(true)
        if (name === 'combined') expect(line).toMatch(COMBINED)
        else expect(JSON.parse(line).event.reason).toBe(detail)
      }),
    )
  })

  test('shortens what is long', () => {
    const headers = ['user-agent', 'x'.repeat(100_000), 'referer', 'y'.repeat(100_000)]
    const request = { method: 'GET', target: `/${'z'.repeat(100_000)}`, headers }
    expect(format({ ...access, request }, NOW).length).toBeLessThan(8_000)
  })
})
