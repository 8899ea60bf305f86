// The relay as a program on Node.
import { stat } from 'node:fs/promises'
import { version } from '../shared/build-info.ts'
import { type RelayConfig, relayConfigSchema } from '../shared/config/relay.ts'
import { createConfigApi, metricsRoute } from '../shared/config-api.ts'
import { type LogFile, openLogFile } from '../shared/log-file.ts'
import { closeServer, createAppServer, listen } from '../shared/program/listening.ts'
import { type Program, runProgram } from '../shared/program/program.ts'
import { StartError } from '../shared/program/start-error.ts'
import { onStopSignal } from '../shared/program/stop-signal.ts'
import { createRelay } from './app.ts'
import { createRelayConsole } from './console.ts'
import { createFilterPool } from './haproxy.ts'
import { openJournal } from './journal.ts'
import type { Message } from './message-memory.ts'
import { relayMetrics } from './metrics.ts'

/** Milliseconds that messages under way have at the end. */
const DRAIN_TIME = 10_000

async function start(program: Program<RelayConfig>): Promise<void> {
  const { logger, store, token, secrets } = program
  const { listenIP, listenPort, configListenIP, configListenPort, logFileLocation } = store.current()
  const { log, written } = await openLog(logFileLocation).catch((error: Error) => {
    throw new StartError(`cannot open the log file ${logFileLocation}: ${error.message}`)
  })
  const relay = createRelay({
    config: store.current,
    secrets,
    log,
    written,
    logger,
    now: Date.now,
  })
  const { app, metrics } = relay
  const pool = createFilterPool({ logger })
  const console = createRelayConsole(program, relay, pool)
  const relayServer = createAppServer(app.fetch as Parameters<typeof createAppServer>[0])
  const configServer = createAppServer(
    createConfigApi({
      schema: relayConfigSchema,
      store,
      token,
      signIn: console.signIn,
      logger,
      routes: [metricsRoute(relayMetrics(program, metrics)), ...console.routes],
      warnings: pool.apply,
    }).fetch,
  )

  const configAddress = await listen(configServer, 'configListenPort', configListenIP, configListenPort)
  const address = await listen(relayServer, 'listenPort', listenIP, listenPort).catch((error) => {
    configServer.close()
    throw error
  })
  logger.info(
    `patroneos ${version} relay: listening on ${address}, config on ${configAddress}, writing to ${logFileLocation}`,
  )
  if (secrets.length === 0)
    logger.warn(
      store.current().allowUnsigned
        ? 'allowUnsigned is on: anybody who reaches this port can have any address banned'
        : 'no PATRONEOS_RELAY_SECRET: reports are taken from loopback only',
    )

  process.on('SIGHUP', () => {
    log.reopen()
    logger.info('SIGHUP: opening the log file again')
  })
  onStopSignal(logger, async () => {
    await Promise.all([
      closeServer(relayServer, DRAIN_TIME),
      closeServer(configServer, 1_000),
      // HAProxy keeps its servers, and clients are served on.
      pool.close(),
    ])
    await log.close()
  })
  await pool.apply(store.current())
}

/** With what is in it already. A pipe or a terminal has none. */
async function openLog(path: string): Promise<{ log: LogFile<Message>; written: readonly Message[] }> {
  const found = await stat(path).catch(() => undefined)
  if (found && !found.isFile()) return { log: await openLogFile(path), written: [] }
  const journal = await openJournal(path)
  return { log: await openLogFile(path, journal), written: journal.messages }
}

await runProgram(
  {
    name: 'relay',
    mode: 'fail2ban-relay',
    otherMode: 'start the filter with "npm start"',
    schema: relayConfigSchema,
  },
  start,
)
