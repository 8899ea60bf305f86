// The limit on Node: node:http and undici's dispatcher, and nothing between them that looks at the request.
import { createServer } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

const [port, upstream] = process.argv.slice(2)
const pool = new Pool(`http://127.0.0.1:${upstream}`, { connections: 1024 })

createServer((incoming, outgoing) => {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk) => chunks.push(chunk))
  incoming.on('end', () => {
    pool.dispatch(
      {
        path: incoming.url!,
        method: incoming.method as Dispatcher.HttpMethod,
        body: chunks.length > 0 ? Buffer.concat(chunks) : null,
      },
      {
        onRequestStart() {},
        onResponseStart(_controller, status, headers) {
          outgoing.writeHead(status, { 'content-length': Number(headers['content-length']) })
        },
        onResponseData(_controller, chunk) {
          outgoing.write(chunk)
        },
        onResponseEnd() {
          outgoing.end()
        },
        onResponseError() {
          outgoing.destroy()
        },
      },
    )
  })
}).listen(Number(port), '127.0.0.1')
