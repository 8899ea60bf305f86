// The relay: takes reports from filters and writes log lines for fail2ban.
import { createHash } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { RelayConfig } from '../shared/config/relay.ts'
import { errorBody } from '../shared/error-body.ts'
import type { LogFile } from '../shared/log-file.ts'
import type { Logger } from '../shared/logger.ts'
import { family, single } from '../shared/prometheus.ts'
import {
  MAX_MESSAGE_BYTES,
  parseReport,
  RELAY_PATH,
  type RelaySecret,
  type ReportEvent,
} from '../shared/report-message.ts'
import { createMessageMemory, type Message, type MessageMemory } from './message-memory.ts'
import { distrustOfSigned, distrustOfUnsigned, MAX_ID_LENGTH, peerOf, type RelayContext } from './trust.ts'

export interface RelayParts {
  /** The configuration in force. */
  config(): RelayConfig
  secrets: readonly RelaySecret[]
  log: LogFile<Message>
  /** Messages that are in the log already, the oldest first. */
  written?: readonly Message[]
  logger: Logger
  /** Unix time in milliseconds. */
  now(): number
}

export interface Relay {
  app: Hono<{ Bindings: HttpBindings }>
  /** Prometheus text of what was written and refused. */
  metrics(): string
  counts(): Readonly<RelayCounts>
  /** The events that were written last, the newest first. */
  latest(): readonly WrittenEvent[]
}

/** Events that were written, messages that came again, were refused, or could not be written. */
export interface RelayCounts {
  written: number
  repeated: number
  refused: number
  failed: number
}

export interface WrittenEvent extends ReportEvent {
  /** Unix time in milliseconds. */
  at: number
  /** The address of the filter that sent it. */
  from: string
}

/** Events that are remembered. */
const MAX_LATEST = 20

/** Builds the relay. A message is in the file, all of it and once, when it is answered with 200. */
export function createRelay(parts: RelayParts): Relay {
  const { logger } = parts
  const intake = new Intake(parts)
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.get('/patroneos/health', (c) => c.json({ status: 'ok' }))
  const limit = bodyLimit({
    maxSize: MAX_MESSAGE_BYTES,
    onError: (c) =>
      intake.refuse(c, 413, 'REPORT_TOO_LARGE', `at most ${MAX_MESSAGE_BYTES} bytes are allowed`),
  })
  app.post(RELAY_PATH, limit, (c) => intake.take(c))
  app.all(RELAY_PATH, (c) => {
    c.header('Allow', 'POST')
    return c.json(errorBody('METHOD_NOT_ALLOWED', 405, 'reports are sent with POST'), 405)
  })
  app.notFound((c) =>
    c.json(errorBody('NOT_FOUND', 404, `there is ${RELAY_PATH} and /patroneos/health`), 404),
  )
  app.onError((error, c) => {
    logger.error('a report failed inside the relay', { error: error.stack ?? error.message })
    return c.json(errorBody('INTERNAL_ERROR', 500, 'the relay failed'), 500)
  })
  return {
    app,
    metrics: () => intake.metrics(),
    counts: () => intake.counters(),
    latest: () => intake.latest(),
  }
}

/** Takes messages: believes them or not, and writes each once. */
class Intake {
  readonly #parts: RelayParts
  readonly #seen: MessageMemory
  readonly #counters: RelayCounts = { written: 0, repeated: 0, refused: 0, failed: 0 }
  #latest: readonly WrittenEvent[] = []
  #bytes = 0

  constructor(parts: RelayParts) {
    this.#parts = parts
    this.#seen = createMessageMemory(parts.now, parts.written)
  }

  async take(c: RelayContext): Promise<Response> {
    const { secrets, now, config } = this.#parts
    const body = decode(await c.req.arrayBuffer())
    if (body === undefined) return this.refuse(c, 400, 'INVALID_REPORT', 'not valid UTF-8')
    const isSigned = secrets.length > 0 && c.req.header('webhook-signature') !== undefined
    const distrust = isSigned
      ? await distrustOfSigned(c, body, secrets, now() / 1000)
      : distrustOfUnsigned(c, config().allowUnsigned)
    if (distrust) return this.refuse(c, 401, 'UNAUTHORIZED', distrust)
    const parsed = parseReport(body)
    if ('reason' in parsed) return this.refuse(c, 400, 'INVALID_REPORT', parsed.reason)
    const id = c.req.header('webhook-id')?.slice(0, MAX_ID_LENGTH)
    // Whoever sends unsigned messages cannot take a signed one's id away from it.
    const key = id === undefined ? undefined : `${isSigned ? 'signed' : 'unsigned'} ${id}`
    try {
      const digest = digestOf(body)
      const message = key === undefined ? undefined : { id: key, digest, at: now() }
      const arrival = await this.#seen.once(key, digest, () => this.#write(parsed.events, message))
      if (arrival === 'conflict')
        return this.refuse(
          c,
          409,
          'ID_REUSED',
          `message id ${JSON.stringify(id)} came before with another body`,
        )
      if (arrival === 'first') this.#written(parsed.events, peerOf(c))
      else this.#counters.repeated++
      return c.json({ status: 'ok' })
    } catch (error) {
      return this.#failed(c, error as Error)
    }
  }

  counters(): Readonly<RelayCounts> {
    return this.#counters
  }

  latest(): readonly WrittenEvent[] {
    return this.#latest
  }

  #written(events: readonly ReportEvent[], from: string): void {
    this.#counters.written += events.length
    const at = this.#parts.now()
    const newest = events.slice(-MAX_LATEST).map((event) => ({ ...event, at, from }))
    this.#latest = [...newest.reverse(), ...this.#latest].slice(0, MAX_LATEST)
  }

  refuse(c: Context, status: 400 | 401 | 409 | 413, message: string, detail: string): Response {
    const refused = ++this.#counters.refused
    // One line for the first of many: a flood of bad messages is no flood of log lines.
    if (refused % 1000 === 1)
      this.#parts.logger.warn('report refused', { peer: peerOf(c), code: message, detail, refused })
    return c.json(errorBody(message, status, detail), status)
  }

  #failed(c: Context, { message }: Error): Response {
    const failed = ++this.#counters.failed
    if (failed % 1000 === 1) this.#parts.logger.error('cannot write the log', { reason: message, failed })
    c.header('Retry-After', '1')
    return c.json(errorBody('LOG_NOT_WRITTEN', 503, 'the log cannot be written; send the report again'), 503)
  }

  async #write(events: ReportEvent[], message: Message | undefined): Promise<void> {
    const { config, log, now } = this.#parts
    const { logTimeFormat, logSubnet } = config()
    const time = formatTime(new Date(now()), logTimeFormat)
    const lines = events.map(({ host, success, message }) => {
      // fail2ban cannot work out that the addresses of one /64 are one client (RFC 6177), but reads a prefix length.
      const subnet = logSubnet && host.includes(':') ? ' /64' : ''
      return `${time} ${host} ${success} ${message}${subnet}\n`
    })
    const text = lines.join('')
    await log.append(text, message)
    this.#bytes += Buffer.byteLength(text)
  }

  metrics(): string {
    const samples = Object.entries(this.#counters).map(([result, value]) => ({ labels: { result }, value }))
    const { written, failed } = this.#counters
    return [
      family(
        'patroneos_relay_events_total',
        'counter',
        'Events that were written, and messages that were repeated, refused or failed',
        samples,
      ),
      single('patroneos_relay_lines_total', 'counter', 'Lines that were written to the log', written),
      single('patroneos_relay_bytes_total', 'counter', 'Bytes that were written to the log', this.#bytes),
      single(
        'patroneos_relay_write_errors_total',
        'counter',
        'Messages that could not be written to the log; the filter sends them again',
        failed,
      ),
    ].join('')
  }
}

// ignoreBOM: a byte order mark stays in the text, where JSON.parse refuses it (RFC 8259, section 8.1).
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: ArrayBuffer): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

function digestOf(body: string): string {
  return createHash('sha256').update(body).digest('base64')
}

/** `2026-11-23T16:20:11.123Z`, or as the original wrote it, in UTC: `2026/11/23 16:20:11`. */
function formatTime(time: Date, format: RelayConfig['logTimeFormat']): string {
  const iso = time.toISOString()
  return format === 'iso' ? iso : iso.slice(0, 19).replaceAll('-', '/').replace('T', ' ')
}
