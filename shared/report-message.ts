// The message in which a filter reports violations to a relay: its shape, and its signature after the Standard Webhooks
// specification (github.com/standard-webhooks/standard-webhooks). Uses WebCrypto only.
import * as v from 'valibot'
import { formatAddress, parseAddress } from './address.ts'
import { type ReportCode, reportCodes } from './violations.ts'

/** Path on the relay's listener that takes reports. */
export const RELAY_PATH = '/patroneos/fail2ban-relay'

/** Most events in one message. */
export const MAX_EVENTS = 100
/** Bytes of the largest message a relay reads: 100 events of an IPv6 address and the longest code are a third. */
export const MAX_MESSAGE_BYTES = 65_536
/** Seconds that a message's timestamp may be off, either way. */
export const TIMESTAMP_TOLERANCE = 300

const HOST = 'one bare IPv4 or IPv6 address, without port and zone'

const host = v.pipe(
  v.string(HOST),
  v.check((value) => parseAddress(value) !== undefined && !value.includes('%'), HOST),
  v.transform((value) => formatAddress(parseAddress(value)!)),
)

const event = v.strictObject(
  {
    host,
    success: v.boolean('true or false'),
    message: v.picklist(reportCodes as readonly ReportCode[], 'a known code'),
  },
  'an object of host, success and message',
)

/** One verdict on one client, as the original sent it. */
export type ReportEvent = v.InferOutput<typeof event>

const message = v.pipe(
  v.union([
    v.array(v.unknown()),
    v.pipe(
      v.unknown(),
      v.transform((single): unknown[] => [single]),
    ),
  ]),
  v.minLength(1, `1 to ${MAX_EVENTS} events`),
  v.maxLength(MAX_EVENTS, `1 to ${MAX_EVENTS} events`),
  v.array(event),
)

/** Reads a message: one event or an array of 1 to 100. The reason names the first thing wrong. */
export function parseReport(body: string): { events: ReportEvent[] } | { reason: string } {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return { reason: 'not JSON' }
  }
  const result = v.safeParse(message, json)
  if (result.success) return { events: result.output }
  const [{ received, message: allowed }] = result.issues
  const path = v.getDotPath(result.issues[0]) ?? 'message'
  return { reason: `${start(path)}: found ${start(received)}; allowed: ${allowed}` }
}

/** The sender's text goes into the relay's own log, where it is to stay one short line. */
function start(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text
}

/** A signing key that was imported from its `whsec_` text. */
export type RelaySecret = CryptoKey

const SECRET = 'whsec_ followed by 24 to 64 bytes in base64; several separated by commas'

/**
 * Imports PATRONEOS_RELAY_SECRET: `whsec_` + base64, several separated by commas while rotating.
 * The first signs, all of them verify. Throws an Error that does not repeat the secret.
 */
export async function importSecrets(text: string): Promise<RelaySecret[]> {
  const parts = text.split(',').map((part) => part.trim())
  return Promise.all(
    parts.map((part, index) => {
      const bytes = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(part)?.[1]
      const raw = bytes === undefined ? undefined : decodeBase64(bytes)
      if (!raw || raw.length < 24 || raw.length > 64)
        throw new Error(`relay secret number ${index + 1} is not valid; allowed: ${SECRET}`)
      return crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
    }),
  )
}

export interface SignedHeaders {
  'webhook-id': string
  'webhook-timestamp': string
  'webhook-signature': string
}

/** Signs `id.timestamp.body`; `seconds` is Unix time. */
export async function signReport(
  key: RelaySecret,
  id: string,
  seconds: number,
  body: string,
): Promise<SignedHeaders> {
  const timestamp = String(Math.floor(seconds))
  const mac = await crypto.subtle.sign('HMAC', key, encode(`${id}.${timestamp}.${body}`))
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${btoa(String.fromCharCode(...new Uint8Array(mac)))}`,
  }
}

/** Why a signed message is not believed, or undefined if it is. Comparison is in constant time (WebCrypto verify). */
export async function checkSignature(
  keys: readonly RelaySecret[],
  headers: SignedHeaders,
  body: string,
  nowSeconds: number,
): Promise<string | undefined> {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers
  if (!/^\d{1,12}$/.test(timestamp)) return 'webhook-timestamp is not a Unix time in seconds'
  const age = nowSeconds - Number(timestamp)
  if (Math.abs(age) > TIMESTAMP_TOLERANCE)
    return `webhook-timestamp is ${Math.abs(Math.round(age))} s ${age > 0 ? 'old' : 'ahead'}; at most ${TIMESTAMP_TOLERANCE} s are allowed`
  const signed = encode(`${id}.${timestamp}.${body}`)
  for (const part of signatures.split(' ').slice(0, 10)) {
    const mac = part.startsWith('v1,') ? decodeBase64(part.slice(3)) : undefined
    if (!mac) continue
    for (const key of keys) if (await crypto.subtle.verify('HMAC', key, mac, signed)) return undefined
  }
  return 'webhook-signature does not match'
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}
