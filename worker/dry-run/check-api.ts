// The route on the config listener that judges a request by the configuration in force, without forwarding it.
import { parseCheckRequest, SOMEBODY } from '../../shared/check-request.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { formatConfigIssue } from '../../shared/config/parse.ts'
import { type ConfigRoute, isJson } from '../../shared/config-api.ts'
import { errorBody } from '../../shared/error-body.ts'
import { anyText, byName, count, listOf, objectOf, orNull, type Schema } from '../../shared/openapi.ts'
import type { Bans } from '../bans/bans.ts'
import type { Nodes } from '../nodes/nodes.ts'
import { loadAddressLists } from './address-lists.ts'
import { checkRequest } from './check.ts'

/** Bytes of the largest request taken: a body of the largest maxBodySize in base64 would not be worth the memory. */
const MAX_CHECK_BYTES = 16_777_216

const REQUEST: Schema = {
  type: 'object',
  properties: {
    method: { ...anyText, description: 'POST where there is a body, else GET' },
    path: { ...anyText, description: 'Path and query; of a URL, what stands behind its host' },
    headers: byName({ anyOf: [anyText, listOf(anyText)] }),
    body: { description: 'Text; anything else stands for its JSON' },
    bodyBase64: { ...anyText, contentEncoding: 'base64', description: 'In the place of body' },
    from: { ...anyText, description: "Address of the connection's other end", default: SOMEBODY },
    time: {
      anyOf: [anyText, { type: 'number' }],
      description: 'When it came, by which transactions expire; Unix time in milliseconds, or anyText; now',
    },
  },
  required: ['path'],
  additionalProperties: false,
}

const RESULT = objectOf({
  verdict: {
    enum: ['forward', 'reject', 'answer'],
    description: 'answer: by the filter itself, and no rejection',
  },
  mode: { enum: ['enforce', 'monitor'] },
  client: anyText,
  violation: orNull(
    objectOf({
      code: anyText,
      status: count,
      detail: anyText,
      reported: orNull(anyText),
      strike: orNull(anyText),
    }),
  ),
  steps: listOf({
    type: 'object',
    properties: { step: anyText, result: { enum: ['passed', 'rejected', 'off'] }, detail: anyText },
    required: ['step', 'result'],
  }),
  transactions: listOf({ type: 'object' }),
  tables: listOf(anyText),
  rateLimits: listOf(anyText),
  forwarded: orNull(
    objectOf({
      node: anyText,
      url: anyText,
      method: anyText,
      path: anyText,
      headers: byName(anyText),
      bodyBytes: count,
      rebuilt: { type: 'boolean' },
    }),
  ),
  answer: orNull(objectOf({ status: count, headers: byName(anyText), body: anyText })),
})

export interface CheckRouteParts {
  config(): FilterConfig
  bans: Pick<Bans, 'list'>
  nodes: Nodes
}

export function checkRoutes({ config, bans, nodes }: CheckRouteParts): ConfigRoute[] {
  return [
    {
      method: 'POST',
      path: '/patroneos/check',
      doc: {
        summary: 'Judge a request by the configuration in force, without forwarding it',
        description:
          'By the very steps of the filter, bans and lists of addresses included. Rate limits depend on the requests before and are named only.',
        body: { description: 'The request', schema: REQUEST },
        answers: { 200: { description: 'What would become of it, and why', schema: RESULT } },
      },
      handle: async (c) => {
        const refuse = (status: 400 | 413 | 415, message: string, detail: string) =>
          c.json(errorBody(message, status, detail), status)
        if (!isJson(c)) return refuse(415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type must be application/json')
        const body = await c.req.text()
        if (body.length > MAX_CHECK_BYTES)
          return refuse(413, 'REQUEST_TOO_LARGE', `at most ${MAX_CHECK_BYTES} bytes are allowed`)
        let json: unknown
        try {
          json = JSON.parse(body)
        } catch {
          return refuse(
            400,
            'INVALID_REQUEST',
            'the body must be a JSON object {"method", "path", "body", ...}',
          )
        }
        const parsed = parseCheckRequest(json)
        if ('issues' in parsed)
          return refuse(400, 'INVALID_REQUEST', parsed.issues.map(formatConfigIssue).join('; '))
        const { lists, troubles } = await loadAddressLists(config())
        for (const trouble of troubles)
          c.header('X-Patroneos-Warning', trouble.replace(/[^\x20-\x7e]+/g, ' '), { append: true })
        const options = {
          addresses: lists,
          bans: await bans.list(),
          nodes: nodes.known(),
          clockOffset: nodes.clock.offset(),
        }
        return c.json(await checkRequest(config(), parsed.request, options))
      },
    },
  ]
}
