// A nodeos that answers as the path asks: late, slowly, at length, in any framing, by halves or never.
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Received, startNodeos } from '../../testing/nodeos-stand-in.ts'

/** What the paths of a large body answer. */
export const LARGE = randomBytes(30_000_000)

/** The same in all other framings than a length. */
export const SHORTER = LARGE.subarray(0, 2_000_000)

const PIECE = Buffer.alloc(65_536, '1')

export interface Held {
  target: string
  answer(body: string, status?: number): void
  /** Its connection is closed, before it was answered. */
  isGone: boolean
}

export interface AwkwardNodeos {
  port: number
  /** Requests that wait for the test to answer them, and those whose answer never ends, by target. */
  held: Map<string, Held>
  /** Bytes that have been handed to the kernel of an endless answer, by target. */
  sent: Map<string, number>
  close(): Promise<void>
}

export async function startAwkwardNodeos(): Promise<AwkwardNodeos> {
  const held = new Map<string, Held>()
  const sent = new Map<string, number>()

  const hold = (target: string, outgoing: ServerResponse) => {
    const entry: Held = {
      target,
      isGone: false,
      answer: (body, status = 200) => outgoing.writeHead(status).end(body),
    }
    outgoing.on('close', () => {
      entry.isGone = !outgoing.writableFinished
    })
    held.set(target, entry)
  }

  const respond = ({ target, body }: Received, outgoing: ServerResponse): void => {
    const socket = outgoing.socket!
    const half = 'x'.repeat(500)
    const reset = () => socket.resetAndDestroy()
    switch (target.split('?')[0]) {
      case '/v1/chain/large':
        outgoing.writeHead(200, { 'content-length': LARGE.length }).end(LARGE)
        break
      case '/v1/chain/length':
        outgoing.writeHead(200, { 'content-length': SHORTER.length }).end(SHORTER)
        break
      case '/v1/chain/chunked':
        // Without a length, and in more than one piece, Node sends chunks.
        outgoing.write(SHORTER.subarray(0, 100))
        outgoing.end(SHORTER.subarray(100))
        break
      case '/v1/chain/until_close':
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.end(SHORTER)
        break
      case '/v1/chain/endless': {
        hold(target, outgoing)
        const more = () => {
          sent.set(target, socket.bytesWritten)
          // A turn each: a socket that was reset takes everything until it has a turn to say so.
          if (!socket.destroyed && outgoing.write(PIECE)) setImmediate(more)
        }
        outgoing.on('drain', more)
        more()
        break
      }
      case '/v1/chain/stalled':
        outgoing.write('half')
        break
      case '/v1/chain/half_of_length':
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${half}`, reset)
        break
      case '/v1/chain/half_of_chunks':
        socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n${half}\r\n`, reset)
        break
      case '/v1/chain/half_until_close':
        socket.write(`HTTP/1.1 200 OK\r\n\r\n${half}`, reset)
        break
      case '/v1/chain/short_of_length':
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${half}`)
        break
      case '/v1/chain/no_head':
        reset()
        break
      case '/v1/chain/raw':
        // The rest of the target is the response.
        socket.end(decodeURIComponent(target.slice(target.indexOf('?') + 1)))
        break
      case '/v1/chain/echo':
        outgoing.end(target)
        break
      case '/v1/chain/body':
        outgoing.end(body)
        break
      case '/v1/chain/get_info':
        outgoing.end('{}')
        break
      default:
        hold(target, outgoing)
    }
  }

  const { port, close } = await startNodeos(respond)
  return { port, held, sent, close }
}
