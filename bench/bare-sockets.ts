// The limit of what is built on sockets: whole messages handed on between node:net connections. Nothing looks at a
// request but for where it ends, and only a length says that.
import { connect, createServer, type Socket } from 'node:net'

const [port, upstream] = process.argv.slice(2)

/** Calls `take` with each whole message that comes. */
function readMessages(socket: Socket, take: (message: Buffer) => void): void {
  let pending: Buffer | undefined
  socket.on('data', (chunk) => {
    const bytes = pending ? Buffer.concat([pending, chunk]) : chunk
    const text = bytes.toString('latin1')
    const headEnd = text.indexOf('\r\n\r\n')
    const length = headEnd < 0 ? 0 : Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0)
    pending = headEnd < 0 || bytes.length < headEnd + 4 + length ? bytes : undefined
    if (!pending) take(bytes)
  })
  socket.on('error', () => {})
}

interface Connection {
  socket: Socket
  answer(message: Buffer): void
}
const idle: Connection[] = []

function open(): Connection {
  const connection: Connection = {
    socket: connect({ port: Number(upstream), host: '127.0.0.1', noDelay: true }),
    answer: () => {},
  }
  readMessages(connection.socket, (message) => {
    idle.push(connection)
    connection.answer(message)
  })
  return connection
}

createServer({ noDelay: true }, (client) => {
  readMessages(client, (request) => {
    const connection = idle.pop() ?? open()
    connection.answer = (answer) => client.write(answer)
    connection.socket.write(request)
  })
}).listen(Number(port), '127.0.0.1')
