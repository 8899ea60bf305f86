// A client inside a network namespace. Takes one JSON command a line on stdin, answers with one JSON line each on
// stdout, in whatever order they end. It paces its load itself, so that what was sent is measured where it was sent.
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { createInterface } from 'node:readline'
import { connect as connectTls } from 'node:tls'

export interface RequestCommand {
  do: 'request'
  host: string
  port: number
  path: string
  method?: string
  headers?: Record<string, string>
  body?: string
  /** Source address. */
  from?: string
  /** ms until the answer must be there. */
  timeout?: number
  /** Requests with the same name share one kept-alive connection; others get a connection each. */
  connection?: string
}

export interface ConnectCommand {
  do: 'connect'
  host: string
  port: number
  from?: string
  timeout?: number
}

/** Opens a connection, sends part of a request, and waits until the other side ends it. */
export interface DribbleCommand {
  do: 'dribble'
  host: string
  port: number
  from?: string
  /** Sent at once; after that, one byte of an endless header each second. */
  start: string
  timeout: number
}

/** Sends requests at a steady rate, in turn, until it is told to stop. */
export interface LoadCommand {
  do: 'load'
  name: string
  perSecond: number
  requests: RequestCommand[]
  /** Connections that are kept and shared; 0 is a new connection for each request. */
  connections: number
}

/** Ends a load and answers, when all its requests have ended, with what came of them. */
export interface StopCommand {
  do: 'stop'
  name: string
}

export interface LoadResult {
  sent: number
  /** Requests a second, as they were sent. */
  rate: number
  /** One line for each request that was not answered with 200 or 202: what came, of what, and when. */
  bad: string[]
}

export type Command = RequestCommand | ConnectCommand | DribbleCommand | LoadCommand | StopCommand

export interface Answer {
  status?: number
  headers?: Record<string, string>
  body?: string
  /** `timeout`, or the code of the socket's error, such as `ECONNREFUSED`. */
  error?: string
  load?: LoadResult
  /** ms it took. */
  took: number
}

const ca = readFileSync(process.argv[2]!)
const kept = new Map<string, Agent>()

function agentFor(name: string | undefined): Agent | false {
  if (name === undefined) return false
  const agent = kept.get(name) ?? new Agent({ keepAlive: true, maxSockets: 1 })
  kept.set(name, agent)
  return agent
}

function send(command: RequestCommand, agent = agentFor(command.connection)): Promise<Omit<Answer, 'took'>> {
  return new Promise((resolve) => {
    const { host, port, path, method = 'GET', headers = {}, body, from, timeout = 3000 } = command
    const outgoing = request({
      host,
      port,
      path,
      method,
      headers:
        body === undefined ? headers : { 'content-length': String(Buffer.byteLength(body)), ...headers },
      ...(from === undefined ? {} : { localAddress: from }),
      agent,
      ca,
      servername: 'localhost',
    })
    const timer = setTimeout(() => {
      resolve({ error: 'timeout' })
      outgoing.destroy()
    }, timeout)
    const end = (answer: Omit<Answer, 'took'>) => {
      clearTimeout(timer)
      resolve(answer)
    }
    outgoing.on('error', (error: NodeJS.ErrnoException) => end({ error: error.code ?? error.message }))
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', (error: NodeJS.ErrnoException) => end({ error: error.code ?? error.message }))
      response.on('end', () =>
        end({
          status: response.statusCode ?? 0,
          headers: response.headers as Record<string, string>,
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    outgoing.end(body)
  })
}

function connect({ host, port, from, timeout = 2000 }: ConnectCommand): Promise<Omit<Answer, 'took'>> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port, ...(from === undefined ? {} : { localAddress: from }) })
    const timer = setTimeout(() => end({ error: 'timeout' }), timeout)
    const end = (answer: Omit<Answer, 'took'>) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    socket.on('connect', () => end({ status: 0 }))
    socket.on('error', (error: NodeJS.ErrnoException) => end({ error: error.code ?? error.message }))
  })
}

function dribble({ host, port, from, start, timeout }: DribbleCommand): Promise<Omit<Answer, 'took'>> {
  return new Promise((resolve) => {
    const socket = connectTls({
      host,
      port,
      ca,
      servername: 'localhost',
      ...(from === undefined ? {} : { localAddress: from }),
    })
    let body = ''
    const timers = [
      setTimeout(() => end({ error: 'timeout' }), timeout),
      setInterval(() => socket.writable && socket.write('x'), 1000),
    ]
    const end = (answer: Omit<Answer, 'took'>) => {
      for (const timer of timers) clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    socket.on('secureConnect', () => socket.write(start))
    socket.on('data', (chunk) => {
      body += chunk
    })
    socket.on('error', () => end({ status: 0, body }))
    socket.on('close', () => end({ status: 0, body }))
  })
}

const loads = new Map<string, () => Promise<LoadResult>>()

function startLoad({ name, perSecond, requests, connections }: LoadCommand): void {
  const agent: Agent | false =
    connections > 0 && new Agent({ keepAlive: true, maxSockets: connections, scheduling: 'fifo' })
  const under: Promise<unknown>[] = []
  const bad: string[] = []
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  /** Sends what is due by the clock, not by the timer's own count, which falls behind on a busy machine. */
  const sendDue = (at: number) => {
    while (under.length < at * perSecond) {
      const request = requests[under.length % requests.length]!
      under.push(
        send(request, agent).then(({ status, error }) => {
          if (status !== 200 && status !== 202)
            bad.push(`${status ?? error} (${request.path} from ${request.from} at ${at.toFixed(1)} s)`)
        }),
      )
    }
  }
  const timer = setInterval(() => sendDue(seconds()), 5)
  loads.set(name, async () => {
    clearInterval(timer)
    const end = seconds()
    sendDue(end)
    const sent = under.length
    const rate = Math.round(sent / end)
    await Promise.all(under)
    if (agent) agent.destroy()
    return { sent, rate, bad }
  })
}

function carryOut(command: Command): Promise<Omit<Answer, 'took'>> {
  switch (command.do) {
    case 'request':
      return send(command)
    case 'connect':
      return connect(command)
    case 'dribble':
      return dribble(command)
    case 'load':
      startLoad(command)
      return Promise.resolve({})
    case 'stop':
      return loads.get(command.name)!().then((load) => ({ load }))
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...command } = JSON.parse(line) as Command & { id: number }
  const began = performance.now()
  carryOut(command).then((answer) => {
    process.stdout.write(
      `${JSON.stringify({ id, ...answer, took: Math.round(performance.now() - began) })}\n`,
    )
  })
}
process.exit(0)
