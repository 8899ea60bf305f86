// Bans for the operator, on the config listener: who is banned, and an end to a ban that hit the wrong one.
import type { Hono } from 'hono'
import { formatAddress, parseAddress } from '../../shared/address.ts'
import { errorBody } from '../../shared/error-body.ts'
import type { Bans } from './bans.ts'

/** Adds the routes to the config API, behind its token. */
export function addBansApi(configApi: Hono, bans: Pick<Bans, 'list' | 'lift'>): void {
  configApi.get('/patroneos/bans', async (c) => {
    const inForce = await bans.list()
    return c.json(
      inForce.map(({ network, until, times }) => ({ network, until: new Date(until).toISOString(), times })),
    )
  })
  // An IPv6 network has a slash in it.
  configApi.delete('/patroneos/bans/:client{.+}', async (c) => {
    const text = c.req.param('client').replace(/\/64$/, '')
    const address = parseAddress(text)
    if (!address) {
      const detail = `found ${JSON.stringify(text.slice(0, 100))}; allowed: an address, or a network as listed`
      return c.json(errorBody('INVALID_ADDRESS', 400, detail), 400)
    }
    const client = formatAddress(address)
    if (!(await bans.lift(client)))
      return c.json(errorBody('NOT_BANNED', 404, `${client} is not banned`), 404)
    return c.body(null, 204)
  })
}
