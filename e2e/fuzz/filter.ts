// The real filter app over a platform in memory: what it forwards is kept instead of sent.
// Target, method and body reach it as a listener would hand them over that has cleaned up nothing.
import type { Context } from 'hono'
import { filterConfigSchema, parseConfig } from '../../shared/config.ts'
import { createFilter } from '../../worker/app.ts'
import type { HeaderPairs, Platform } from '../../worker/platform.ts'
import { silent } from '../../worker/testing/silent.ts'
import type { Forwarded, Outcome, Rules, Send } from './breaches.ts'
import type { HostileRequest } from './hostile.ts'

interface Exchange {
  request: HostileRequest
  forwarded: Forwarded[]
}

const toPairs = (headers: Record<string, string>): HeaderPairs => Object.entries(headers).flat()
const fromPairs = (pairs: HeaderPairs): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (let at = 0; at < pairs.length; at += 2) headers[pairs[at]!.toLowerCase()] = pairs[at + 1]!
  return headers
}

// Where a URL cannot say the target, any other path leads to the same handler.
const urlOf = (target: string) => {
  const url = `http://filter.example${target}`
  return target.startsWith('/') && URL.canParse(url) ? url : 'http://filter.example/-'
}
// fetch's Request takes no body with GET, and the platform below needs none of it.
const requestFor = ({ method, target }: HostileRequest) => new Request(urlOf(target), { method })

/** A function that sends requests through a filter with these rules, all other keys being at their default. */
export function createSend(rules: Rules): Send {
  const exchanges = new WeakMap<Request, Exchange>()
  const exchangeOf = (c: Context) => exchanges.get(c.req.raw)!
  const platform: Platform = {
    incoming: (c) => {
      const { method, target, headers } = exchangeOf(c).request
      return { method, target, headers: toPairs(headers), peer: '203.0.113.9' }
    },
    readBody: (c, maxBytes) => {
      const { body } = exchangeOf(c).request
      return body.length > maxBytes ? { tooLarge: true } : { bytes: body }
    },
    forward: async (c, { method, target, headers, body }) => {
      const bytes = Uint8Array.from(Buffer.from(body ?? ''))
      exchangeOf(c).forwarded.push({ method, target, headers: fromPairs(headers), body: bytes })
      return Response.json({})
    },
    ask: async () => undefined,
    answer: (_c, { status, fields, body }) =>
      new Response(body as string, { status, headers: fromPairs(fields) }),
    sharesAnswers: false,
    waitUntil: () => {},
  }
  const parsed = parseConfig(filterConfigSchema, rules)
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues))
  const { app } = createFilter({
    config: () => parsed.config,
    platform,
    ...silent(),
  })
  return async (request): Promise<Outcome> => {
    const raw = requestFor(request)
    const exchange: Exchange = { request, forwarded: [] }
    exchanges.set(raw, exchange)
    const response = await app.fetch(raw)
    const { status, headers } = response
    return { forwarded: exchange.forwarded, response: { status, headers, text: await response.text() } }
  }
}
