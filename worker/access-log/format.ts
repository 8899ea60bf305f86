// How a request is written to the access log. What a client sent stands in quotes and escaped, so that it cannot end a line
// or begin another one.
import type { Address } from '../../shared/address.ts'
import type { AccessLogConfig } from '../../shared/config/access-log.ts'
import type { ViolationCode } from '../../shared/violations.ts'
import type { RequestOutcome } from '../case.ts'
import { pathOf } from '../endpoints.ts'
import { headerValue } from '../headers.ts'
import { endpointGroupOf } from '../metrics/endpoint-groups.ts'
import type { HeaderPairs } from '../platform.ts'

/** What is known of a request when its response is over. */
export interface Access {
  client: Address
  /** Undefined where what came was no request. */
  request: { readonly method: string; readonly target: string; readonly headers: HeaderPairs } | undefined
  outcome: RequestOutcome | undefined
  /** 0 where there was no response. */
  status: number
  requestBytes: number
  responseBytes: number
  /** Milliseconds of nodeos's time that were its own; undefined where no node was asked. */
  nodeosTime: number | undefined
  seconds: number
  /** What it was refused for, or in monitor mode would have been. */
  found: { code: ViolationCode; detail: string } | undefined
}

export type Format = (access: Access, now: Date) => string

/** Characters of one field of a client's that are written: a long one is no reason to fill a disk. */
const LONGEST_FIELD = 2_048

const shortened = (text: string) =>
  text.length > LONGEST_FIELD ? `${text.slice(0, LONGEST_FIELD)}...` : text

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The last time that was written, as lines of one second share theirs. */
let second = Number.NaN
let clfSecond = ''

/** `28/Nov/2026:07:32:52 +0000` */
function clfTime(now: Date): string {
  const at = Math.floor(now.getTime() / 1000)
  if (at === second) return clfSecond
  const iso = now.toISOString()
  second = at
  clfSecond = `${iso.slice(8, 10)}/${months[now.getUTCMonth()]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
  return clfSecond
}

const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/** As nginx escapes: quotes, backslashes, and all that is not printable ASCII, as \xHH for each byte. */
function quoted(text: string): string {
  const short = shortened(text)
  if (plain.test(short)) return `"${short}"`
  const escaped = short.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/gu, (character) => {
    const code = character.codePointAt(0)!
    const bytes = code <= 0xff ? [code] : [...new TextEncoder().encode(character)]
    return bytes.map((byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  })
  return `"${escaped}"`
}

/** nginx's status for a client that left before it was answered. */
const CLIENT_GONE = 499

/** The combined log format of Apache (mod_log_config) and nginx (ngx_http_log_module). */
const combined: Format = ({ client, request, status, responseBytes }, now) => {
  const line = request ? `${request.method} ${request.target} HTTP/1.1` : ''
  const header = (name: string) => quoted((request && headerValue(request.headers, name)) || '-')
  return `${client} - - [${clfTime(now)}] ${quoted(line)} ${status || CLIENT_GONE} ${responseBytes} ${header('referer')} ${header('user-agent')}\n`
}

/** In monitor mode nothing is denied, whatever was found. */
const denied: ReadonlySet<RequestOutcome> = new Set(['rejected', 'limited', 'banned'])

const W3C_TRACE = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-/

/** Elastic Common Schema 8.11 (elastic.co/guide/en/ecs), and what it has no field for under `patroneos`. */
const ecs: Format = (access, now) => {
  const { client, request, outcome, status, requestBytes, responseBytes, nodeosTime, seconds, found } = access
  const header = (name: string) => (request && shortened(headerValue(request.headers, name))) || undefined
  const [referrer, agent] = [header('referer'), header('user-agent')]
  const trace = W3C_TRACE.exec(header('traceparent') ?? '')?.[1]
  const [path = '', query] = request ? splitOnce(shortened(request.target)) : []
  const entry = {
    '@timestamp': now.toISOString(),
    ecs: { version: '8.11.0' },
    event: {
      kind: 'event',
      category: ['web'],
      type: outcome !== undefined && denied.has(outcome) ? ['access', 'denied'] : ['access'],
      outcome: outcome === 'success' ? 'success' : outcome === 'gone' ? 'unknown' : 'failure',
      // In nanoseconds.
      duration: Math.round(seconds * 1e9),
      ...(found && { code: found.code, reason: found.detail }),
    },
    source: { ip: client },
    ...(request && { url: { path, ...(query !== undefined && { query }) } }),
    http: {
      request: {
        ...(request && { method: request.method }),
        ...(referrer && { referrer }),
        body: { bytes: requestBytes },
      },
      ...(status > 0 && { response: { status_code: status, body: { bytes: responseBytes } } }),
    },
    ...(agent && { user_agent: { original: agent } }),
    ...(trace && { trace: { id: trace } }),
    patroneos: {
      outcome: outcome ?? 'rejected',
      endpoint: request ? endpointGroupOf(pathOf(request.target)) : 'other',
      ...(nodeosTime !== undefined && { nodeos_duration: Math.round(nodeosTime * 1e6) }),
    },
  }
  return `${JSON.stringify(entry).replace(/[\x7f-\x9f\u2028\u2029]/g, unicodeEscape)}\n`
}

function splitOnce(target: string): [string, string?] {
  const at = target.indexOf('?')
  return at < 0 ? [target] : [target.slice(0, at), target.slice(at + 1)]
}

/** JSON leaves these as they are; a terminal, or a reader of lines, may not. */
const unicodeEscape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

export const formats: Readonly<Record<AccessLogConfig['format'], Format>> = { combined, ecs }
