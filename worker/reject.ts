// A violation -> the response that says so, in a form that both the original's clients and nodeos's understand.
import { errorBody } from '../shared/error-body.ts'
import { type Violation, violations } from '../shared/violations.ts'
import { ALLOWED_METHODS } from './endpoints.ts'

export interface RejectionHeaders {
  /** The configured headers; "" removes one. */
  headers: ReadonlyMap<string, string>
  /** Seconds after which the same request may pass. */
  retryAfter?: number
}

/** Builds the response of a rejection. */
export function reject({ code, detail }: Violation, { headers, retryAfter }: RejectionHeaders): Response {
  const { status } = violations[code]
  const fields: Record<string, string> = { 'content-type': 'application/json', 'x-rejected-by': 'patroneos' }
  // The rest of the body is not going to be read.
  if (code === 'BODY_TOO_LARGE') fields.connection = 'close'
  if (code === 'METHOD_NOT_ALLOWED') fields.allow = ALLOWED_METHODS
  if (retryAfter !== undefined) fields['retry-after'] = String(retryAfter)
  for (const [name, value] of headers) {
    if (value === '') delete fields[name]
    else fields[name] = value
  }
  return new Response(JSON.stringify(errorBody(code, status, detail)), { status, headers: fields })
}
