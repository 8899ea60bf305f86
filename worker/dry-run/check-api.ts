// The route on the config listener that judges a request by the configuration in force, without forwarding it.
import { parseCheckRequest } from '../../shared/check-request.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { formatConfigIssue } from '../../shared/config/parse.ts'
import { type ConfigRoute, isJson } from '../../shared/config-api.ts'
import { errorBody } from '../../shared/error-body.ts'
import type { Bans } from '../bans/bans.ts'
import type { Nodes } from '../nodes/nodes.ts'
import { loadAddressLists } from './address-lists.ts'
import { checkRequest } from './check.ts'

/** Bytes of the largest request taken: a body of the largest maxBodySize in base64 would not be worth the memory. */
const MAX_CHECK_BYTES = 16_777_216

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
      handle: async (c) => {
        const refuse = (status: 400 | 413 | 415, message: string, detail: string) =>
          c.json(errorBody(message, status, detail), status)
        if (!isJson(c)) return refuse(415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type must be application/json')
        const text = await c.req.text()
        if (text.length > MAX_CHECK_BYTES)
          return refuse(413, 'REQUEST_TOO_LARGE', `at most ${MAX_CHECK_BYTES} bytes are allowed`)
        let json: unknown
        try {
          json = JSON.parse(text)
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
