// A violation -> the response that says so, in a form that both the original's clients and nodeos's understand.
import { type Violation, violations } from '../shared/violations.ts'
import { ALLOWED_METHODS } from './endpoints.ts'

export interface RejectionHeaders {
  /** The configured headers; "" removes one. */
  headers: ReadonlyMap<string, string>
  /** Seconds after which the same request may pass. */
  retryAfter?: number
}

/** Builds the response of a rejection: the original's `message` and `code`, then nodeos's own error shape. */
export function reject({ code, detail }: Violation, { headers, retryAfter }: RejectionHeaders): Response {
  const { status } = violations[code]
  const error = {
    code: status,
    name: code.toLowerCase(),
    what: detail,
    details: [{ message: `${code}: ${detail}`, file: '', line_number: 0, method: 'patroneos' }],
  }
  const fields: Record<string, string> = { 'content-type': 'application/json', 'x-rejected-by': 'patroneos' }
  // The rest of the body is not going to be read.
  if (code === 'BODY_TOO_LARGE') fields.connection = 'close'
  if (code === 'METHOD_NOT_ALLOWED') fields.allow = ALLOWED_METHODS
  if (retryAfter !== undefined) fields['retry-after'] = String(retryAfter)
  for (const [name, value] of headers) {
    if (value === '') delete fields[name]
    else fields[name] = value
  }
  return new Response(JSON.stringify({ message: code, code: status, error }), { status, headers: fields })
}
