// A request that is to be judged and not forwarded, as the command line and the config listener take it.
import * as v from 'valibot'
import { type ConfigIssue, parseConfig } from './config/parse.ts'
import { isAddress, list, map, text } from './config/values.ts'

/** An address of no list and no proxy (RFC 5737). */
export const SOMEBODY = '192.0.2.1'

const VALUE = 'text, or a list of texts where a header comes in several lines'
const TIME = 'a time such as "2026-11-23T16:20:11Z", or Unix time in milliseconds'
const isTime = (value: string | number) => !Number.isNaN(new Date(value).getTime())

const described = <S extends v.GenericSchema>(schema: S, description: string) =>
  v.optional(v.pipe(schema, v.description(description)))

export const checkRequestSchema = v.strictObject(
  {
    method: described(
      text('a method such as "POST"', (value) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value)),
      'Method; POST where there is a body, else GET',
    ),
    path: v.optional(
      v.pipe(
        text('a path and query such as /v1/chain/get_info, or a URL', (value) =>
          /^[\x21-\x7e]+$/.test(value),
        ),
        v.description('Path and query; of a URL, what stands behind its host'),
      ),
      '',
    ),
    headers: v.optional(
      v.pipe(
        map(
          v.string(),
          v.union([v.string(), list(v.string(), VALUE)], VALUE),
          'an object of header names and values',
        ),
        v.description('Headers, each a text or a list of texts'),
      ),
      {},
    ),
    body: described(v.unknown(), 'Body as text; anything but text stands for its JSON'),
    bodyBase64: described(
      v.pipe(v.string('base64'), v.base64('base64')),
      'Body in base64, for bytes that are no text; in the place of body',
    ),
    from: v.optional(
      v.pipe(text('an IP address', isAddress), v.description("Address of the connection's other end")),
      SOMEBODY,
    ),
    time: described(
      v.pipe(v.union([v.number(), v.string()], TIME), v.check(isTime, TIME)),
      'When it came, by which transactions expire; now, where it is not given',
    ),
  },
  'a JSON object {"method", "path", "headers", "body", "from", "time"}',
)

/** A whole request, as it is judged. */
export interface WholeRequest {
  method: string
  /** Path and query. */
  target: string
  /** Names and values in turn. */
  headers: readonly string[]
  body: Uint8Array
  /** Address of the connection's other end. */
  from: string
  /** Unix time in milliseconds; undefined for now. */
  time: number | undefined
}

/** Reads a request out of JSON, or says all that is wrong with it. */
export function parseCheckRequest(input: unknown): { request: WholeRequest } | { issues: ConfigIssue[] } {
  const parsed = parseConfig(checkRequestSchema, input)
  if ('issues' in parsed) return parsed
  const { method, path, headers, body, bodyBase64, from, time } = parsed.config
  if (body !== undefined && bodyBase64 !== undefined)
    return { issues: [{ path: 'bodyBase64', found: 'body as well', allowed: 'one of the two' }] }
  const bytes =
    bodyBase64 === undefined ? bytesOf(body) : Uint8Array.from(atob(bodyBase64), (char) => char.charCodeAt(0))
  return {
    request: {
      method: method ?? (bytes.length > 0 ? 'POST' : 'GET'),
      target: originForm(path),
      headers: Object.entries(headers).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value]).flatMap((line) => [name, line]),
      ),
      body: bytes,
      from,
      time: time === undefined ? undefined : new Date(time).getTime(),
    },
  }
}

function bytesOf(body: unknown): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array(0)
  return new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
}

/** Path and query of a URL, by characters, as a URL parser would resolve what stands in it. */
export function originForm(path: string): string {
  const [, rest] = /^https?:\/\/[^/?#]*(.*)$/i.exec(path) ?? []
  if (rest === undefined) return path
  return rest.startsWith('/') ? rest : `/${rest}`
}
