// The filter's judge as a sender: what it would forward is kept instead of sent, and what it refuses is answered.
// Target, method and body reach it as a listener would hand them over that has cleaned up nothing.
import type { Address } from '../../shared/address.ts'
import { filterConfigSchema } from '../../shared/config/filter.ts'
import { parseConfig } from '../../shared/config/parse.ts'
import { pathOf } from '../../worker/endpoints.ts'
import { upstreamHeaders } from '../../worker/headers.ts'
import { createJudge } from '../../worker/judge.ts'
import type { HeaderPairs } from '../../worker/platform.ts'
import { rejection } from '../../worker/reject.ts'
import { carriesTransactions } from '../../worker/transactions/shapes.ts'
import type { Rules, Send } from './breaches.ts'

const CLIENT = '203.0.113.9' as Address

const toPairs = (headers: Record<string, string>): HeaderPairs => Object.entries(headers).flat()
const fromPairs = (pairs: HeaderPairs): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (let at = 0; at < pairs.length; at += 2) headers[pairs[at]!.toLowerCase()] = pairs[at + 1]!
  return headers
}

/** A function that has requests judged by these rules, all other keys being at their default. */
export function createSend(rules: Rules): Send {
  const parsed = parseConfig(filterConfigSchema, rules)
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues))
  const judge = createJudge(parsed.config)
  return async ({ method, target, headers: given, body }) => {
    const headers = toPairs(given)
    const { violation, rebuilt } = judge.whole({ method, target, headers }, body)
    if (violation) {
      const { status, fields, body: text } = rejection(violation, { headers: new Map() })
      return {
        forwarded: [],
        response: { status, headers: new Headers(fromPairs(fields)), text: String(text) },
      }
    }
    const carries = carriesTransactions(pathOf(target)) && body.length > 0
    const forwarded = {
      method,
      target,
      headers: fromPairs(upstreamHeaders(headers, CLIENT, carries)),
      body: rebuilt === null ? body : Uint8Array.from(Buffer.from(rebuilt)),
    }
    return { forwarded: [forwarded], response: { status: 200, headers: new Headers(), text: '{}' } }
  }
}
