// One logger for all programs: readable lines on a terminal, JSON lines elsewhere.
import { type ConsolaInstance, createConsola, type LogObject } from 'consola/core'

export type Logger = Pick<ConsolaInstance, 'debug' | 'info' | 'warn' | 'error'>

export interface LogOutput {
  /** Write for people rather than for machines. */
  readable: boolean
  write(line: string): void
}

/**
 * A logger whose calls are `logger.info(message, fields?)`. Fields are one flat object; in a JSON line they
 * stand beside `time`, `level` and `message`, so that nothing in them can forge another line.
 */
export function createLogger(output: LogOutput): Logger {
  return createConsola({
    throttle: 0,
    reporters: [{ log: (entry) => output.write(output.readable ? toText(entry) : toJson(entry)) }],
  })
}

function toJson({ date, type, args }: LogObject): string {
  const [message, fields] = args
  const own = { time: date.toISOString(), level: type, message }
  // First, to be read first, and last, since no field is to stand in their place.
  return `${JSON.stringify({ ...own, ...(fields as object | undefined), ...own })}\n`
}

/** JSON leaves these as they are, and a terminal may take them for commands. */
const escaped = (control: string) => `\\u00${control.charCodeAt(0).toString(16)}`

function toText({ date, type, args }: LogObject): string {
  const [message, fields] = args
  const level = type === 'info' ? '' : `${type.toUpperCase()} `
  const rest = Object.entries((fields as object | undefined) ?? {}).map(
    ([name, value]) => ` ${name}=${JSON.stringify(value).replace(/[\x7f-\x9f]/g, escaped)}`,
  )
  return `${date.toTimeString().slice(0, 8)} ${level}${message}${rest.join('')}\n`
}
