// PATRONEOS_REDIS_URL -> where Redis or Valkey is, and who asks it.

export interface RedisTarget {
  kind: 'server' | 'cluster' | 'sentinel'
  tls: boolean
  hosts: { host: string; port: number }[]
  username: string | undefined
  password: string | undefined
  database: number
  /** What the sentinels call the servers that they watch; empty for the other kinds. */
  service: string
}

const ALLOWED =
  'redis://user:password@host:6379/0, or rediss:// for TLS; redis-cluster://user:password@host:6379,host:6379; redis-sentinel://user:password@host:26379,host:26379/0#service; what is special in a password as %XX'

const FORM =
  /^(rediss?)(?:-(cluster|sentinel))?:\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#]+)(?:\/(\d{1,4})?)?(?:#(.+))?$/

/** Throws an Error that does not repeat the URL, in which there is a password. */
export function parseRedisUrl(text: string): RedisTarget {
  const [, protocol, form, username, password, hosts = '', database, service = ''] =
    FORM.exec(text.trim()) ?? []
  if (protocol === undefined) throw new Error(`not a URL of Redis; allowed: ${ALLOWED}`)
  const kind = (form ?? 'server') as RedisTarget['kind']
  const named = hosts.split(',').map((host) => hostOf(host, kind === 'sentinel' ? 26_379 : 6_379))
  if (kind === 'server' && named.length > 1)
    throw new Error(
      `found ${named.length} hosts; allowed: one, or several with redis-cluster or redis-sentinel`,
    )
  if (kind === 'cluster' && Number(database ?? 0) !== 0)
    throw new Error(`found database ${database}; allowed: 0, the only one of a cluster`)
  if ((kind === 'sentinel') !== (service !== ''))
    throw new Error(
      kind === 'sentinel'
        ? `no service; allowed: its name at the sentinels, as in redis-sentinel://host:26379#service`
        : 'found a # part; allowed: only for redis-sentinel, the service (%23 stands for a # in a password)',
    )
  return {
    kind,
    tls: protocol === 'rediss',
    hosts: named,
    username: decoded(username, 'user name'),
    password: decoded(password, 'password'),
    database: Number(database ?? 0),
    service,
  }
}

function hostOf(text: string, fallback: number): { host: string; port: number } {
  const [, v6, name, port] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = v6 ?? name
  const number = port === undefined ? fallback : Number(port)
  if (host === undefined || number < 1 || number > 65_535)
    throw new Error(`not hosts with ports from 1 to 65535, separated by commas; allowed: ${ALLOWED}`)
  return { host, port: number }
}

/** Undefined where there is none. */
function decoded(text: string | undefined, what: string): string | undefined {
  if (!text) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error(`the ${what} has a % that begins no %XX; allowed: %25 for a %`)
  }
}

/** For the log: without user and password. */
export function showTarget({ kind, tls, hosts }: RedisTarget): string {
  const form = `redis${tls ? 's' : ''}${kind === 'server' ? '' : `-${kind}`}`
  return `${form}://${hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')}`
}
