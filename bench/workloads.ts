// What is sent: wrk scripts with requests as wallets and scanners send them, the transactions packed by eosjs.
import { pushBody, toHex } from '../e2e/fuzz/transactions.ts'
import { temporaryFile } from './processes.ts'
import type { Setup } from './proxies.ts'

export interface Request {
  method: 'GET' | 'POST'
  path: string
  body: string
}

export interface Workload {
  name: string
  setup: Setup
  /** Its processes have no other workload: code that has seen more runs otherwise than code that has seen less. */
  ownProcess?: boolean
  /** Each with its share of the load. */
  requests: { request: Request; share: number }[]
  /** The workload whose HAProxy run this one is compared with. */
  baseline: string
  connections: number
}

export const getInfo: Request = { method: 'GET', path: '/v1/chain/get_info', body: '' }
const notJson = packedPush('{c}')

/** A push of this body. */
export function packedPush(body: string): Request {
  return { method: 'POST', path: '/v1/chain/push_transaction', body }
}

/** Bytes that zlib halves, as it about does with a contract's code; the same ones every time. */
export function codeLike(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = 1
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 28
  }
  return bytes
}

const action = (account: string, name: string, data: Uint8Array) => ({
  account,
  name,
  authorization: [{ actor: 'alice', permission: 'active' }],
  data: toHex(data),
})

/** A push of one action whose body has about so many bytes, compressed. */
export function pushOf(bodyBytes: number): Request {
  const [account, name] = bodyBytes > 1_000 ? ['eosio', 'setcode'] : ['eosio.token', 'transfer']
  // Two characters of hexadecimal for a byte of the stream, and two bytes of code for that.
  const dataBytes = Math.max(33, bodyBytes - 350)
  return packedPush(pushBody({ actions: [action(account, name, codeLike(dataBytes))] }, 'zlib'))
}

/** A push of so many transfers in one transaction, not compressed. */
export function pushOfActions(count: number): Request {
  const actions = Array.from({ length: count }, () => action('eosio.token', 'transfer', Buffer.alloc(33)))
  return packedPush(pushBody({ actions }))
}

/** So many pushes of one transfer in one request. */
export function pushOfMany(count: number): Request {
  const { body } = pushOf(500)
  return {
    method: 'POST',
    path: '/v1/chain/push_transactions',
    body: `[${Array(count).fill(body).join(',')}]`,
  }
}

const one = (name: string, request: Request, more: Partial<Workload> = {}): Workload => ({
  name,
  setup: 'plain',
  requests: [{ request, share: 1 }],
  baseline: name,
  connections: 64,
  ...more,
})

const mix = [
  { request: getInfo, share: 7 },
  { request: pushOf(500), share: 2 },
  { request: notJson, share: 1 },
]

export const workloads: Workload[] = [
  one('get_info', getInfo),
  { ...one('get_info, cached', getInfo, { setup: 'cached', baseline: 'get_info' }) },
  one('push 0.5 kB', pushOf(500)),
  one('push 0.5 kB, not compressed', pushOfActions(1)),
  one('push 10 kB', pushOf(10_000)),
  one('push 500 kB', pushOf(499_000), { connections: 16 }),
  one('rejected {c}', notJson),
  { ...one('mix', getInfo, { ownProcess: true }), requests: mix },
  { ...one('mix, relay', getInfo, { setup: 'relay', baseline: 'mix' }), requests: mix },
]

/** What ends each script: the result as one line of JSON, which `measure` reads. */
export const WRK_RESULT = `
done = function(summary, latency)
  io.write(string.format(
    '\\nRESULT {"requests":%d,"microseconds":%d,"errors":%d,"p50":%f,"p99":%f}\\n',
    summary.requests, summary.duration,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
`

/** The workload as a wrk script: requests are made once, and the result is one line of JSON. */
export function wrkScript({ name, requests }: Pick<Workload, 'name' | 'requests'>): string {
  const formats = requests.flatMap(({ request, share }) => {
    const { method, path, body } = request
    const headers = body === '' ? '{}' : '{["Content-Type"]="application/json"}'
    const format = `wrk.format("${method}", "${path}", ${headers}, ${body === '' ? 'nil' : JSON.stringify(body)})`
    return Array.from({ length: share }, () => format)
  })
  // A seven-tenth share does not come in a row of seven.
  const order = formats.map((format, index) => ({ format, at: (index * 3) % formats.length }))
  order.sort((a, b) => a.at - b.at)
  return temporaryFile(
    `${name.replaceAll(/\W/g, '-')}.lua`,
    `
local made, at = {}, 0
init = function()
  made = { ${order.map(({ format }) => format).join(', ')} }
end
request = function()
  at = at % #made + 1
  return made[at]
end
${WRK_RESULT}`,
  )
}
