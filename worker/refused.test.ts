// What is no request of HTTP, and so never comes to the app: it is answered, counted, reported and struck all the same.
import { describe, expect, onTestFinished, test } from 'vitest'
import { startBoth } from './testing/harness.ts'
import { rawClient } from './testing/raw-client.ts'

const INFO = '/v1/chain/get_info'
const direct = { trustedProxies: [] }

/** Sends bytes on a connection of their own; resolves with what came back until it was closed. */
async function sendAlone(port: number, bytes: string): Promise<string> {
  const client = rawClient(port)
  onTestFinished(() => void client.socket.destroy())
  client.send(bytes)
  await client.closed
  return client.text()
}

describe('what is no request', () => {
  test.each<[string, string, number, string]>([
    ['noise', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 of TLS\r\n\r\n', 400, 'INVALID_HTTP'],
    ['no Host', `GET ${INFO} HTTP/1.1\r\n\r\n`, 400, 'INVALID_HTTP'],
    [
      'two lengths',
      `POST ${INFO} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`,
      400,
      'INVALID_HTTP',
    ],
    [
      'another coding',
      `POST ${INFO} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n`,
      501,
      'INVALID_HTTP',
    ],
    [
      'another expectation',
      `POST ${INFO} HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n`,
      417,
      'INVALID_HTTP',
    ],
    ['another version', `GET ${INFO} HTTP/2.0\r\nHost: a\r\n\r\n`, 505, 'INVALID_HTTP'],
    [
      'a broken chunk',
      `POST ${INFO} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n`,
      400,
      'INVALID_HTTP',
    ],
    [
      'a long head',
      `GET ${INFO} HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'TOO_MANY_HEADERS',
    ],
  ])('%s is answered, counted and reported', async (_name, bytes, status, code) => {
    const { nodeos, filter } = await startBoth(direct)
    const answer = await sendAlone(filter.port, bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} .*"message":"${code}","code":${status},`, 's'))
    expect(nodeos.received).toEqual([])
    expect(Object.fromEntries(filter.verdicts.counts())).toEqual({ [code]: 1 })
    expect(filter.reports).toEqual([{ host: '127.0.0.1', code }])
    expect(filter.log.join('')).toContain(`"code":"${code}"`)
  })

  test('is a strike: who sends it again is banned', async () => {
    const { filter } = await startBoth({ ...direct, bans: { maxRetry: { malformed: 3 } } })
    for (let sent = 0; sent < 3; sent++) await sendAlone(filter.port, 'noise\r\n\r\n')
    const answer = await sendAlone(filter.port, `GET ${INFO} HTTP/1.1\r\nHost: a\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1.1 403 .*"message":"BANNED"/s)
  })

  test.each([
    ['in monitor mode', { ...direct, mode: 'monitor' }],
    ['from a proxy, which may have sent it for anybody', { trustedProxies: ['127.0.0.1'] }],
  ])('is counted only %s', async (_name, settings) => {
    const { filter } = await startBoth({ ...settings, bans: { maxRetry: { malformed: 1 } } })
    for (let sent = 0; sent < 2; sent++)
      expect(await sendAlone(filter.port, 'noise\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
    expect(Object.fromEntries(filter.verdicts.counts())).toEqual({ INVALID_HTTP: 2 })
    expect(filter.reports).toEqual([])
  })

  test('a request that does not arrive in time is none of these', async () => {
    const { filter } = await startBoth({ ...direct, headTimeout: 1 })
    expect(await sendAlone(filter.port, 'GET / HTTP/1.1\r\n')).toMatch(/^HTTP\/1.1 408 .*REQUEST_TIMEOUT/s)
    expect([...filter.verdicts.counts()]).toEqual([['REQUEST_TIMEOUT', 1]])
    expect(filter.reports).toEqual([])
  })
})
