// The limit of what is built on sockets: whole messages handed on between the TCP connections that the filter uses.
// Nothing looks at a request but for where it ends, and only a length says that.
import { nodeSockets, type Sockets, type TcpSocket } from '../worker/http1/sockets.ts'
import { findHeadEnd, textOf } from '../worker/http1/wire-bytes.ts'
import { bunSockets } from '../worker/runtimes/bun-sockets.ts'

const [port, upstream] = process.argv.slice(2)
const sockets: Sockets = process.versions.bun ? bunSockets : nodeSockets

/** Calls `take` with each whole message that comes. */
function readMessages(socket: TcpSocket, take: (message: Buffer) => void): void {
  let pending: Buffer | undefined
  socket.on('data', (chunk) => {
    const bytes = pending ? Buffer.concat([pending, chunk]) : chunk
    const headEnd = findHeadEnd(bytes, 0)
    const head = headEnd < 0 ? '' : textOf(bytes, 0, headEnd)
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    pending = headEnd < 0 || bytes.length < headEnd + 4 + length ? bytes : undefined
    if (!pending) take(bytes)
  })
  socket.on('error', () => {})
}

interface Connection {
  socket: TcpSocket
  answer(message: Buffer): void
}
const idle: Connection[] = []

function open(): Connection {
  const connection: Connection = {
    socket: sockets.connect({ port: Number(upstream), host: '127.0.0.1' }),
    answer: () => {},
  }
  readMessages(connection.socket, (message) => {
    idle.push(connection)
    connection.answer(message)
  })
  return connection
}

const server = sockets.createServer((client) => {
  readMessages(client, (request) => {
    const connection = idle.pop() ?? open()
    connection.answer = (answer) => client.write(answer)
    connection.socket.write(request)
  })
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4_096 }, () => {})
