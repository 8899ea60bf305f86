// Every violation of a request: its exact answer, its report, and that nodeos never sees the request.
import { describe, expect, test } from 'vitest'
import { strikeClassOf, violations } from '../shared/violations.ts'
import { ask, startBoth } from './testing/harness.ts'
import { type RejectedRequest, rejected as rows } from './testing/rejected.ts'

const bodyOf = ({ code, detail }: Pick<RejectedRequest, 'code' | 'detail'>) => {
  const { status } = violations[code]
  return {
    message: code,
    code: status,
    error: {
      code: status,
      name: code.toLowerCase(),
      what: detail,
      details: [{ message: `${code}: ${detail}`, file: '', line_number: 0, method: 'patroneos' }],
    },
  }
}

describe('a request is rejected, reported and never forwarded for', () => {
  test.each(rows)('$what: $code', async ({ ask: request, settings, code, reported, detail, headers }) => {
    const { nodeos, filter } = await startBoth(settings)
    const answer = await ask(filter.port, request)
    expect(answer.status).toBe(violations[code].status)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'x-rejected-by': 'patroneos',
      ...headers,
    })
    expect(answer.text).toBe(JSON.stringify(bodyOf({ code, detail })))
    expect(nodeos.received).toEqual([])
    const told = reported ?? code
    expect(filter.reports).toEqual(strikeClassOf(told) === null ? [] : [{ host: '127.0.0.1', code: told }])
  })

  test('every code but those of nodeos, of limits over time and of what is no request', () => {
    const elsewhere = /^NODEOS_|^INVALID_HTTP$|^REQUEST_TIMEOUT$|^RATE_LIMITED$|^BANNED$/
    const missing = Object.keys(violations).filter(
      (code) => !elsewhere.test(code) && !rows.some((row) => row.code === code),
    )
    expect(missing).toEqual([])
  })

  const limited = rows.filter(({ settings }) => settings !== undefined)
  test.each(limited)('$what, but not where the configuration allows it', async ({ ask: request }) => {
    const { nodeos, filter } = await startBoth()
    expect((await ask(filter.port, request)).headers).not.toHaveProperty('x-rejected-by')
    expect(nodeos.received).toHaveLength(1)
  })
})

describe('mode "monitor"', () => {
  // In this mode a body is read up to nodeos's own limit, and nothing is over it here.
  const judged = rows.filter(
    ({ code, ask: { headers = [] } }) => code !== 'OVERLOADED' && !headers.includes('chunked'),
  )

  test.each(judged)('$what: $code is logged, and the request is forwarded as it came', async (row) => {
    const { nodeos, filter } = await startBoth({ ...row.settings, mode: 'monitor' }, (_request, outgoing) =>
      outgoing.end('{}'),
    )
    expect(await ask(filter.port, row.ask)).toMatchObject({ status: 200, text: '{}' })
    expect(nodeos.received).toMatchObject([
      { target: row.ask.target ?? '/v1/chain/get_info', body: Buffer.from(row.ask.body ?? '').toString() },
    ])
    expect(filter.reports).toEqual([])
    expect(filter.log.map((line) => JSON.parse(line))).toMatchObject([
      { message: 'would be rejected', code: row.code, detail: row.detail, client: row.client ?? '127.0.0.1' },
    ])
  })
})

describe('trouble with nodeos is no strike against the client', () => {
  test('no listener: NODEOS_UNREACHABLE, and it works as soon as nodeos is there', async () => {
    const { nodeos, filter } = await startBoth()
    const { port } = nodeos
    await nodeos.close()
    const answer = await ask(filter.port, {})
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'x-rejected-by': 'patroneos', 'retry-after': '1' },
      text: JSON.stringify(
        bodyOf({ code: 'NODEOS_UNREACHABLE', detail: 'nodeos does not answer; try again' }),
      ),
    })
    expect(filter.reports).toEqual([])
    const moved = await startBoth()
    filter.configure({ nodeosPort: moved.nodeos.port })
    expect(port).not.toBe(moved.nodeos.port)
    expect(await ask(filter.port, {})).toMatchObject({ status: 200 })
  })

  test('no response head in time: NODEOS_TIMEOUT', async () => {
    const { filter } = await startBoth({ nodeosTimeout: 1 }, () => {})
    expect(await ask(filter.port, {})).toMatchObject({
      status: 504,
      text: JSON.stringify(bodyOf({ code: 'NODEOS_TIMEOUT', detail: 'nodeos did not answer within 1 s' })),
    })
    expect(filter.reports).toEqual([])
  })
})
