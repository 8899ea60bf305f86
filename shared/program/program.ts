// What filter and relay share as programs on Node: they read the configuration and the secrets, and print one clear line
// when they cannot start.
import { type ConfigSchema, configListenerIssue, formatConfigIssue, parseConfig } from '../config/parse.ts'
import { fileConfigStore, readConfigFile } from '../config-file.ts'
import { type ConfigStore, memoryConfigStore } from '../config-store.ts'
import { createLogger, type Logger } from '../logger.ts'
import { importSecrets, type RelaySecret } from '../report-message.ts'
import { type ProgramDescription, readArguments } from './arguments.ts'
import { StartError } from './start-error.ts'

/** Characters under which a token is not worth its name; sixteen random ones hold 64 bits at the least. */
const GUESSABLE_TOKEN = 16

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
