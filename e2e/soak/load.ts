// Steady clients of the whole set-up: good ones, one that asks for more than its limit, and bad ones, each of whose
// violations comes from an address of its own, so that it is known again in the log.
import { Agent, request } from 'node:http'
import { pushBody } from '../fuzz/transactions.ts'

export type Kind = 'read' | 'push' | 'limited' | 'bad'

export interface Sent {
  kind: Kind
  /** Milliseconds since the epoch. */
  began: number
  ended: number
  /** 0: no answer. */
  status: number
  client: string
  /** The filter whose answer it was; empty where none answered. */
  filter: string
}

/** Requests a second. */
const RATES: Record<Kind, number> = { read: 60, push: 20, limited: 30, bad: 10 }

export const LIMITED = '203.0.113.50'

/** Milliseconds after which a request is given up. */
const TIMEOUT = 60_000

const agent = new Agent({ keepAlive: true, maxSockets: 2_000 })
let count = 0

function clientOf(kind: Kind, index: number): string {
  if (kind === 'limited') return LIMITED
  if (kind === 'bad') return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
  return `198.51.100.${(index % 20) + 1}`
}

function bodyOf(kind: Kind, index: number): string {
  if (kind === 'bad') return '{'
  if (kind !== 'push') return `{"code":"eosio","table":"global","limit":${(index % 100) + 1}}`
  const data = index.toString(16).padStart(16, '0')
  const authorization = [{ actor: 'alice', permission: 'active' }]
  return pushBody({ actions: [{ account: 'eosio.token', name: 'transfer', authorization, data }] })
}

async function send(port: number, kind: Kind): Promise<Sent> {
  const index = count++
  const client = clientOf(kind, index)
  const body = bodyOf(kind, index)
  const began = Date.now()
  // A kept connection may be closed just when it is used again: as browsers do, that is tried once more.
  const first = await ask(port, kind, client, body)
  const answer = first === 'closed' ? await ask(port, kind, client, body) : first
  return { kind, began, ended: Date.now(), client, ...(answer === 'closed' ? NONE : answer) }
}

type Answered = Pick<Sent, 'status' | 'filter'>

const NONE: Answered = { status: 0, filter: '' }

function ask(port: number, kind: Kind, client: string, body: string): Promise<Answered | 'closed'> {
  return new Promise((resolve) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path: `/v1/chain/${kind === 'push' || kind === 'bad' ? 'push_transaction' : 'get_table_rows'}`,
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json', 'x-forwarded-for': client },
      timeout: TIMEOUT,
    })
    outgoing.on('response', (incoming) => {
      const { 'x-filter': filter } = incoming.headers
      incoming.on('end', () => resolve({ status: incoming.statusCode!, filter: String(filter ?? '') }))
      incoming.on('error', () => resolve(NONE))
      incoming.resume()
    })
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      resolve(outgoing.reusedSocket && error.code === 'ECONNRESET' ? 'closed' : NONE),
    )
    outgoing.end(body)
  })
}

export interface Load {
  /** Those that are over. */
  sent: readonly Sent[]
  /** Resolves when all are over. */
  stop(): Promise<void>
}

export function startLoad(port: number): Load {
  const sent: Sent[] = []
  const underWay = new Set<Promise<void>>()
  const began = performance.now()
  const counts: Record<Kind, number> = { read: 0, push: 0, limited: 0, bad: 0 }
  const timer = setInterval(() => {
    const seconds = (performance.now() - began) / 1000
    for (const kind of Object.keys(RATES) as Kind[])
      for (; counts[kind] < seconds * RATES[kind]; counts[kind]++) {
        const one: Promise<void> = send(port, kind).then((result) => {
          sent.push(result)
          underWay.delete(one)
        })
        underWay.add(one)
      }
  }, 5)
  return {
    sent,
    stop: async () => {
      clearInterval(timer)
      await Promise.all(underWay)
      agent.destroy()
    },
  }
}
