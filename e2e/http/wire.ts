// Bytes on the wire: a client that sends what it is told and shows all that comes back, and an upstream in
// nodeos's place that records what reaches it. Neither uses an HTTP library: these forgive too much.
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { setImmediate } from 'node:timers/promises'

/** A message head and body, or what was wrong with its framing. */
export interface Message {
  startLine: string
  /** Lower-case names, in order. */
  headers: [string, string][]
  body: Buffer
}

export const valuesOf = ({ headers }: Message, name: string): string[] =>
  headers.filter(([key]) => key === name).map(([, value]) => value)

type Framed = { message: Message; rest: Buffer } | 'incomplete' | { wrong: string }

/** RFC 9112, strictly: CRLF only, one Content-Length of digits, no folding, no white space around names. */
function readMessage(bytes: Buffer, bodyless: (startLine: string) => boolean): Framed {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return 'incomplete'
  const [startLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  if (/[\r\n\0]/.test(bytes.subarray(0, end).toString('latin1').replaceAll('\r\n', '')))
    return { wrong: 'a bare CR, LF or NUL in the head' }
  const headers: [string, string][] = []
  for (const line of lines) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line)
    if (!field) return { wrong: `the header line ${JSON.stringify(line)}` }
    headers.push([field[1]!.toLowerCase(), field[2]!])
  }
  const message: Message = { startLine, headers, body: Buffer.alloc(0) }
  const rest = bytes.subarray(end + 4)
  const lengths = valuesOf(message, 'content-length')
  const codings = valuesOf(message, 'transfer-encoding')
  if (lengths.length + codings.length > 1) return { wrong: 'more than one length' }
  if (bodyless(startLine)) return { message, rest }
  if (codings.length > 0) {
    if (codings[0] !== 'chunked') return { wrong: `transfer-encoding ${codings[0]}` }
    return readChunks(message, rest)
  }
  if (lengths.length > 0 && !/^\d{1,15}$/.test(lengths[0]!)) return { wrong: `content-length ${lengths[0]}` }
  const length = Number(lengths[0] ?? 0)
  if (rest.length < length) return 'incomplete'
  return { message: { ...message, body: rest.subarray(0, length) }, rest: rest.subarray(length) }
}

function readChunks(message: Message, bytes: Buffer): Framed {
  const chunks: Buffer[] = []
  let rest = bytes
  for (;;) {
    const end = rest.indexOf('\r\n')
    if (end < 0) return 'incomplete'
    const digits = rest.subarray(0, end).toString('latin1')
    if (!/^[0-9a-fA-F]{1,8}$/.test(digits)) return { wrong: `the chunk size ${digits}` }
    const size = Number.parseInt(digits, 16)
    if (rest.length < end + 2 + size + 2) return 'incomplete'
    chunks.push(rest.subarray(end + 2, end + 2 + size))
    if (rest.subarray(end + 2 + size, end + 4 + size).toString('latin1') !== '\r\n')
      return { wrong: 'no CRLF behind a chunk' }
    rest = rest.subarray(end + 4 + size)
    if (size === 0) return { message: { ...message, body: Buffer.concat(chunks) }, rest }
  }
}

/** All messages in a row; `left` is what stands behind the last whole one, or what is wrong there. */
function readMessages(bytes: Buffer, bodyless: (startLine: string) => boolean = () => false) {
  const messages: Message[] = []
  let rest = bytes
  while (rest.length > 0) {
    const framed = readMessage(rest, bodyless)
    if (framed === 'incomplete') break
    if ('wrong' in framed) return { messages, left: framed.wrong }
    messages.push(framed.message)
    rest = framed.rest
  }
  return { messages, left: rest.toString('latin1') }
}

export interface Upstream {
  port: number
  /** Everything that came since the last call: whole requests of all connections, and what was no request. */
  taken: () => { requests: Message[]; left: string[] }
  /** False: requests are read, and then the connection is closed without an answer. */
  answering: boolean
  close: () => Promise<void>
}

/** Answers every whole request with 200 and keeps the connection. */
export async function startUpstream(): Promise<Upstream> {
  const sockets = new Set<net.Socket>()
  const taken: { requests: Message[]; left: string[] } = { requests: [], left: [] }
  const server = net.createServer((socket) => {
    sockets.add(socket)
    let pending: Buffer = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      if (pending.length > 0) taken.left.push(pending.toString('latin1'))
    })
    socket.on('data', (data) => {
      const { messages, left } = readMessages(Buffer.concat([pending, data]))
      taken.requests.push(...messages)
      pending = Buffer.from(left, 'latin1')
      if (messages.length > 0 && !upstream.answering) socket.destroy()
      for (const _ of messages)
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const upstream: Upstream = {
    port: (server.address() as net.AddressInfo).port,
    answering: true,
    taken: () => ({ requests: taken.requests.splice(0), left: taken.left.splice(0) }),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return upstream
}

export interface Reply {
  responses: Message[]
  /** Bytes that are no whole response. */
  left: string
  /** The other side has closed the connection. */
  closed: boolean
}

export const statusOf = (response: Message | undefined): number =>
  Number(response?.startLine.split(' ')[1] ?? 0)

/** After how long of silence no first byte, and no other one, is expected any more, if the other side is awake. */
const FIRST_BYTE_MS = 1000
const QUIET_MS = 60

/**
 * Sends the bytes, one character a byte, and gathers what comes back until the other side closes or is quiet.
 * `heads` is for HEAD requests, whose responses have no body; `pieceSize` is how many bytes go in one packet.
 */
export async function exchange(
  port: number,
  text: string,
  { heads = false, pieceSize = Number.POSITIVE_INFINITY } = {},
): Promise<Reply> {
  const socket = net.connect(port, '127.0.0.1')
  const parts: Buffer[] = []
  let closed = false
  const quiet = Promise.withResolvers<void>()
  let timer: NodeJS.Timeout | undefined
  const wait = () => {
    clearTimeout(timer)
    timer = setTimeout(makeSure, parts.length > 0 ? QUIET_MS : FIRST_BYTE_MS)
  }
  // On a busy machine it may be silent because its turn has not come.
  const makeSure = async () => {
    const waited = timer
    for (let left = 2; left > 0; left--) await roundTrip(port)
    if (timer === waited) quiet.resolve()
  }
  socket.on('error', () => {})
  socket.on('data', (data) => {
    parts.push(data)
    wait()
  })
  // The listener ends its side when it is done; a reset counts as closed as well.
  socket.on('close', () => {
    closed = true
    quiet.resolve()
  })
  socket.on('end', () => {
    closed = true
    quiet.resolve()
  })
  socket.setNoDelay(true)
  socket.on('connect', async () => {
    for (let at = 0; at < text.length && !closed; at += pieceSize) {
      socket.write(Buffer.from(text.slice(at, at + pieceSize), 'latin1'))
      wait()
      await setImmediate()
    }
  })
  await quiet.promise
  clearTimeout(timer)
  socket.destroy()
  const bodyless = (line: string) => heads || /^HTTP\/1\.[01] (?:1\d\d|204|304)/.test(line)
  const { messages, left } = readMessages(Buffer.concat(parts), bodyless)
  return { responses: messages, left, closed }
}

/** Resolves when the other side has answered something else, or does not answer at all. */
async function roundTrip(port: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1')
  const answered = Promise.withResolvers<void>()
  socket.on('error', () => {})
  socket.on('data', () => answered.resolve())
  socket.on('close', () => answered.resolve())
  socket.setTimeout(FIRST_BYTE_MS * 10, () => answered.resolve())
  socket.write('GET /patroneos/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  await answered.promise
  socket.destroy()
}

/** Below those that the system gives to listeners on port 0 and to clients, which could take it before it is used. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = net.createServer()
    const port = randomInt(20_000, 32_768)
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, () => resolve(true))
    })
    if (!free) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
