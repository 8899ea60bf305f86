// The operator's routes for bans on the config listener: list them, lift one, ban by hand.
import type { Context } from 'hono'
import * as v from 'valibot'
import {
  type Address,
  type Cidr,
  clientNetwork,
  formatAddress,
  inAnyCidr,
  parseAddress,
  parseCidr,
} from '../../shared/address.ts'
import { addressSourcesOf } from '../../shared/config/address-lists.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { integer, text } from '../../shared/config/values.ts'
import type { ConfigRoute } from '../../shared/config-api.ts'
import { errorBody } from '../../shared/error-body.ts'
import { anyText, count, listOf, objectOf, time } from '../../shared/openapi.ts'
import type { Ban, Bans } from './bans.ts'

/** What an operator may do to bans. */
export type OperatedBans = Pick<Bans, 'list' | 'lift'>

const shown = ({ network, until, times, byHand }: Ban) => ({
  network,
  until: new Date(until).toISOString(),
  times,
  byHand: byHand === true,
})

const BAN = objectOf({ network: anyText, until: time, times: count, byHand: { type: 'boolean' } })

/** Their routes on the config listener. */
export function bansRoutes(bans: OperatedBans): ConfigRoute[] {
  return [
    {
      method: 'GET',
      path: '/patroneos/bans',
      doc: {
        summary: 'The bans in force',
        answers: { 200: { description: 'Networks that are banned', schema: listOf(BAN) } },
      },
      handle: async (c) => {
        const inForce = await bans.list()
        return c.json(inForce.map(shown))
      },
    },
    {
      method: 'DELETE',
      // An IPv6 network has a slash in it.
      path: '/patroneos/bans/:client{.+}',
      doc: {
        summary: 'Lift a ban, and forget the strikes that led to it',
        parameters: [
          { name: 'client', in: 'path', description: 'An address, or a network as listed', schema: anyText },
        ],
        answers: { 204: { description: 'It is lifted' } },
      },
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

/** Seconds that a ban by hand lasts where it is not said. */
const DEFAULT_SECONDS = 3600

const handBan = v.strictObject(
  {
    client: text(
      'an address, or a network as listed',
      (value) => parseAddress(withoutBits(value)) !== undefined,
    ),
    seconds: v.optional(integer(1, 31_536_000, 'seconds'), DEFAULT_SECONDS),
  },
  'an object such as {"client": "203.0.113.9", "seconds": 3600}',
)

const withoutBits = (network: string) => network.replace(/\/64$/, '')

/** The route by which an operator bans a client. `config` is the configuration in force. */
export function handBanRoute(bans: Pick<Bans, 'ban'>, config: () => FilterConfig): ConfigRoute {
  return {
    method: 'POST',
    path: '/patroneos/bans',
    doc: {
      summary: 'Ban the network of an address, in place of a ban that is in force',
      body: {
        description: 'Whom, and for how many seconds',
        schema: {
          type: 'object',
          properties: {
            client: anyText,
            seconds: { type: 'integer', minimum: 1, maximum: 31_536_000, default: DEFAULT_SECONDS },
          },
          required: ['client'],
          additionalProperties: false,
        },
      },
      answers: { 201: { description: 'The ban', schema: BAN } },
    },
    handle: async (c) => {
      const wanted = v.safeParse(handBan, await jsonOf(c))
      if (!wanted.success) {
        const [{ message, path }] = wanted.issues
        const name = path?.map(({ key }) => key).join('.') ?? 'body'
        return c.json(errorBody('INVALID_BAN', 400, `${name}: allowed: ${message}`), 400)
      }
      const { client: asked, seconds } = wanted.output
      const client = formatAddress(parseAddress(withoutBits(asked))!)
      const why = whyNotBanned(client, config())
      if (why) return c.json(errorBody('NOT_BANNABLE', 409, why), 409)
      return c.json(shown(await bans.ban(client, seconds)), 201)
    },
  }
}

/** Undefined where it is no JSON; a page of another origin can send none unasked. */
async function jsonOf(c: Context): Promise<unknown> {
  if (!c.req.header('content-type')?.startsWith('application/json')) return undefined
  return c.req.json().catch(() => undefined)
}

/** Why a ban would have no effect; undefined where it has. */
function whyNotBanned(
  client: Address,
  { mode, trustedProxies, ipAllowList }: FilterConfig,
): string | undefined {
  const isIn = (ranges: readonly string[]) =>
    inAnyCidr(
      parseAddress(client)!,
      ranges.map((range) => parseCidr(range) as Cidr),
    )
  if (mode === 'monitor') return 'mode is "monitor": nobody is banned'
  if (isIn(trustedProxies)) return `${clientNetwork(client)} is among trustedProxies, which are never banned`
  if (isIn(addressSourcesOf(ipAllowList).ranges))
    return `${clientNetwork(client)} is on ipAllowList, which is never banned`
  return undefined
}
