// The operator's routes for bans on the config listener: list them, lift one.
import { formatAddress, parseAddress } from '../../shared/address.ts'
import type { ConfigRoute } from '../../shared/config-api.ts'
import { errorBody } from '../../shared/error-body.ts'
import type { Bans } from './bans.ts'

/** Their routes on the config listener. */
export function bansRoutes(bans: Pick<Bans, 'list' | 'lift'>): ConfigRoute[] {
  return [
    {
      method: 'GET',
      path: '/patroneos/bans',
      handle: async (c) => {
        const inForce = await bans.list()
        return c.json(
          inForce.map(({ network, until, times }) => ({
            network,
            until: new Date(until).toISOString(),
            times,
          })),
        )
      },
    },
    {
      method: 'DELETE',
      // An IPv6 network has a slash in it.
      path: '/patroneos/bans/:client{.+}',
      handle: async (c) => {
        const text = (c.req.param('client') ?? '').replace(/\/64$/, '')
        const address = parseAddress(text)
        if (!address) {
          const detail = `found ${JSON.stringify(text.slice(0, 100))}; allowed: an address, or a network as listed`
          return c.json(errorBody('INVALID_ADDRESS', 400, detail), 400)
        }
        const client = formatAddress(address)
        if (!(await bans.lift(client)))
          return c.json(errorBody('NOT_BANNED', 404, `${client} is not banned`), 404)
        return c.body(null, 204)
      },
    },
  ]
}
