// Requests at a fixed rate, whatever becomes of those before (open loop), for latency as clients see it; and
// connections of one request each, from a given address. A program of its own, so that it can be pinned to a core.
// Prints one line of JSON.
import { Agent, request } from 'node:http'
import { connect } from 'node:net'

/** What is asked of the generator, as JSON in its only argument. */
export type GeneratorJob =
  | {
      kind: 'rate'
      url: string
      perSecond: number
      seconds: number
      method: string
      path: string
      body: string
    }
  | { kind: 'connections'; port: number; from: string; count: number; parallel: number; body: string }

/** Milliseconds from sending a request to the end of its answer. */
export interface Latency {
  p50: number
  p99: number
  sent: number
  errors: number
}

const BETWEEN_LOOKS = 1

async function atRate(job: GeneratorJob & { kind: 'rate' }): Promise<Latency> {
  const { hostname, port } = new URL(job.url)
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const took: number[] = []
  let errors = 0
  let sent = 0
  let answered = 0
  const one = () => {
    sent++
    const began = performance.now()
    const headers = job.body === '' ? {} : { 'content-type': 'application/json' }
    const outgoing = request({ hostname, port, agent, method: job.method, path: job.path, headers })
    const failed = () => {
      errors++
      answered++
    }
    outgoing.on('error', failed)
    outgoing.on('response', (response) => {
      if (response.statusCode! >= 400) errors++
      response.resume().on('end', () => {
        answered++
        took.push(performance.now() - began)
      })
    })
    outgoing.end(job.body === '' ? undefined : job.body)
  }
  const start = performance.now()
  const all = job.perSecond * job.seconds
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(all, Math.floor(((performance.now() - start) * job.perSecond) / 1000))
      while (sent < due) one()
      const late = performance.now() - start > job.seconds * 1000 + 5_000
      if ((sent === all && answered === all) || late) {
        clearInterval(timer)
        resolve()
      }
    }, BETWEEN_LOOKS)
  })
  errors += sent - answered
  // The first tenth is the warming up of this program.
  const sorted = took.slice(took.length / 10).toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), sent, errors }
}

/** Opens connections with one request each; resolves to how many of them were answered. */
async function connections(job: GeneratorJob & { kind: 'connections' }): Promise<{ answered: number }> {
  let left = job.count
  let answered = 0
  const head =
    job.body === ''
      ? 'GET /v1/chain/get_info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
      : `POST /v1/chain/push_transaction HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${job.body.length}\r\n\r\n${job.body}`
  const client = async () => {
    while (left-- > 0)
      await new Promise<void>((resolve) => {
        const socket = connect({ port: job.port, host: '127.0.0.1', localAddress: job.from })
        let seen = false
        socket.on('data', () => {
          seen = true
        })
        socket.on('error', () => {})
        socket.on('close', () => {
          if (seen) answered++
          resolve()
        })
        // Not `end`: a client that closes its half is taken for gone.
        socket.write(head)
      })
  }
  await Promise.all(Array.from({ length: job.parallel }, client))
  return { answered }
}

const job: GeneratorJob = JSON.parse(process.argv[2]!)
console.log(JSON.stringify(job.kind === 'rate' ? await atRate(job) : await connections(job)))
process.exit()
