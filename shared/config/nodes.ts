// The keys for several nodes: which there are, what each serves, how they share requests, and when one is out.
import * as v from 'valibot'
import { endpoint, integer, key, list, section, text } from './values.ts'

/** Words of `serves` that stand for many paths: the transaction endpoints, and all else. */
export const servedWords = ['push', 'read'] as const

const ORIGIN = 'a URL such as http://10.0.0.11:8888, without user name, path, query or fragment'
const isOrigin = (value: string) => {
  if (!URL.canParse(value)) return false
  const { protocol, username, password, pathname, search, hash, port } = new URL(value)
  const rest = `${username}${password}${search}${hash}`
  return /^https?:$/.test(protocol) && rest === '' && pathname === '/' && port !== '0'
}

const SERVED = '"push", "read", or a path as in endpoints, such as /v1/history/*'
const served = text(SERVED, (value) => servedWords.some((word) => word === value) || v.is(endpoint, value))

const HEALTH = '"get_info", or a path that answers 2xx, such as /v2/health'

const node = section(
  {
    name: text('a name of 1 to 64 letters, digits and . _ -', (value) => /^[\w.-]{1,64}$/.test(value)),
    url: text(ORIGIN, isOrigin),
    weight: v.optional(integer(0, 1_000), 1),
    serves: v.optional(v.pipe(list(served, 'a list'), v.minLength(1, `one or more of ${SERVED}`)), [
      ...servedWords,
    ]),
    health: v.optional(
      text(HEALTH, (value) => value === 'get_info' || /^\/[\x21-\x7e]*$/.test(value)),
      'get_info',
    ),
  },
  'an object such as {"name": "api-1", "url": "http://10.0.0.11:8888"}',
)

export const balances = ['least-requests', 'round-robin', 'random', 'client'] as const
export type Balance = (typeof balances)[number]

export const nodeKeys = {
  nodes: key(
    list(node, 'a list of nodes'),
    [],
    'Nodes that requests are forwarded to, each {"name", "url", "weight": 1, "serves": ["push", "read"], "health": "get_info"}; none: the one of nodeosProtocol, nodeosUrl and nodeosPort',
  ),
  balance: key(
    v.picklist(balances, balances.map((name) => `"${name}"`).join(', ')),
    'least-requests',
    'How nodes share requests: "least-requests" (of two picked at random, by weight), "round-robin", "random", or "client" (a client keeps its node while that is in)',
  ),
  healthInterval: key(integer(1, 3600, 'seconds'), 5, 'Seconds between two looks at a node'),
  maxHeadAge: key(
    integer(1, 86_400, 'seconds'),
    10,
    'Seconds since the head block of a node; older ones put it out',
  ),
  maxHeadLag: key(
    integer(1, 1_000_000, 'blocks'),
    20,
    'Blocks that a node may be behind the best one; more put it out',
  ),
}
