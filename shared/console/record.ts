// What a program's console remembers: numbers every two seconds, whether somebody watches or not, and what changed. In
// memory only.
import { Changes, keysOf } from './changes.ts'
import { History, SAMPLE_INTERVAL } from './history.ts'

export interface RecordParts<C> {
  program: 'filter' | 'relay'
  /** The configuration in force. */
  config(): C
  /** Adds a sample, and marks for what changed since the one before. */
  look(history: History): Promise<void>
}

export interface ConsoleRecord<C> {
  history: History
  changes: Changes<C & object>
  /** Another configuration is in force. */
  configured(config: C): void
  start(): void
  stop(): void
}

export function createRecord<C extends { console: boolean }>({
  program,
  config,
  look,
}: RecordParts<C>): ConsoleRecord<C> {
  const history = new History()
  const changes = new Changes<C & object>(config())
  let timer: ReturnType<typeof setInterval> | undefined
  const tick = () => {
    // A screen can do without a sample; the program serves on.
    if (config().console) look(history).catch(() => {})
  }
  return {
    history,
    changes,
    configured: (next) => {
      const change = changes.note(next)
      if (change) history.mark('config', `Configuration: ${keysOf(change)}`)
    },
    start: () => {
      history.mark('start', `The ${program} started`)
      timer = setInterval(tick, SAMPLE_INTERVAL)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
