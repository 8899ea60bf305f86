// What filter and relay share as programs on Node: the command line, the configuration's sources, listeners,
// signals, and one clear line when they cannot start.
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { getRequestListener } from '@hono/node-server'
import packageJson from '../package.json' with { type: 'json' }
import {
  type ConfigSchema,
  configListenerIssue,
  describeConfig,
  formatConfigIssue,
  parseConfig,
} from './config/parse.ts'
import { fileConfigStore, readConfigFile } from './config-file.ts'
import { type ConfigStore, memoryConfigStore } from './config-store.ts'
import { createLogger, type Logger } from './logger.ts'
import { importSecrets, type RelaySecret } from './report-message.ts'

export const { version } = packageJson

/** Characters under which a token is not worth its name; sixteen random ones hold 64 bits at the least. */
const GUESSABLE_TOKEN = 16

/** The program cannot start; its message is the one line that says why. */
export class StartError extends Error {}

export interface ProgramDescription<C> {
  /** As in "patroneos filter". */
  name: string
  /** The original's value of `-mode` for it. */
  mode: string
  /** How to start the other one. */
  otherMode: string
  schema: ConfigSchema<C>
}

export interface Program<C> {
  logger: Logger
  /** Changes are told to the listeners given to `onConfigChange`. */
  store: ConfigStore<C>
  onConfigChange(listener: (config: C) => void): void
  token: string | undefined
  secrets: RelaySecret[]
}

/** The logger of a process, on its standard output. */
export function createProgramLogger(): Logger {
  // Whoever reads the log may end first; that is no reason to stop serving.
  process.stdout.on('error', () => {})
  return createLogger({
    readable: process.stdout.isTTY === true,
    write: (line) => process.stdout.write(line),
  })
}

/** The secrets that reports are signed with, out of the environment. */
export async function readSecrets(): Promise<RelaySecret[]> {
  const { PATRONEOS_RELAY_SECRET: secret } = process.env
  return secret
    ? await importSecrets(secret).catch((error: Error) => fail(`PATRONEOS_RELAY_SECRET: ${error.message}`))
    : []
}

/** Runs a program: errors that keep it from starting end it with one line and exit code 1. */
export async function runProgram<C extends { configListenIP: string }>(
  description: ProgramDescription<C>,
  start: (program: Program<C>) => Promise<void>,
): Promise<void> {
  const logger = createProgramLogger()
  try {
    const file = readArguments(description)
    if (file !== undefined) await start(await prepare(description, file, logger))
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    // Not process.exit, which could cut the line off where stdout is a pipe.
    logger.error(error.message)
    process.exitCode = 1
  }
}

/** The configuration file's path; undefined where the command line asked for help or the version only. */
function readArguments<C>({ name, mode, otherMode, schema }: ProgramDescription<C>): string | undefined {
  // The original took one dash for long names too, as Go's flag package does.
  const args = process.argv.slice(2).map((arg) => arg.replace(/^-(?=[a-zA-Z]{2})/, '--'))
  let values: { configFile?: string; mode?: string; help?: boolean; version?: boolean }
  try {
    ;({ values } = parseArgs({
      args,
      options: {
        configFile: { type: 'string', default: './config.json' },
        mode: { type: 'string', default: mode },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    }))
  } catch (error) {
    throw new StartError(`${(error as Error).message.split('. ')[0]}; -h shows what is allowed`)
  }
  if (values.help) {
    process.stdout.write(helpText(name, mode, schema))
    return undefined
  }
  if (values.version) {
    process.stdout.write(`patroneos ${version}\n`)
    return undefined
  }
  if (values.mode !== mode)
    throw new StartError(`mode: found "${values.mode}"; this program is "${mode}"; ${otherMode}`)
  return values.configFile
}

function helpText<C>(name: string, mode: string, schema: ConfigSchema<C>): string {
  const keys = describeConfig(schema).map(
    ({ key, fallback, description }) => `  ${key.padEnd(24)} ${description} (${fallback})`,
  )
  return `patroneos ${version}, the ${name}

Options
  --configFile FILE        JSON file with the configuration (./config.json); without it the defaults
  --mode MODE              "${mode}", as the original had it
  -h, --help               show this
  -v, --version            show the version

Environment
  PATRONEOS_CONFIG         the configuration as JSON text; wins over the file
  PATRONEOS_CONFIG_TOKEN   bearer token of the config listener
  PATRONEOS_RELAY_SECRET   whsec_ and base64, signs reports; several separated by commas while rotating

Configuration (default)
${keys.join('\n')}
`
}

async function prepare<C extends { configListenIP: string }>(
  { schema }: ProgramDescription<C>,
  file: string,
  logger: Logger,
): Promise<Program<C>> {
  const { PATRONEOS_CONFIG: inline } = process.env
  const token = process.env.PATRONEOS_CONFIG_TOKEN || undefined
  const source = inline ? 'PATRONEOS_CONFIG' : file
  const text =
    inline ||
    (await readConfigFile(file).catch((error: Error) => fail(`cannot read ${file}: ${error.message}`)))
  if (text === undefined) logger.info(`no configuration at ${file}; using the defaults`)
  const config = parseText(schema, source, text)
  const open = configListenerIssue(config, token)
  if (open) throw new StartError(formatConfigIssue(open))
  if (token !== undefined && token.length < GUESSABLE_TOKEN)
    logger.warn(
      `PATRONEOS_CONFIG_TOKEN has ${token.length} characters and may be guessed; "openssl rand -hex 16" makes a better one`,
    )
  const listeners: ((config: C) => void)[] = []
  const onChange = (next: C) => {
    logger.info('configuration changed')
    for (const listener of listeners) listener(next)
  }
  return {
    logger,
    store: inline
      ? memoryConfigStore(config, onChange, 'PATRONEOS_CONFIG is set; a restart brings it back')
      : fileConfigStore(file, config, onChange),
    onConfigChange: (listener) => listeners.push(listener),
    token,
    secrets: await readSecrets(),
  }
}

function parseText<C>(schema: ConfigSchema<C>, source: string, text: string | undefined): C {
  let input: unknown
  try {
    input = text === undefined ? {} : JSON.parse(text)
  } catch (error) {
    throw new StartError(`configuration in ${source} is not JSON: ${(error as Error).message}`)
  }
  const parsed = parseConfig(schema, input)
  if ('config' in parsed) return parsed.config
  throw new StartError(`configuration in ${source}: ${parsed.issues.map(formatConfigIssue).join('; ')}`)
}

function fail(message: string): never {
  throw new StartError(message)
}

/** An HTTP server for a small app beside the traffic: config API and relay. */
export function createAppServer(
  fetch: (request: Request, env: object) => Response | Promise<Response>,
  options: ServerOptions = {},
): Server {
  // Without overrideGlobalObjects every listener of the process would set the global Response anew.
  const listener: RequestListener = getRequestListener(fetch, { overrideGlobalObjects: false })
  return createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, connectionsCheckingInterval: 1_000, ...options },
    listener,
  )
}

/**
 * Connections that may wait to be accepted; the kernel takes at most net.core.somaxconn. Over it the kernel drops a
 * newcomer's first packet, which its client sends again a second later. Node's own 511 are soon taken in a flood.
 */
const BACKLOG = 65_535

/** What listens: node:net's Server, and whatever has the same methods. */
export interface Listenable {
  once(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  off(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  listen(options: { port: number; host: string | undefined; backlog: number }, listening: () => void): unknown
  address(): unknown
}

/** Listens and resolves to the address as text; throws a StartError that says which listener and why. */
export async function listen(
  server: Listenable,
  name: string,
  ip: string,
  port: string | number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message
      reject(new StartError(`cannot listen on ${formatEndpoint(ip, Number(port))} (${name}): ${why}`))
    }
    server.once('error', refuse)
    const host = ip === '' ? undefined : ip
    server.listen({ port: Number(port), host, backlog: BACKLOG }, () => {
      server.off('error', refuse)
      resolve(formatEndpoint(ip, (server.address() as AddressInfo).port))
    })
  })
}

function formatEndpoint(ip: string, port: number): string {
  return `${ip === '' ? '*' : ip.includes(':') ? `[${ip}]` : ip}:${port}`
}

/** Stops taking connections, closes the idle ones, and resolves when the busy ones are done or time is up. */
export async function closeServer(server: Server, milliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  server.closeIdleConnections()
  // A connection that is busy now is kept alive after its response, as if there were more to come.
  const sweep = setInterval(() => server.closeIdleConnections(), 100)
  const timer = setTimeout(() => server.closeAllConnections(), milliseconds)
  await closed
  clearInterval(sweep)
  clearTimeout(timer)
}

/** Runs `stop` on the first SIGTERM or SIGINT and exits with 0; a second signal exits at once. */
export function onStopSignal(logger: Logger, stop: () => Promise<void>): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (stopping) process.exit(1)
      stopping = true
      logger.info(`${signal}: finishing what is under way`)
      stop().then(
        () => {
          logger.info('stopped')
          process.exit(0)
        },
        (error: Error) => {
          logger.error('could not stop cleanly', { error: error.message })
          process.exit(1)
        },
      )
    })
}
