// The way into the console, as browsers and attackers try it.
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../config/parse.ts'
import { type RelayConfig, relayConfigSchema } from '../config/relay.ts'
import { createConfigApi } from '../config-api.ts'
import { memoryConfigStore } from '../config-store.ts'
import { Changes } from './changes.ts'
import { createConsole } from './console.ts'
import { html } from './html.ts'
import { Sessions } from './sessions.ts'

const TOKEN = 'a-token-of-these-tests'
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} } as never

interface Ask extends Omit<RequestInit, 'headers'> {
  headers?: Record<string, string>
  peer?: string
}

function startConsole(
  { token, isOn = true }: { token?: string | undefined; isOn?: boolean } = { token: TOKEN },
) {
  const { config } = parseConfig(relayConfigSchema, { console: isOn }) as { config: RelayConfig }
  const store = memoryConfigStore(config, () => {}, '')
  const { routes, signIn } = createConsole({
    program: 'relay',
    version: '1.2.3',
    logger: silent,
    configuration: {
      schema: relayConfigSchema,
      store,
      token,
      changes: new Changes(config),
      warnings: () => [],
    },
    screens: [
      {
        path: '/patroneos',
        title: 'Now',
        isLive: true,
        render: async (query) => html`<h1>Hello ${query.get('name')}</h1>`,
      },
    ],
  })
  const api = createConfigApi({ schema: relayConfigSchema, store, token, signIn, routes })
  return (path: string, { headers = {}, peer = '192.0.2.1', ...init }: Ask = {}) => {
    const env = { incoming: { socket: { remoteAddress: peer } } } as unknown as HttpBindings
    const request = new Request(`http://127.0.0.1:9000${path}`, {
      redirect: 'manual',
      ...init,
      headers: { host: '127.0.0.1:9000', ...headers },
    })
    return api.fetch(request, env)
  }
}

type Call = ReturnType<typeof startConsole>

const signIn = (call: Call, token: string, more: Ask = {}) =>
  call('/patroneos/console/sign-in', {
    method: 'POST',
    body: new URLSearchParams({ token }),
    ...more,
    headers: more.headers ?? { 'sec-fetch-site': 'same-origin' },
  })

const cookieOf = (answer: Response) => answer.headers.get('set-cookie')!.split(';')[0]!

describe('with a token, a browser', () => {
  test('is led to where it signs in, and what is no browser is told 401', async () => {
    const call = startConsole()
    const page = await call('/patroneos', { headers: { accept: 'text/html,*/*' } })
    expect([page.status, page.headers.get('location')]).toEqual([303, '/patroneos/console/sign-in'])
    expect((await call('/patroneos')).status).toBe(401)
    expect((await call('/patroneos/console/live?screen=/patroneos')).status).toBe(401)
    expect((await call('/patroneos/console/sign-in')).status).toBe(200)
    expect((await call('/patroneos/console/console.css')).status).toBe(200)
  })

  test('signs in with the token, is known by a cookie that scripts and other sites do not have, and signs out', async () => {
    const call = startConsole()
    const answer = await signIn(call, TOKEN)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/patroneos'])
    const attributes = answer.headers.get('set-cookie')!.split('; ').slice(1)
    expect(attributes.sort()).toEqual(['HttpOnly', 'Path=/patroneos', 'SameSite=Strict'])
    const cookie = cookieOf(answer)
    expect(cookie).not.toContain(TOKEN)
    expect((await call('/patroneos', { headers: { cookie } })).status).toBe(200)
    expect((await call('/patroneos/config', { headers: { cookie } })).status).toBe(200)
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    expect((await call('/patroneos/console/sign-out', { method: 'POST', headers })).status).toBe(303)
    expect((await call('/patroneos', { headers: { cookie } })).status).toBe(401)
  })

  test('has a cookie for TLS only where it came by TLS', async () => {
    const answer = await signIn(startConsole(), TOKEN, { headers: { 'x-forwarded-proto': 'https' } })
    expect(answer.headers.get('set-cookie')).toContain('; Secure')
  })

  test('is slowed down after five wrong tokens, and others are not', async () => {
    const call = startConsole()
    for (let tries = 5; tries > 0; tries--) expect((await signIn(call, 'a guess')).status).toBe(401)
    const answer = await signIn(call, TOKEN)
    expect(answer.status).toBe(429)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(50)
    expect(await answer.text()).toContain('Too many wrong tokens')
    expect((await signIn(call, TOKEN, { peer: '192.0.2.2' })).status).toBe(303)
    // The token itself is taken as ever: guessing must not shut the operator out.
    expect((await call('/patroneos/config', { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(
      200,
    )
  })
})

describe('a page of another origin', () => {
  const change = { method: 'POST', body: '{"maxSignatures":1}' }
  const json = { 'content-type': 'application/json' }

  test.each<[string, Record<string, string>]>([
    ['says so in Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site' }],
    ['is of the same site only', { 'sec-fetch-site': 'same-site' }],
    ['is known by its Origin', { origin: 'http://evil.example' }],
    ['has none', { origin: 'null' }],
  ])('changes nothing, with a session or without a token: it %s', async (_how, headers) => {
    const call = startConsole()
    const cookie = cookieOf(await signIn(call, TOKEN))
    const withSession = await call('/patroneos/config', {
      ...change,
      headers: { ...json, ...headers, cookie },
    })
    expect(withSession.status).toBe(403)
    const withoutToken = await startWithoutToken()('/patroneos/config', {
      ...change,
      headers: { ...json, ...headers },
    })
    expect([withoutToken.status, (await withoutToken.json()).message]).toEqual([403, 'CROSS_SITE'])
    expect((await signIn(call, TOKEN, { headers })).status).toBe(401)
  })

  test('the console itself and what is no browser may', async () => {
    const call = startWithoutToken()
    const own = [{ 'sec-fetch-site': 'same-origin' }, { origin: 'http://127.0.0.1:9000' }, {}]
    for (const headers of own)
      expect((await call('/patroneos/config', { ...change, headers: { ...json, ...headers } })).status).toBe(
        200,
      )
  })
})

function startWithoutToken(): Call {
  return startConsole({})
}

describe('a page of the console', () => {
  test('takes scripts and styles of its own origin only, cannot be framed, and is not kept', async () => {
    const { headers } = await startWithoutToken()('/patroneos')
    const policy = headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("style-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('escapes what it shows', async () => {
    const answer = await startWithoutToken()('/patroneos?name=%3Cscript%3Ealert(1)%3C%2Fscript%3E')
    const text = await answer.text()
    expect(text).toContain('Hello &lt;script&gt;alert(1)&lt;/script&gt;')
  })

  test('is sent live, once for each change', async () => {
    const answer = await startWithoutToken()('/patroneos/console/live?screen=/patroneos&name=you')
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    const reader = answer.body!.getReader()
    const { value } = await reader.read()
    expect(new TextDecoder().decode(value)).toBe('event: screen\ndata: <h1>Hello you</h1>\n\n')
    await reader.cancel()
  })

  test('is not there where the configuration has no console', async () => {
    const call = startConsole({ isOn: false })
    expect((await call('/patroneos')).status).toBe(404)
    expect((await call('/patroneos/config')).status).toBe(200)
  })
})

describe('sessions', () => {
  test('end when they were not heard of for eight hours', async () => {
    let now = 0
    const sessions = new Sessions('relay', () => now)
    const app = new Hono()
    app.get('/begin', (c) => {
      sessions.begin(c)
      return c.text('')
    })
    app.get('/holds', (c) => c.text(String(sessions.holds(c))))
    const cookie = cookieOf(await app.request('/begin'))
    const holds = async () => (await app.request('/holds', { headers: { cookie } })).text()
    now += 7 * 3_600_000
    expect(await holds()).toBe('true')
    now += 7 * 3_600_000
    expect(await holds()).toBe('true')
    now += 9 * 3_600_000
    expect(await holds()).toBe('false')
  })
})
