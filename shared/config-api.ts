// The config API: one Hono app that filter and relay both mount on their config listener. It reads and
// changes the configuration through a ConfigStore and knows nothing of files or runtimes.
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import {
  type ConfigIssue,
  type ConfigSchema,
  configListenerIssue,
  formatConfigIssue,
  parseConfig,
  restartKeys,
} from './config/parse.ts'
import { type GuardOptions, guard } from './config-guard.ts'
import type { ConfigStore } from './config-store.ts'
import { errorBody } from './error-body.ts'
import { isObject } from './json.ts'
import { CONFIG, type DocumentedRoute, openApiOf, type RouteDoc, type Schema } from './openapi.ts'

/** Bytes of the largest configuration taken: blacklists of 100,000 names fit. */
const MAX_CONFIG_BYTES = 8_388_608

/** A route of a config listener, behind its token. Filter, relay and console each add theirs. */
export interface ConfigRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As Hono has it, below /patroneos/. */
  path: string
  /** For whoever reads of it at /patroneos/openapi.json. */
  doc?: RouteDoc
  /** Whoever reaches the listener may ask it. */
  isOpen?: boolean
  handle(c: Context): Response | Promise<Response>
}

export interface ConfigApiOptions<C> extends GuardOptions {
  schema: ConfigSchema<C>
  store: ConfigStore<C>
  /** Routes beside that of the configuration itself. */
  routes?: readonly ConfigRoute[]
  /** Notes for the answer to a change that was stored but met trouble in being carried out. */
  warnings?: (config: C) => Promise<string[]>
}

/** The route of metrics, as Prometheus text. */
export function metricsRoute(metrics: () => string | Promise<string>): ConfigRoute {
  return {
    method: 'GET',
    path: '/patroneos/metrics',
    doc: {
      summary: 'The metrics, for Prometheus',
      answers: { 200: { description: 'Metrics', type: 'text/plain; version=0.0.4' } },
    },
    handle: async (c) => c.text(await metrics(), 200, { 'Content-Type': 'text/plain; version=0.0.4' }),
  }
}

/** The routes below /patroneos of a config listener. */
export function createConfigApi<C extends { configListenIP: string }>(options: ConfigApiOptions<C>): Hono {
  const { store, routes = [] } = options
  const changes = new Changes(options)
  const app = new Hono()
  app.get('/patroneos/health', (c) => c.json({ status: 'ok' }))
  const mount = ({ method, path, handle }: ConfigRoute) => app.on(method, path, handle)
  for (const route of routes) if (route.isOpen) mount(route)
  app.use('/patroneos/*', guard(options))

  const limit = bodyLimit({
    maxSize: MAX_CONFIG_BYTES,
    onError: (c) => fail(c, 413, 'CONFIG_TOO_LARGE', `at most ${MAX_CONFIG_BYTES} bytes are allowed`),
  })
  app.get('/patroneos/config', (c) => answer(c, store.current()))
  app.post('/patroneos/config', limit, (c) => changes.apply(c, mergePatch))
  app.put('/patroneos/config', limit, (c) => changes.apply(c, (_current, whole) => whole))
  app.all('/patroneos/config', (c) => {
    c.header('Allow', 'GET, HEAD, POST, PUT')
    return fail(c, 405, 'METHOD_NOT_ALLOWED', 'GET, POST (a JSON merge patch) and PUT are allowed')
  })
  app.get('/patroneos/openapi.json', async (c) => c.json(await documentOf(options)))
  for (const route of routes) if (!route.isOpen) mount(route)

  // What only pages ask for is no part of the API.
  const named = routes.map(({ path }) => path).filter((path) => !path.startsWith('/patroneos/console/'))
  const paths = [...new Set([...ownRoutes.map(({ path }) => path), ...named])]
  app.notFound((c) => fail(c, 404, 'NOT_FOUND', `there is ${paths.join(', ')}`))
  app.onError((error, c) => fail(c, 500, 'INTERNAL_ERROR', error.message))
  return app
}

const etag = 'its ETag header is for If-Match'
const stored: RouteDoc['answers'] = {
  200: {
    description: `The configuration now in force; ${etag}; X-Patroneos-Restart-Required names keys that need a restart, X-Patroneos-Warning what may surprise, X-Patroneos-Not-Stored why a restart undoes it`,
    schema: CONFIG,
  },
}
const jsonTypes = ['application/json', 'application/merge-patch+json']

/** What every config listener has. */
const ownRoutes: readonly DocumentedRoute[] = [
  {
    method: 'GET',
    path: '/patroneos/config',
    doc: {
      summary: 'The configuration in force',
      answers: { 200: { description: `The whole of it, with its defaults; ${etag}`, schema: CONFIG } },
    },
  },
  {
    method: 'POST',
    path: '/patroneos/config',
    doc: {
      summary: 'Change keys of the configuration',
      description: 'In force at once, and stored. Nothing changes where anything is wrong.',
      body: {
        description: 'A JSON merge patch (RFC 7396); null removes a key',
        schema: { type: 'object' },
        types: jsonTypes,
      },
      answers: stored,
    },
  },
  {
    method: 'PUT',
    path: '/patroneos/config',
    doc: {
      summary: 'Replace the whole configuration',
      body: { description: 'A whole configuration; what it leaves out has its default', schema: CONFIG },
      answers: stored,
    },
  },
  {
    method: 'GET',
    path: '/patroneos/health',
    doc: {
      summary: 'Whether this listener answers',
      isOpen: true,
      answers: {
        200: {
          description: 'It does',
          schema: { type: 'object', properties: { status: { const: 'ok' } }, required: ['status'] },
        },
      },
    },
  },
  {
    method: 'GET',
    path: '/patroneos/openapi.json',
    doc: {
      summary: 'This document',
      answers: { 200: { description: 'OpenAPI 3.1', schema: { type: 'object' } } },
    },
  },
]

/** The document of a config listener, without what only its pages ask for. What makes JSON Schema is loaded only where it is asked for. */
export async function documentOf<C extends { configListenIP: string }>({
  schema,
  routes = [],
}: Pick<ConfigApiOptions<C>, 'schema' | 'routes'>): Promise<Schema> {
  const { configJsonSchema } = await import('./config/json-schema.ts')
  const documented = routes.filter(({ doc }) => doc !== undefined)
  return openApiOf([...ownRoutes, ...documented], configJsonSchema(schema, 'Configuration'))
}

async function answer(c: Context, config: object): Promise<Response> {
  c.header('ETag', await etagOf(config))
  return c.json(config)
}

/** Changes of the configuration; each waits for the one before, so that If-Match is checked against what is replaced. */
class Changes<C extends { configListenIP: string }> {
  readonly #options: ConfigApiOptions<C>
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ConfigApiOptions<C>) {
    this.#options = options
  }

  /** `change` makes the new configuration of the one in force and of the request's JSON. */
  async apply(c: Context, change: (current: unknown, body: unknown) => unknown): Promise<Response> {
    const body = await c.req.text()
    const turn = this.#last.then(() => this.#change(c, (current) => change(current, JSON.parse(body))))
    this.#last = turn.catch(() => {})
    return turn
  }

  async #change(c: Context, apply: (current: C) => unknown): Promise<Response> {
    const { schema, store, token } = this.#options
    if (!isJson(c)) return fail(c, 415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type must be application/json')
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
    await this.#note(c, before, parsed.config)
    return answer(c, parsed.config)
  }

  /** Says in headers what of a change is not in force, or not as it may seem. */
  async #note(c: Context, before: C, config: C): Promise<void> {
    const { store, warnings } = this.#options
    const restart = restartKeys.filter((name) => !sameValue(before, config, name))
    if (restart.length > 0) c.header('X-Patroneos-Restart-Required', restart.join(', '))
    if (store.transient) c.header('X-Patroneos-Not-Stored', store.transient)
    for (const warning of (await warnings?.(config)) ?? [])
      c.header('X-Patroneos-Warning', headerText(warning), { append: true })
  }
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

function sameValue<C extends object>(a: C, b: C, name: string): boolean {
  return JSON.stringify(a[name as keyof C]) === JSON.stringify(b[name as keyof C])
}

/** A strong entity tag (RFC 9110, section 8.8.3) of the configuration's content. */
export async function etagOf(config: object): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(config)))
  const hex = Array.from(new Uint8Array(digest).subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0'))
  return `"${hex.join('')}"`
}

function matches(ifMatch: string, etag: string): boolean {
  // RFC 9110, sections 13.1.1 and 5.6.3: a list with spaces and tabs around its commas.
  return ifMatch.split(/[ \t]*,[ \t]*/).some((tag) => tag === '*' || tag === etag)
}

/** Whether a request says that its body is JSON, as no web page of another origin may without being asked. */
export function isJson(c: Context): boolean {
  return /^application\/(?:[a-z0-9.+-]+\+)?json *(?:;|$)/i.test(c.req.header('content-type') ?? '')
}

function fail(c: Context, status: 404 | 405 | 412 | 413 | 415 | 500, message: string, detail: string) {
  return c.json(errorBody(message, status, detail), status)
}

function invalid(c: Context, issues: ConfigIssue[]) {
  return c.json(
    { ...errorBody('INVALID_CONFIG', 400, issues.map(formatConfigIssue).join('; ')), issues },
    400,
  )
}
