// The relay: reports from filters in, log lines for fail2ban out.
import { createHash } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { parseAddress } from '../shared/address.ts'
import type { RelayConfig } from '../shared/config/relay.ts'
import { errorBody } from '../shared/error-body.ts'
import type { Logger } from '../shared/logger.ts'
import {
  checkSignature,
  MAX_MESSAGE_BYTES,
  parseReport,
  RELAY_PATH,
  type RelaySecret,
  type ReportEvent,
} from '../shared/report-message.ts'
import type { LogFile } from './log-file.ts'
import { createMessageMemory } from './message-memory.ts'

/** Characters of a message id; a filter's has 40. */
const MAX_ID_LENGTH = 256

export interface RelayParts {
  /** The configuration in force. */
  config(): RelayConfig
  secrets: readonly RelaySecret[]
  log: LogFile
  logger: Logger
  /** Unix time in milliseconds. */
  now(): number
}

export interface Relay {
  app: Hono<{ Bindings: HttpBindings }>
  /** Prometheus text of what was written and refused. */
  metrics(): string
}

/** Builds the relay. A message is in the file, all of it and once, when it is answered with 200. */
export function createRelay({ config, secrets, log, logger, now }: RelayParts): Relay {
  const seen = createMessageMemory(now)
  const counters = { written: 0, repeated: 0, refused: 0, failed: 0 }

  const refuse = (c: Context, status: 400 | 401 | 409 | 413, message: string, detail: string) => {
    // One line for the first of many: a flood of bad messages is no flood of log lines.
    if (counters.refused++ % 1000 === 0)
      logger.warn('report refused', { peer: peerOf(c), code: message, detail, refused: counters.refused })
    return c.json(errorBody(message, status, detail), status)
  }

  const write = async (events: ReportEvent[]) => {
    const { logTimeFormat, logSubnet } = config()
    const time = formatTime(new Date(now()), logTimeFormat)
    const lines = events.map(({ host, success, message }) => {
      // fail2ban cannot work out that the addresses of one /64 are one client (RFC 6177), but reads a prefix length.
      const subnet = logSubnet && host.includes(':') ? ' /64' : ''
      return `${time} ${host} ${success} ${message}${subnet}\n`
    })
    await log.append(lines.join(''))
  }

  const app = new Hono<{ Bindings: HttpBindings }>()
  app.get('/patroneos/health', (c) => c.json({ status: 'ok' }))

  const limit = bodyLimit({
    maxSize: MAX_MESSAGE_BYTES,
    onError: (c) => refuse(c, 413, 'REPORT_TOO_LARGE', `at most ${MAX_MESSAGE_BYTES} bytes are allowed`),
  })
  app.post(RELAY_PATH, limit, async (c) => {
    const body = decode(await c.req.arrayBuffer())
    if (body === undefined) return refuse(c, 400, 'INVALID_REPORT', 'not valid UTF-8')
    const isSigned = secrets.length > 0 && c.req.header('webhook-signature') !== undefined
    const distrust = isSigned ? await distrustOfSigned(c, body) : distrustOfUnsigned(c)
    if (distrust) return refuse(c, 401, 'UNAUTHORIZED', distrust)
    const parsed = parseReport(body)
    if ('reason' in parsed) return refuse(c, 400, 'INVALID_REPORT', parsed.reason)
    const id = c.req.header('webhook-id')?.slice(0, MAX_ID_LENGTH)
    // Whoever sends unsigned messages cannot take a signed one's id away from it.
    const key = id === undefined ? undefined : `${isSigned ? 'signed' : 'unsigned'} ${id}`
    try {
      const arrival = await seen.once(key, digestOf(body), () => write(parsed.events))
      if (arrival === 'conflict')
        return refuse(c, 409, 'ID_REUSED', `message id ${JSON.stringify(id)} came before with another body`)
      if (arrival === 'first') counters.written += parsed.events.length
      else counters.repeated++
      return c.json({ status: 'ok' })
    } catch (error) {
      if (counters.failed++ % 1000 === 0)
        logger.error('cannot write the log', { reason: (error as Error).message, failed: counters.failed })
      c.header('Retry-After', '1')
      return c.json(
        errorBody('LOG_NOT_WRITTEN', 503, 'the log cannot be written; send the report again'),
        503,
      )
    }
  })
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

  /** Why a signed message is not believed to come from a filter, or undefined where it is. */
  const distrustOfSigned = async (c: Context, body: string): Promise<string | undefined> => {
    const [id, timestamp, signature = ''] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
      (name) => c.req.header(name),
    )
    if (!id || id.length > MAX_ID_LENGTH || !timestamp)
      return 'webhook-id and webhook-timestamp are needed with a signature'
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
    return checkSignature(secrets, headers, body, now() / 1000)
  }

  const distrustOfUnsigned = (c: Context): string | undefined => {
    // A page in a browser on this machine comes from loopback too, and a browser says so; a filter has no origin.
    if (c.req.header('origin') !== undefined || c.req.header('sec-fetch-site') !== undefined)
      return 'reports are not taken from web pages'
    if (config().allowUnsigned || parseAddress(peerOf(c))?.range() === 'loopback') return undefined
    return 'unsigned reports are taken from loopback only, or with allowUnsigned'
  }

  return {
    app,
    metrics: () =>
      `# HELP patroneos_relay_events_total Messages and events by what became of them\n# TYPE patroneos_relay_events_total counter\n${Object.entries(
        counters,
      )
        .map(([result, value]) => `patroneos_relay_events_total{result="${result}"} ${value}\n`)
        .join('')}`,
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

function peerOf(c: Context<{ Bindings: HttpBindings }>): string {
  return c.env.incoming.socket.remoteAddress ?? ''
}

/** `2026-11-23T16:20:11.123Z`, or as the original wrote it, in UTC: `2026/11/23 16:20:11`. */
function formatTime(time: Date, format: RelayConfig['logTimeFormat']): string {
  const iso = time.toISOString()
  return format === 'iso' ? iso : iso.slice(0, 19).replaceAll('-', '/').replace('T', ' ')
}
