// A violation -> the response that says so, in a form that both the original's clients and nodeos's understand.
import { errorBody } from '../shared/error-body.ts'
import { type Violation, type ViolationCode, violations } from '../shared/violations.ts'
import { ALLOWED_METHODS } from './endpoints.ts'

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
}

/** Builds the response of a rejection. */
export function reject(
  { code, detail }: Violation,
  { headers, retryAfter = retryLater[code], close }: RejectionHeaders,
): Response {
  const { status } = violations[code]
  const fields: Record<string, string> = { 'x-rejected-by': 'patroneos' }
  // The rest of the body is not going to be read.
  if (code === 'BODY_TOO_LARGE' || close) fields.connection = 'close'
  if (code === 'METHOD_NOT_ALLOWED') fields.allow = ALLOWED_METHODS
  if (retryAfter !== undefined) fields['retry-after'] = String(retryAfter)
  return answerJson(errorBody(code, status, detail), status, fields, headers)
}

/** An answer of the filter's own: its header fields, then the configured ones. */
export function answerJson(
  body: object,
  status: number,
  fields: Record<string, string>,
  headers: ReadonlyMap<string, string>,
): Response {
  const all: Record<string, string> = { 'content-type': 'application/json', ...fields }
  for (const [name, value] of headers) {
    if (value === '') delete all[name]
    else all[name] = value
  }
  return new Response(JSON.stringify(body), { status, headers: all })
}
