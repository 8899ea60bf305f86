// What stands around a filter in the conformance suite: a nodeos that keeps each request as it came and answers as
// the case asks, and a relay that takes signed reports.
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { ReportEvent } from '../../../shared/report-message.ts'
import { infoBody } from '../../testing/nodes.ts'

export interface UpstreamRequest {
  method: string
  target: string
  headers: Record<string, string>
  body: string
}

export interface UpstreamAnswer {
  status?: number
  headers?: Record<string, string>
  body?: string
}

export interface Upstream {
  port: number
  /** Requests by the client in their X-Forwarded-For. */
  received(client: string): UpstreamRequest[]
  /** All of them, in order. */
  all: UpstreamRequest[]
  /** Has the requests of a client answered so; else it is 200 and an object. */
  answer(client: string, answer: UpstreamAnswer): void
  close(): void
}

export async function startUpstream(): Promise<Upstream> {
  const all: UpstreamRequest[] = []
  const answers = new Map<string, UpstreamAnswer>()
  const { port, close } = await listen((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk) => chunks.push(chunk))
    incoming.on('end', () => {
      const headers = incoming.headers as Record<string, string>
      all.push({
        method: incoming.method!,
        target: incoming.url!,
        headers,
        body: Buffer.concat(chunks).toString('latin1'),
      })
      const isLook = headers['user-agent'] === 'patroneos'
      const answer = isLook
        ? { body: JSON.stringify(infoBody({})) }
        : (answers.get(headers['x-forwarded-for']!) ?? {})
      outgoing.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers })
      outgoing.end(answer.body ?? '{"from":"nodeos"}')
    })
  })
  return {
    port,
    close,
    all,
    received: (client) => all.filter(({ headers }) => headers['x-forwarded-for'] === client),
    answer: (client, answer) => answers.set(client, answer),
  }
}

export interface Relay {
  url: string
  events: ReportEvent[]
  /** How many events each message had. */
  messages: number[]
  close(): void
}

/** Takes what the library of Standard Webhooks finds to be signed with the secret. */
export async function startRelay(secret: string): Promise<Relay> {
  const webhook = new Webhook(secret)
  const events: ReportEvent[] = []
  const messages: number[] = []
  const { port, close } = await listen((incoming, outgoing) => {
    let body = ''
    incoming.on('data', (chunk) => (body += chunk))
    incoming.on('end', () => {
      const taken = webhook.verify(body, incoming.headers as Record<string, string>) as ReportEvent[]
      events.push(...taken)
      messages.push(taken.length)
      outgoing.end('{}')
    })
  })
  return { url: `http://127.0.0.1:${port}`, events, messages, close }
}

async function listen(listener: RequestListener): Promise<{ port: number; close(): void }> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
