// Sends every attack as bytes to a running filter and holds what came of it against what may: the upstream sees
// nothing, or exactly one well-framed request with a target that may come through; and the filter lives on.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Allowed, ATTACKS, type Attack, EVIL_CONTRACT, GOOD_TRANSACTION } from './attacks.ts'
import { type RunningFilter, type Runtime, startFilter } from './filter.ts'
import {
  exchange,
  type Message,
  type Reply,
  startUpstream,
  statusOf,
  type Upstream,
  valuesOf,
} from './wire.ts'

let upstream: Upstream
let filter: RunningFilter

/** All attacks against a filter on a runtime. */
export function attackOn(runtime: Runtime): void {
  beforeAll(async () => {
    upstream = await startUpstream()
    const config = {
      nodeosUrl: '127.0.0.1',
      nodeosPort: upstream.port,
      trustedProxies: [],
      contractBlackList: { [EVIL_CONTRACT]: true },
    }
    filter = await startFilter(config, runtime)
    // It asks nodeos how it is when it starts.
    await vi.waitUntil(() => upstream.taken().requests.length > 0, 10_000)
  })
  afterAll(async () => {
    await filter?.stop()
    await upstream?.close()
  })
  describe('in one packet', () => {
    it.each(ATTACKS)('$name: $allowed', (attack) => hold(attack))
  })
  describe('in packets of seven bytes', () => {
    const small = ATTACKS.filter(({ bytes }) => bytes.length < 1000)
    it.each(small)('$name: $allowed', (attack) => hold(attack, 7))
  })
  it('sends a transaction once, even where nodeos hangs up on it', holdTransactionSentOnce)
}

const WITHHELD =
  /^(?:transfer-encoding|te|trailer|upgrade|keep-alive|proxy-.*|http2-settings|x-hop|expect|authorization|cookie|forwarded|x-forwarded-(?!for$).*|x-real-ip|cf-.*)$/

/** What is wrong with a request that reached the upstream. */
function flawsOf(request: Message, attack: Attack): string[] {
  const { startLine, headers, body } = request
  const flaws = headers
    .filter(([name]) => WITHHELD.test(name))
    .map(([name]) => `the header ${name} came through`)
  const one = (name: string, value: string) => {
    const values = valuesOf(request, name)
    if (values.length !== 1 || values[0] !== value) flaws.push(`${name} is ${JSON.stringify(values)}`)
  }
  one('host', `127.0.0.1:${upstream.port}`)
  one('x-forwarded-for', '127.0.0.1')
  if (!/^[A-Z]+ \/[\x21-\x7e]* HTTP\/1\.1$/.test(startLine)) flaws.push(`the request line ${startLine}`)
  if (!/^(?:keep-alive|close)?$/.test(valuesOf(request, 'connection').join()))
    flaws.push('Connection came through')
  if (attack.body !== undefined && body.toString('latin1') !== attack.body) flaws.push(`the body ${body}`)
  return flaws
}

/** What became of it, in the words of `Allowed`. */
function outcomeOf({ responses, closed }: Reply, requests: Message[]): Allowed {
  if (requests.length > 0) return requests[0]!.startLine.split(' ')[1] as Allowed
  const last = responses.at(-1)
  const refused = statusOf(last) >= 400 && statusOf(last) !== 500 && statusOf(last) < 506
  if (refused && closed) return 'closed'
  if (refused) return 'refused'
  if (closed && !last) return 'dropped'
  return 'unseen'
}

const LAST = '/v1/chain/get_info?last'
const LAST_REQUEST = `GET ${LAST} HTTP/1.1\r\nHost: filter.example\r\nConnection: close\r\n\r\n`

/** What reached the upstream, up to a last request that is sent to wait for it. */
async function takeRequests(): Promise<{ requests: Message[]; left: string[] }> {
  const { responses } = await exchange(filter.port, LAST_REQUEST)
  expect(statusOf(responses[0])).toBe(200)
  const { requests, left } = upstream.taken()
  return { requests: requests.filter(({ startLine }) => !startLine.includes(LAST)), left }
}

/** The most that loopback carries at once: its MTU, less the headers of IP and TCP. */
const PACKET_BYTES = 65_483

/** Sends the attack, in one packet or in pieces, and holds what came of it against what may. */
async function hold(attack: Attack, pieceSize?: number): Promise<void> {
  const heads = attack.bytes.startsWith('HEAD ')
  const reply = await exchange(filter.port, attack.bytes, { heads, ...(pieceSize && { pieceSize }) })
  const { requests, left } = await takeRequests()
  const outcome = outcomeOf(reply, requests)
  const shown = JSON.stringify({ outcome, reply, requests }, (_key, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
  )
  expect(requests.length, shown).toBeLessThanOrEqual(1)
  expect(left, shown).toEqual([])
  for (const request of requests) expect(flawsOf(request, attack), shown).toEqual([])
  // A connection that was closed at once is more than refused. Where more bytes come to a closed connection,
  // be it in later packets or because they are more than one packet takes, the reset may overtake the answer.
  const severalPackets = pieceSize !== undefined || attack.bytes.length > PACKET_BYTES
  const words = [
    outcome,
    ...(outcome === 'dropped' && severalPackets ? ['closed', 'refused'] : []),
    ...(outcome === 'closed' ? ['refused'] : []),
    ...(requests.length > 0 ? [] : ['unseen']),
  ]
  const allowed = words.some((word) => attack.allowed.includes(word as Allowed))
  expect(allowed, shown).toBe(true)
  expect(filter.process.exitCode).toBeNull()
}

/** A transaction is sent once, even where nodeos hangs up on it. */
async function holdTransactionSentOnce(): Promise<void> {
  upstream.answering = false
  const { responses } = await exchange(filter.port, GOOD_TRANSACTION)
  upstream.answering = true
  expect(statusOf(responses[0])).toBe(503)
  expect(upstream.taken().requests).toHaveLength(1)
}
