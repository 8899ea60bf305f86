// The filter started on each runtime, as an operator would start it: Node, Bun and Deno as processes, Cloudflare as
// the bundle that wrangler makes, in workerd.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'

const ROOT = path.join(import.meta.dirname, '../../..')
export const binary = (name: string) => path.join(ROOT, 'node_modules/.bin', name)

/** Milliseconds. */
const START_TIME = 60_000

export interface RunningRuntime {
  port: number
  /** The header in which the runtime is told who the client is. */
  clientHeader: string
  /** Sends a request to the config API; the path stands behind /patroneos/. */
  operate(method: string, path: string, body?: object): Promise<Response>
  log(): string
  stop(): Promise<void>
}

export interface RuntimeSettings {
  config: object
  relaySecret: string
  /** PEM file of a certificate that the upstream is trusted for. */
  certificate?: string
  /** More of the environment. */
  env?: NodeJS.ProcessEnv
}

export type StartRuntime = (settings: RuntimeSettings) => Promise<RunningRuntime>

/** A filter that is a process of its own. */
export interface RunningProgram extends RunningRuntime {
  child: ChildProcess
  /** The exit code; null where a signal ended it. */
  exit: Promise<number | null>
}

export type StartProgram = (settings: RuntimeSettings) => Promise<RunningProgram>

export const TOKEN = 'the-token-of-these-tests'

const operateOn = (origin: string) => (method: string, path: string, body?: object) =>
  fetch(`${origin}/patroneos/${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })

/** Starts a program on free loopback ports. */
function program(command: string, args: string[]): StartProgram {
  return async ({ config, relaySecret, certificate, env }) => {
    const child = spawn(command, [...args, '--configFile', '/nonexistent'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATRONEOS_CONFIG: JSON.stringify({
          listenIP: '127.0.0.1',
          listenPort: 0,
          configListenPort: 0,
          ...config,
        }),
        PATRONEOS_CONFIG_TOKEN: TOKEN,
        PATRONEOS_RELAY_SECRET: relaySecret,
        ...(certificate && { NODE_EXTRA_CA_CERTS: certificate, DENO_CERT: certificate }),
        ...env,
      },
    })
    const exit = once(child, 'exit').then(([code]) => code as number | null)
    let log = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (log += data))
    const [, port, configAddress] = await waitForLine(
      child,
      () => /listening on \S*:(\d+), config on (\S+),/.exec(log),
      () => log,
    )
    return {
      port: Number(port),
      clientHeader: 'x-forwarded-for',
      operate: operateOn(`http://${configAddress}`),
      log: () => log,
      stop: () => stopChild(child),
      child,
      exit,
    }
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function waitForLine<T>(child: ChildProcess, find: () => T | null, log: () => string): Promise<T> {
  for (const start = Date.now(); Date.now() - start < START_TIME && child.exitCode === null; ) {
    const found = find()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  child.kill('SIGKILL')
  throw new Error(`the filter did not start: ${log()}`)
}

/** What wrangler would upload. */
export interface Bundle {
  script: string
  /** As wrangler says, as in "55.33 KiB". */
  gzipped: string
}

/** Has wrangler bundle the Worker without deploying it; `main` is another module than wrangler.toml's. */
export async function bundleWorker(environment: string, main?: string): Promise<Bundle> {
  const directory = await mkdtemp(path.join(tmpdir(), 'patroneos-bundle-'))
  try {
    const { stdout } = await promisify(execFile)(
      binary('wrangler'),
      ['deploy', ...(main ? [main] : []), '--dry-run', '--outdir', directory, '--env', environment],
      {
        cwd: ROOT,
        env: {
          ...process.env,
          CI: '1',
          WRANGLER_SEND_METRICS: 'false',
          WRANGLER_LOG_PATH: path.join(directory, 'log'),
        },
      },
    )
    const script = await readFile(
      path.join(directory, `${path.basename(main ?? 'cloudflare', '.ts')}.js`),
      'utf8',
    )
    return { script, gzipped: /gzip: ([\d.]+ KiB)/.exec(stdout)?.[1] ?? 'unknown' }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export interface WorkerdOptions {
  /** How many isolates share the store. */
  isolates: number
  /** A module that stands before the Worker and imports it as './worker.js'. */
  entry?: string
  /** Requests of one client in a minute. */
  limit?: number
}

export interface RunningWorkerd extends RunningRuntime {
  /** Sends a request to one isolate, from 0. */
  ask(isolate: number, target: string, init: RequestInit): Promise<Response>
}

/** Starts the bundle in workerd: isolates of their own, with one KV and one set of Durable Objects between them. */
export async function startWorkerd(
  { script }: Bundle,
  { config, relaySecret }: RuntimeSettings,
  { isolates, entry, limit }: WorkerdOptions,
): Promise<RunningWorkerd> {
  let log = ''
  const worker = { type: 'ESModule' as const, path: 'worker.js', contents: script }
  const names = Array.from({ length: isolates }, (_, index) => `isolate-${index}`)
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      // Else it would ask the network for a description of the client.
      cf: false,
      handleStructuredLogs: ({ message }) => {
        log += `${message}\n`
      },
      workers: names.map((name) => ({
        name,
        modules: entry ? [{ ...worker, path: 'entry.js', contents: entry }, worker] : [worker],
        compatibilityDate: COMPATIBILITY.date,
        compatibilityFlags: COMPATIBILITY.flags,
        bindings: {
          PATRONEOS_CONFIG: JSON.stringify(config),
          PATRONEOS_CONFIG_TOKEN: TOKEN,
          PATRONEOS_RELAY_SECRET: relaySecret,
        },
        kvNamespaces: { KV: 'kv' },
        durableObjects: Object.fromEntries(
          Object.entries(OBJECTS).map(([binding, className]) => [
            binding,
            { className, useSQLite: true, ...(name !== names[0] && { scriptName: names[0]! }) },
          ]),
        ),
        ...(limit && {
          ratelimits: { RATE_LIMIT: { namespace_id: '1', simple: { limit, period: 60 as const } } },
        }),
      })),
    }),
  )
  const { origin, port } = await miniflare.ready
  return {
    port: Number(port),
    clientHeader: 'cf-connecting-ip',
    operate: operateOn(origin),
    log: () => log,
    ask: async (isolate, target, init) => {
      const worker = (await miniflare.getWorker(names[isolate])) as unknown as { fetch: typeof fetch }
      return worker.fetch(`http://filter.example${target}`, init)
    },
    stop: () => miniflare.dispose(),
  }
}

/** Durable Objects by binding, as in wrangler.toml. */
const OBJECTS = { BAN_COUNTERS: 'BanCounter', BAN_LIST: 'BanList', LIMIT_COUNTERS: 'LimitCounter' }

/** As in wrangler.toml, which a test holds this to. */
export const COMPATIBILITY = { date: '2026-11-17', flags: ['nodejs_compat'] }

const start = (name: string) => path.join(ROOT, `worker/runtimes/${name}.ts`)
const permissions = ['--allow-net', '--allow-env', '--allow-read', '--allow-write']

export const startNode = program(process.execPath, [start('node')])
export const startBun = program(binary('bun'), [start('bun')])
export interface DenoInstance {
  port: number
  stop(): Promise<void>
}

/** An instance as on Deno Deploy; instances with the same file share their Deno KV. */
export async function startDenoDeploy(config: object, kvFile: string): Promise<DenoInstance> {
  const flags = ['--no-prompt', '--unstable-kv', ...permissions]
  const child = spawn(binary('deno'), ['run', ...flags, start('deno-deploy')], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      DENO_SERVE_ADDRESS: 'tcp:127.0.0.1:0',
      PATRONEOS_CONFIG: JSON.stringify(config),
      PATRONEOS_KV: kvFile,
    },
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (log += data))
  const [, port] = await waitForLine(
    child,
    () => /Listening on \S*:(\d+)/.exec(log),
    () => log,
  )
  return { port: Number(port), stop: () => stopChild(child) }
}

export const startDeno = program(binary('deno'), ['run', '--no-prompt', ...permissions, start('deno')])
