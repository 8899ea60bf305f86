// A public nodeos behind TLS: asked by its name, both in SNI and in Host, and believed only with its certificate.
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ask } from '../testing/harness.ts'
import { type StartRuntime, startBun, startDeno, startNode } from './testing/runtimes.ts'

let directory: string
let certificate: string
let port: number
let seen: { servername: unknown; host: string | undefined; client: unknown }[] = []
let close: () => void

beforeAll(async () => {
  if (!hasOpenssl) return
  directory = await mkdtemp(path.join(tmpdir(), 'patroneos-tls-'))
  certificate = path.join(directory, 'certificate')
  const key = path.join(directory, 'key')
  // A certificate for this run, which nothing trusts but what is told to.
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '1']
  // Deno takes no authority's certificate for a server's.
  const use = ['-addext', 'basicConstraints=critical,CA:FALSE']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await promisify(execFile)('openssl', [
    ...['req', '-x509', ...kind, ...subject, ...use],
    ...['-keyout', key, '-out', certificate],
  ])
  const server = createServer(
    { key: await readFile(key), cert: await readFile(certificate) },
    (incoming, outgoing) => {
      const { servername } = incoming.socket as TLSSocket & { servername?: string }
      seen.push({ servername, host: incoming.headers.host, client: incoming.headers['x-forwarded-for'] })
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{"from":"nodeos"}')
    },
  )
  server.listen(0)
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  close = () => {
    server.close()
    server.closeAllConnections()
  }
})
afterAll(async () => {
  close?.()
  if (directory) await rm(directory, { recursive: true, force: true })
})

/** It makes the certificate. */
const hasOpenssl = spawnSync('openssl', ['version']).status === 0

describe.skipIf(!hasOpenssl).each(Object.entries({ Node: startNode, Bun: startBun, Deno: startDeno }))(
  'a public node behind TLS, on %s',
  (_name, start: StartRuntime) => {
    const config = () => ({
      nodeosProtocol: 'https',
      nodeosUrl: 'localhost',
      nodeosPort: port,
      cache: { paths: {} },
    })

    it('is asked by its name', async () => {
      const filter = await start({ config: config(), relaySecret: '', certificate })
      onTestFinished(() => filter.stop())
      seen = []
      const answer = await ask(filter.port, { headers: ['x-forwarded-for', '203.0.113.9'] })
      expect([answer.status, answer.text]).toEqual([200, '{"from":"nodeos"}'])
      expect(seen.filter(({ client }) => client === '203.0.113.9')).toEqual([
        { servername: 'localhost', host: `localhost:${port}`, client: '203.0.113.9' },
      ])
      const metrics = await (await filter.operate('GET', 'metrics')).text()
      const [, expiry] = /^patroneos_node_certificate_expiry_timestamp_seconds\{node=".*"\} (\d+)$/m.exec(
        metrics,
      )!
      const days = (Number(expiry) - Date.now() / 1000) / 86_400
      expect(days).toBeGreaterThan(0.9)
      expect(days).toBeLessThanOrEqual(1)
    })

    it('is not believed with a certificate of nobody that is trusted', async () => {
      const filter = await start({ config: config(), relaySecret: '' })
      onTestFinished(() => filter.stop())
      seen = []
      const answer = await ask(filter.port, { headers: ['x-forwarded-for', '203.0.113.9'] })
      expect([answer.status, JSON.parse(answer.text).message]).toEqual([503, 'NODEOS_UNREACHABLE'])
      expect(seen).toEqual([])
    })
  },
)
