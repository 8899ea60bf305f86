// Where the access log goes on runtimes with files: a file, which is opened again after a rotation, or standard output.
import type { AccessLogConfig } from '../../shared/config/access-log.ts'
import { type LogFile, openLogFile } from '../../shared/log-file.ts'
import type { Logger } from '../../shared/logger.ts'
import { StartError } from '../../shared/program/start-error.ts'

export interface AccessLogOutput {
  /** Takes whole lines. Returns at once. */
  write(line: string): void
  /** Lines that were lost. */
  lost(): number
  /** Follows a changed configuration. Trouble with a file is logged, and lines go where they went. */
  configure(config: AccessLogConfig): void
  /** Opens the file again, as after a rotation. */
  reopen(): void
  /** Resolves when all lines are written. */
  close(): Promise<void>
}

/** Milliseconds for which lines gather, and characters at which they are written at once. */
const FLUSH_DELAY = 200
const FLUSH_SIZE = 65_536

/** Characters that wait for a disk that hangs; further lines are lost, and counted. */
const MAX_WAITING = 8_388_608

/** Milliseconds between two log lines on lost lines. */
const LOG_INTERVAL = 60_000

/** Throws a StartError where the file cannot be opened. */
export async function openAccessLog(
  config: AccessLogConfig,
  logger: Logger,
  stdout: (text: string) => void,
): Promise<AccessLogOutput> {
  let path = pathOf(config)
  let file = path === '' ? undefined : await openLogFile(path).catch((error: Error) => fail(path, error))
  let changing: Promise<unknown> = Promise.resolve()
  const lost = createLossLog(logger)
  let text = ''
  let waiting = 0
  let timer: NodeJS.Timeout | undefined

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (text === '') return
    const lines = text
    text = ''
    if (!file) return stdout(lines)
    waiting += lines.length
    const done = () => {
      waiting -= lines.length
    }
    file.append(lines).then(done, (error: Error) => {
      done()
      lost.note(lines, error.message)
    })
  }

  const change = async (next: string) => {
    if (next === path) return
    let opened: LogFile | undefined
    try {
      opened = next === '' ? undefined : await openLogFile(next)
    } catch (error) {
      logger.error('the access log cannot be opened; it stays where it is', {
        file: next,
        error: (error as Error).message,
      })
      return
    }
    flush()
    const before = file
    file = opened
    path = next
    await before?.close()
  }

  return {
    write: (line) => {
      if (text.length + waiting > MAX_WAITING) return lost.note(line, 'lines are not written fast enough')
      text += line
      if (text.length >= FLUSH_SIZE) flush()
      else timer ??= setTimeout(flush, FLUSH_DELAY)
    },
    lost: lost.count,
    configure: (next) => {
      changing = changing.then(() => change(pathOf(next)))
    },
    reopen: () => file?.reopen(),
    close: async () => {
      await changing
      flush()
      await file?.close()
    },
  }
}

/** Where nothing is logged, no file is made. */
const pathOf = ({ log, file }: AccessLogConfig) => (log === 'off' ? '' : file)

function fail(path: string, { message }: Error): never {
  throw new StartError(`cannot open the access log ${path}: ${message}`)
}

/** Lines that were lost, of which one log line a minute tells. */
function createLossLog(logger: Logger) {
  let lines = 0
  let nextLine = 0
  return {
    note: (text: string, reason: string) => {
      lines += text.split('\n').length - 1
      const now = Date.now()
      if (now < nextLine) return
      nextLine = now + LOG_INTERVAL
      logger.error('lines of the access log are lost', { lines, reason })
    },
    count: () => lines,
  }
}
