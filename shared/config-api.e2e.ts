// What a page in a real browser can do to a config listener on the operator's machine: nothing.
import type { Server } from 'node:http'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Chromium, skipWithoutChromium, startChromium } from '../e2e/chromium.ts'
import { type FilterConfig, filterConfigSchema } from './config/filter.ts'
import { parseConfig } from './config/parse.ts'
import { createConfigApi } from './config-api.ts'
import { type ConfigStore, memoryConfigStore } from './config-store.ts'
import { createAppServer, listen } from './program/listening.ts'

const missing = skipWithoutChromium('the config API against a browser')

/** A page of somebody else's, and a name that leads to the listener (DNS rebinding). */
const EVIL = 'evil.example'
const REBOUND = 'rebound.example'
const PATCH = '{"maxActions":7}'

interface Init {
  method: string
  mode?: 'no-cors'
  headers?: Record<string, string>
  body?: string
}

let chromium: Chromium
let page: Page
let evilPages: Server
let evil: string
let listener: Server
let store: ConfigStore<FilterConfig>
let api: string
/** What reached the listener, and how it was answered. */
let seen: { method: string; type: string; status: number }[]

describe.skipIf(missing)('a config listener on loopback without a token', () => {
  beforeAll(async () => {
    const { config } = parseConfig<FilterConfig>(filterConfigSchema, {}) as { config: FilterConfig }
    store = memoryConfigStore(config, () => {}, 'a test')
    const app = createConfigApi({ schema: filterConfigSchema, store })
    const empty = () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } })
    listener = createAppServer(async (request) => {
      // A page of this listener's origin, which the API itself has none of.
      if (request.url.endsWith('/page')) return empty()
      const answer = await app.fetch(request)
      const { method, headers, url } = request
      // A browser asks for an icon too.
      if (url.endsWith('/config'))
        seen.push({ method, type: headers.get('content-type') ?? '', status: answer.status })
      return answer
    })
    const address = await listen(listener, 'configListenPort', '127.0.0.1', 0)
    api = `http://${address}/patroneos/config`
    evilPages = createAppServer(empty)
    evil = `http://${EVIL}:${(await listen(evilPages, 'evil', '127.0.0.1', 0)).split(':')[1]}/`

    chromium = await startChromium([EVIL, REBOUND])
  }, 60_000)
  afterAll(async () => {
    await chromium?.close()
    for (const server of [listener, evilPages]) {
      server?.closeAllConnections()
      server?.close()
    }
  })
  beforeEach(async () => {
    seen = []
    page = await chromium.browser.newPage()
  })
  afterEach(() => page.close())

  /** What a page of that address gets of a request: its status and text, or that the browser said no. */
  const fetchFrom = async (address: string, url: string, init: Init) => {
    await page.goto(address)
    return page.evaluate(
      ([url, init]) =>
        fetch(url, init).then(
          async (answer) => `${answer.type} ${answer.status} ${await answer.text()}`,
          () => 'refused by the browser',
        ),
      [url, init] as const,
    )
  }
  /** The configuration is the one that it was. */
  const unchanged = () => expect(store.current().maxActions).toBe(0)

  test('is changed by a page of its own, so that the other tests could fail', async () => {
    const own = api.replace('127.0.0.1', 'localhost')
    const headers = { 'content-type': 'application/json' }
    expect(await fetchFrom(`${own}/page`, own, { method: 'POST', headers, body: PATCH })).toMatch(
      /^basic 200 /,
    )
    expect(store.current().maxActions).toBe(7)
    expect(
      await fetchFrom(`${own}/page`, own, { method: 'POST', headers, body: '{"maxActions":0}' }),
    ).toMatch(/^basic 200 /)
    unchanged()
  })

  test.each<[what: string, init: Init, answers: number[]]>([
    ['a simple request', { method: 'POST', mode: 'no-cors', body: PATCH }, [403]],
    ['a simple request with CORS', { method: 'POST', body: PATCH }, [403]],
    [
      'a request that says JSON where it must not',
      { method: 'POST', mode: 'no-cors', body: PATCH, headers: { 'content-type': 'application/json' } },
      [403],
    ],
    [
      'a request that says text and means JSON',
      {
        method: 'POST',
        mode: 'no-cors',
        body: PATCH,
        headers: { 'content-type': 'text/plain;application/json' },
      },
      [403],
    ],
    [
      'a request that asks first',
      { method: 'POST', body: PATCH, headers: { 'content-type': 'application/json' } },
      [405],
    ],
    [
      'a PUT, which asks first',
      { method: 'PUT', body: '{}', headers: { 'content-type': 'application/json' } },
      [405],
    ],
    ['reading', { method: 'GET' }, [200]],
    ['reading blindly', { method: 'GET', mode: 'no-cors' }, [200]],
  ])('gets nothing of %s from another origin', async (_what, init, answers) => {
    expect(await fetchFrom(evil, api, init)).toMatch(/^(?:refused by the browser|opaque 0 )$/)
    expect(seen.map(({ status }) => status)).toEqual(answers)
    unchanged()
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])(
    'is not changed by a form sent as %s',
    async (type) => {
      await page.goto(evil)
      const answered = page.waitForResponse(api)
      await page.evaluate(
        ([api, type]) => {
          const form = document.createElement('form')
          Object.assign(form, { method: 'POST', action: api, enctype: type })
          const input = document.createElement('input')
          // As text/plain it is sent as {"maxActions":7,"x":"="}.
          Object.assign(input, { name: '{"maxActions":7,"x":"', value: '"}' })
          form.append(input)
          document.body.append(form)
          form.submit()
        },
        [api, type] as const,
      )
      expect((await answered).status()).toBe(403)
      expect(seen).toMatchObject([{ method: 'POST', status: 403 }])
      expect(seen[0]?.type).toContain(type)
      unchanged()
    },
  )

  test('is not changed by a beacon', async () => {
    await page.goto(evil)
    await page.evaluate(
      ([api, patch]) => {
        navigator.sendBeacon(api, patch)
        navigator.sendBeacon(api, new Blob([patch], { type: 'application/json' }))
      },
      [api, PATCH] as const,
    )
    await expect.poll(() => seen.length).toBeGreaterThan(0)
    await page.waitForTimeout(200)
    expect(seen.filter(({ status }) => status < 400)).toEqual([])
    unchanged()
  })

  test('gives nothing to a page whose name was rebound to loopback', async () => {
    const rebound = api.replace('127.0.0.1', REBOUND)
    const headers = { 'content-type': 'application/json' }
    for (const init of [
      { method: 'GET' },
      { method: 'POST', headers, body: PATCH },
      { method: 'PUT', headers, body: '{}' },
    ])
      expect(await fetchFrom(`${rebound}/page`, rebound, init)).toMatch(/^basic 403 .*HOST_NOT_ALLOWED/)
    expect(seen.map(({ status }) => status)).toEqual([403, 403, 403])
    unchanged()
  })
})
