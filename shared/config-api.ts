// The config API: one Hono app that filter and relay both mount on their config listener. It reads and
// changes the configuration through a ConfigStore and knows nothing of files or runtimes.
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { parseAddress } from './address.ts'
import {
  type ConfigIssue,
  type ConfigSchema,
  configListenerIssue,
  formatConfigIssue,
  parseConfig,
  restartKeys,
} from './config/parse.ts'
import type { ConfigStore } from './config-store.ts'
import { errorBody } from './error-body.ts'
import type { Logger } from './logger.ts'

/** Bytes of the largest configuration taken: blacklists of 100,000 names fit. */
const MAX_CONFIG_BYTES = 8_388_608

export interface ConfigApiOptions<C> {
  schema: ConfigSchema<C>
  store: ConfigStore<C>
  /** When set, every request but the health check must carry it as `Authorization: Bearer`. */
  token?: string | undefined
  /** Told of wrong tokens. */
  logger?: Logger
  /** Prometheus text of the program's counters. */
  metrics?: () => string | Promise<string>
  /** Notes for the answer to a change that was stored but met trouble in being carried out. */
  warnings?: (config: C) => Promise<string[]>
}

type Change = (current: object) => unknown

/** The routes below /patroneos of a config listener. */
export function createConfigApi<C extends { configListenIP: string }>(options: ConfigApiOptions<C>): Hono {
  const { schema, store, token } = options
  const app = new Hono()
  let wrongTokens = 0
  // Changes wait for one another, so that If-Match is checked against what is then replaced.
  let lastChange: Promise<unknown> = Promise.resolve()

  app.get('/patroneos/health', (c) => c.json({ status: 'ok' }))

  app.use('/patroneos/*', async (c, next) => {
    if (token === undefined) {
      // Without a token the loopback address is the protection, and a name that was rebound to it would let a
      // web page in (DNS rebinding): only addresses and localhost are names of this listener.
      if (!isLocalName(c.req.header('host') ?? ''))
        return fail(c, 403, 'HOST_NOT_ALLOWED', 'use the address or localhost')
    } else if (!(await sameText(bearerOf(c), token))) {
      // One line for the first of many: guessing is no flood of log lines. It is not slowed down either, since
      // that would shut out the operator before it helped a token that can be guessed.
      if (wrongTokens++ % 1000 === 0)
        options.logger?.warn('config API: wrong or missing token', { peer: peerOf(c), count: wrongTokens })
      c.header('WWW-Authenticate', 'Bearer')
      return fail(c, 401, 'UNAUTHORIZED', 'the Authorization header must be "Bearer" and the token')
    }
    await next()
  })

  const answer = async (c: Context, config: C) => {
    c.header('ETag', await etagOf(config))
    return c.json(config)
  }

  const change = async (c: Context, apply: Change) => {
    if (!/^application\/(?:[a-z0-9.+-]+\+)?json *(?:;|$)/i.test(c.req.header('content-type') ?? ''))
      return fail(c, 415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type must be application/json')
    const ifMatch = c.req.header('if-match')
    const before = store.current()
    if (ifMatch !== undefined && !matches(ifMatch, await etagOf(before)))
      return fail(c, 412, 'PRECONDITION_FAILED', 'the configuration has changed since; read it again')
    let parsed: ReturnType<typeof parseConfig<C>>
    try {
      parsed = parseConfig(schema, apply(before))
    } catch {
      return invalid(c, [
        { path: '(whole)', found: 'no JSON', allowed: 'a JSON object of configuration keys' },
      ])
    }
    if ('issues' in parsed) return invalid(c, parsed.issues)
    const open = configListenerIssue(parsed.config, token)
    if (open) return invalid(c, [open])
    try {
      await store.replace(parsed.config)
    } catch (error) {
      return fail(c, 500, 'CONFIG_NOT_WRITTEN', `nothing was changed: ${(error as Error).message}`)
    }
    const restart = restartKeys.filter((name) => !sameValue(before, parsed.config, name))
    if (restart.length > 0) c.header('X-Patroneos-Restart-Required', restart.join(', '))
    if (store.transient) c.header('X-Patroneos-Not-Stored', store.transient)
    for (const warning of (await options.warnings?.(parsed.config)) ?? [])
      c.header('X-Patroneos-Warning', headerText(warning), { append: true })
    return answer(c, parsed.config)
  }

  const serialised = async (c: Context, toChange: (body: unknown) => Change) => {
    const body = await c.req.text()
    const turn = lastChange.then(() => change(c, (current) => toChange(JSON.parse(body))(current)))
    lastChange = turn.catch(() => {})
    return turn
  }

  const limit = bodyLimit({
    maxSize: MAX_CONFIG_BYTES,
    onError: (c) => fail(c, 413, 'CONFIG_TOO_LARGE', `at most ${MAX_CONFIG_BYTES} bytes are allowed`),
  })
  app.get('/patroneos/config', (c) => answer(c, store.current()))
  app.post('/patroneos/config', limit, (c) =>
    serialised(c, (patch) => (current) => mergePatch(current, patch)),
  )
  app.put('/patroneos/config', limit, (c) => serialised(c, (whole) => () => whole))
  app.all('/patroneos/config', (c) => {
    c.header('Allow', 'GET, HEAD, POST, PUT')
    return fail(c, 405, 'METHOD_NOT_ALLOWED', 'GET, POST (a JSON merge patch) and PUT are allowed')
  })
  const { metrics } = options
  if (metrics)
    app.get('/patroneos/metrics', async (c) =>
      c.text(await metrics(), 200, { 'Content-Type': 'text/plain; version=0.0.4' }),
    )

  app.notFound((c) => fail(c, 404, 'NOT_FOUND', 'there is /patroneos/config and /patroneos/health'))
  app.onError((error, c) => fail(c, 500, 'INTERNAL_ERROR', error.message))
  return app
}

/** JSON merge patch (RFC 7396, section 2). Both sides are left as they are. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const entries = new Map(Object.entries(isObject(target) ? target : {}))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) entries.delete(name)
    else entries.set(name, mergePatch(entries.get(name), value))
  }
  // fromEntries defines a key named __proto__ like any other, where an assignment would set the prototype.
  return Object.fromEntries(entries)
}

/** What an HTTP header can carry (RFC 9110, section 5.5): a line of visible ASCII. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sameValue<C extends object>(a: C, b: C, name: string): boolean {
  return JSON.stringify(a[name as keyof C]) === JSON.stringify(b[name as keyof C])
}

/** A strong entity tag (RFC 9110, section 8.8.3) of the configuration's content. */
async function etagOf(config: object): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(config)))
  const hex = Array.from(new Uint8Array(digest).subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0'))
  return `"${hex.join('')}"`
}

function matches(ifMatch: string, etag: string): boolean {
  // RFC 9110, sections 13.1.1 and 5.6.3: a list with spaces and tabs around its commas.
  return ifMatch.split(/[ \t]*,[ \t]*/).some((tag) => tag === '*' || tag === etag)
}

/** Compares digests, so that the time taken tells nothing of where two texts differ. */
async function sameText(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all(
    [a, b].map((text) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))),
  )
  const left = new Uint8Array(x!)
  const right = new Uint8Array(y!)
  return left.reduce((difference, byte, index) => difference | (byte ^ right[index]!), 0) === 0
}

/** The other end of the connection; unknown where the listener is not Node's. */
function peerOf(c: Context): string | undefined {
  return (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress
}

/** The token that was sent, or "". The scheme may be written in any case (RFC 9110, section 11.1). */
function bearerOf(c: Context): string {
  return /^Bearer +(.*)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
}

function isLocalName(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return name.toLowerCase() === 'localhost' || parseAddress(name) !== undefined
}

function fail(
  c: Context,
  status: 401 | 403 | 404 | 405 | 412 | 413 | 415 | 500,
  message: string,
  detail: string,
) {
  return c.json(errorBody(message, status, detail), status)
}

function invalid(c: Context, issues: ConfigIssue[]) {
  return c.json(
    { ...errorBody('INVALID_CONFIG', 400, issues.map(formatConfigIssue).join('; ')), issues },
    400,
  )
}
