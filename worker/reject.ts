// Turns a violation into an answer that clients of the original and of nodeos both understand.
import { errorBody } from '../shared/error-body.ts'
import { type Violation, type ViolationCode, violations } from '../shared/violations.ts'
import { ALLOWED_METHODS } from './endpoints.ts'
import { responseHeaders } from './headers.ts'
import type { Answer, HeaderPairs } from './platform.ts'

/** Seconds that a client is asked to wait where the same request may pass later. */
const retryLater: Partial<Record<ViolationCode, number>> = {
  // The shorter period of Cloudflare's rate limits.
  RATE_LIMITED: 10,
  OVERLOADED: 1,
  NODEOS_REQUEST_NOT_CREATED: 1,
  NODEOS_UNREACHABLE: 1,
  NODEOS_TIMEOUT: 1,
}

export interface RejectionHeaders {
  /** The configured headers; "" removes one. */
  headers: ReadonlyMap<string, string>
  /** Seconds after which the same request may pass, where the code alone does not say. */
  retryAfter?: number
  /** The connection has no further use. */
  close?: boolean
  /** Where it is another one than the code's. */
  status?: number
  /** Further ones of its own. */
  fields?: HeaderPairs
}

/** The answer of a rejection. */
export function rejection(
  { code, detail }: Violation,
  {
    headers,
    retryAfter = retryLater[code],
    close = false,
    status = violations[code].status,
    fields: further = [],
  }: RejectionHeaders,
): Answer {
  const fields = ['x-rejected-by', 'patroneos', ...further]
  if (code === 'METHOD_NOT_ALLOWED') fields.push('allow', ALLOWED_METHODS)
  if (retryAfter !== undefined) fields.push('retry-after', String(retryAfter))
  // The rest of a body that is too large is not going to be read.
  return jsonAnswer(
    errorBody(code, status, detail),
    status,
    fields,
    headers,
    close || code === 'BODY_TOO_LARGE' || code === 'REQUEST_TIMEOUT',
  )
}

/** An answer of the filter's own: its header fields, then the configured ones. */
export function jsonAnswer(
  body: object,
  status: number,
  own: HeaderPairs,
  headers: ReadonlyMap<string, string>,
  close = false,
): Answer {
  const all = ['content-type', 'application/json', ...own]
  const fields = headers.size === 0 ? all : responseHeaders(all, headers)
  return { status, fields, body: JSON.stringify(body), close }
}
