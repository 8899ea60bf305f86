// What a page in a real browser can read of the filter's answers, on each runtime, before a nodeos that allows pages
// and before one that does not.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Chromium, skipWithoutChromium, startChromium } from '../e2e/chromium.ts'
import {
  type Bundle,
  bundleWorker,
  type RunningRuntime,
  type StartRuntime,
  startBun,
  startDeno,
  startNode,
  startWorkerd,
} from './runtimes/testing/runtimes.ts'

const missing = skipWithoutChromium('pages in a browser')
const WALLET = 'wallet.example'

let bundled: Promise<Bundle> | undefined
const runtimes: Record<string, StartRuntime> = {
  Node: startNode,
  Bun: startBun,
  Deno: startDeno,
  Cloudflare: async (settings) => {
    bundled ??= bundleWorker('')
    return startWorkerd(await bundled, settings, { isolates: 1 })
  },
}

/** nodeos's own headers where access-control-allow-origin and -headers are set: on every answer, OPTIONS too. */
const ALLOWING = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': '*' }

let chromium: Chromium
let page: Page
let pages: Server
let nodeos: Server
let nodeosHeaders: Record<string, string> = {}
let asked: string[] = []
let filter: RunningRuntime | undefined

const portOf = (server: Server) => (server.address() as AddressInfo).port

describe.skipIf(missing)('a page of another origin', () => {
  beforeAll(async () => {
    pages = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end('<!doctype html>'),
    ).listen(0, '127.0.0.1')
    nodeos = createServer((request, response) => {
      // The filter itself looks at get_info.
      if (request.url !== '/v1/chain/get_info') asked.push(`${request.method} ${request.url}`)
      request.resume().on('end', () => {
        for (const [name, value] of Object.entries(nodeosHeaders)) response.setHeader(name, value)
        response.end('{}')
      })
    }).listen(0, '127.0.0.1')
    await Promise.all([once(pages, 'listening'), once(nodeos, 'listening')])
    chromium = await startChromium([WALLET])
    page = await chromium.browser.newPage()
    await page.goto(`http://${WALLET}:${portOf(pages)}/`)
  }, 60_000)
  afterEach(async () => {
    await filter?.stop()
    filter = undefined
  })
  afterAll(async () => {
    await chromium?.close()
    for (const server of [pages, nodeos]) {
      server.closeAllConnections()
      server.close()
    }
  })

  /** What fetch gives the page: the status and a header, or that it may not read the answer. */
  const read = (path: string, body?: string) =>
    page.evaluate(
      async ([url, body]) => {
        try {
          const init =
            body === undefined
              ? {}
              : { method: 'POST', body, headers: { 'content-type': 'application/json' } }
          const answer = await fetch(url!, init)
          await answer.text()
          return `${answer.status} ${answer.headers.get('x-rejected-by')}`
        } catch {
          return 'not readable'
        }
      },
      [`http://127.0.0.1:${filter!.port}${path}`, body],
    )

  const start = async (runtime: StartRuntime, config: object, headers: Record<string, string>) => {
    nodeosHeaders = headers
    filter = await runtime({
      config: {
        nodeosUrl: '127.0.0.1',
        nodeosPort: portOf(nodeos),
        cache: { paths: {} },
        repeats: 0,
        ...config,
      },
      relaySecret: `whsec_${randomBytes(32).toString('base64')}`,
    })
    asked = []
  }

  describe.each(Object.entries(runtimes))('on %s', (_name, runtime) => {
    test('reads rejections once nodeos has allowed it to read an answer', async () => {
      await start(runtime, {}, ALLOWING)
      expect(await read('/v1/chain/get_block', '{}')).toBe('200 null')
      expect(asked).toEqual(['OPTIONS /v1/chain/get_block', 'POST /v1/chain/get_block'])
      expect(await read('/v1/chain/get_block', '{')).toBe('400 patroneos')
      expect(await read('/v1/producer/pause')).toBe('403 patroneos')
    })

    test('reads nothing where neither nodeos nor the configuration allows it', async () => {
      await start(runtime, {}, {})
      expect(await read('/v1/chain/get_block', '{}')).toBe('not readable')
      expect(await read('/v1/chain/get_info')).toBe('not readable')
      expect(await read('/v1/producer/pause')).toBe('not readable')
    })

    test.each([
      ['before a nodeos that allows nobody', {}],
      ['before one that allows another origin', { 'Access-Control-Allow-Origin': 'https://other.example' }],
    ])(
      'reads everything with corsAllowOrigin, %s, which is not asked for preflights',
      async (_what, headers) => {
        await start(runtime, { corsAllowOrigin: '*' }, headers)
        expect(await read('/v1/chain/get_block', '{}')).toBe('200 null')
        expect(await read('/v1/chain/get_block', '{')).toBe('400 patroneos')
        expect(await read('/v1/producer/pause', '{}')).toBe('403 patroneos')
        expect(await read('/v1/chain/push_transaction', '{}')).toBe('400 patroneos')
        expect(asked).toEqual(['POST /v1/chain/get_block'])
      },
    )

    test('reads nothing where corsAllowOrigin is another origin', async () => {
      await start(runtime, { corsAllowOrigin: 'https://other.example' }, ALLOWING)
      expect(await read('/v1/chain/get_info')).toBe('not readable')
      expect(await read('/v1/producer/pause')).toBe('not readable')
    })

    test('reads what the configured headers allow, preflights included', async () => {
      const headers = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'content-type' }
      await start(runtime, { headers }, {})
      expect(await read('/v1/chain/get_block', '{}')).toBe('200 null')
      // Its name is not among the headers that a page may read.
      expect(await read('/v1/chain/get_block', '{')).toBe('400 null')
    })
  })
})
