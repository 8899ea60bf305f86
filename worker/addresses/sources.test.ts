// Lists from files and URLs: what is taken, when, and what is kept on trouble.
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Address } from '../../shared/address.ts'
import { createLogger } from '../../shared/logger.ts'
import { filterConfig } from '../testing/harness.ts'
import { createAddressLists } from './lists.ts'
import { createListSources } from './sources.ts'

function start(settings: object) {
  const lists = createAddressLists()
  const log: string[] = []
  const logger = createLogger({ readable: false, write: (line) => log.push(JSON.parse(line).message) })
  const sources = createListSources({ lists, logger, fetch })
  const configure = (next: object) => {
    const config = filterConfig(next)
    lists.configure(config)
    sources.configure(config)
  }
  configure(settings)
  onTestFinished(() => sources.close())
  const standing = (client: string) => lists.standingOf(client as Address)
  return {
    log,
    configure,
    standing,
    until: (client: string, what: string | undefined) =>
      vi.waitFor(() => expect(standing(client)).toBe(what), { timeout: 8_000 }),
  }
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'patroneos-lists-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

async function serve(respond: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(respond).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/list.txt?token=1`
}

describe('a file', () => {
  it('is followed when it is written, replaced, broken, gone and there again', async () => {
    const file = join(folder(), 'block.txt')
    writeFileSync(file, '203.0.113.0/24 # a network\n')
    const { until, standing, log } = start({ ipBlockList: { file } })
    await until('203.0.113.9', 'blocked')
    writeFileSync(file, '198.51.100.7\n')
    await until('198.51.100.7', 'blocked')
    expect(standing('203.0.113.9')).toBeUndefined()

    writeFileSync(`${file}.new`, '192.0.2.1\n')
    renameSync(`${file}.new`, file)
    await until('192.0.2.1', 'blocked')

    writeFileSync(file, '192.0.2.2\nnot an address\n')
    await vi.waitFor(() => expect(log.at(-1)).toContain('cannot be used; the last good one is kept'))
    expect(standing('192.0.2.1')).toBe('blocked')
    rmSync(file)
    writeFileSync(file, '192.0.2.3\n')
    await until('192.0.2.3', 'blocked')
    expect(log.filter((line) => line.startsWith('ipBlockList.file: 1 ranges from'))).toHaveLength(4)
  })
  it('that is not there is said to be missing, once, and taken when it is', async () => {
    const file = join(folder(), 'allow.txt')
    const { until, log } = start({ ipAllowList: { file } })
    await vi.waitFor(() => expect(log).toHaveLength(1))
    expect(log[0]).toBe(`ipAllowList.file: ${file} cannot be used; it is empty until then`)
    writeFileSync(file, '::1\n')
    await until('::1', 'allowed')
  })
  it('that the configuration has no more is none', async () => {
    const file = join(folder(), 'block.txt')
    writeFileSync(file, '203.0.113.9\n')
    const { until, configure, standing } = start({ ipBlockList: { file } })
    await until('203.0.113.9', 'blocked')
    configure({ ipBlockList: ['192.0.2.1'] })
    expect([standing('203.0.113.9'), standing('192.0.2.1')]).toEqual([undefined, 'blocked'])
  })
})

describe('a URL', () => {
  it('is asked on the interval, in full only when its list has changed', async () => {
    let list = '203.0.113.9'
    const asked: (string | undefined)[] = []
    const url = await serve((request, response) => {
      asked.push(request.headers['if-none-match'])
      const etag = `"${list}"`
      const same = request.headers['if-none-match'] === etag
      response.writeHead(same ? 304 : 200, { etag }).end(same ? undefined : list)
    })
    const { until, log } = start({ ipBlockList: { url, interval: 1 } })
    await until('203.0.113.9', 'blocked')
    await vi.waitFor(() => expect(asked.slice(0, 2)).toEqual([undefined, '"203.0.113.9"']), {
      timeout: 4_000,
    })
    list = '203.0.113.8'
    await until('203.0.113.8', 'blocked')
    expect(log).toHaveLength(2)
  })
  it.each<[string, (response: ServerResponse) => void, string]>([
    ['an error', (response) => response.writeHead(500).end('203.0.113.1'), 'it was answered with 500'],
    [
      'a page',
      (response) => response.end('<html></html>'),
      'line 1: found "<html></html>"; allowed: an address',
    ],
    ['too much', (response) => response.end(`${' '.repeat(8_388_609)}`), 'over 8388608 bytes'],
    ['a broken answer', (response) => response.destroy(), 'fetch failed'],
  ])('keeps the last good list on %s, and says so once', async (_what, fail, reason) => {
    let failing = false
    let asked = 0
    const url = await serve((_request, response) => {
      asked++
      if (failing) fail(response)
      else response.end('203.0.113.9')
    })
    const lists = createAddressLists()
    const log: { message: string; reason?: string }[] = []
    const logger = createLogger({ readable: false, write: (line) => log.push(JSON.parse(line)) })
    const sources = createListSources({ lists, logger, fetch })
    sources.configure(filterConfig({ ipBlockList: { url, interval: 1 } }))
    onTestFinished(() => sources.close())
    await vi.waitFor(() => expect(log).toHaveLength(1))
    failing = true
    await vi.waitFor(() => expect(asked).toBeGreaterThan(3), { timeout: 6_000 })
    expect(log).toHaveLength(2)
    expect(log[1]!.message).toContain('cannot be used; the last good one is kept')
    expect(log[1]!.reason).toContain(reason)
    expect(JSON.stringify(log)).not.toContain('token')
    expect(lists.standingOf('203.0.113.9' as Address)).toBe('blocked')
    failing = false
    await vi.waitFor(() => expect(log.at(-1)!.message).toContain('can be used again'), { timeout: 4_000 })
  })
})
