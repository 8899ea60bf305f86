// Orderly shutdown on a signal.
import type { Logger } from '../logger.ts'

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
