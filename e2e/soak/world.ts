// Three filters over one Redis, two relays and three nodes behind HAProxy, as processes on loopback.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRedisServer, type RedisServer } from '../../worker/store/testing/redis-server.ts'
import { freePort } from '../http/wire.ts'
import { FleetNode } from '../nodes/fleet.ts'
import { NODE_OPTIONS } from '../npm-start.ts'
import { Part } from './parts.ts'

const ROOT = join(import.meta.dirname, '../..')
const SECRET = `whsec_${Buffer.from('of-this-soak-and-of-nothing-else').toString('base64')}`

/** What a client may ask for in ten seconds. */
export const LIMIT = { limit: 100, window: 10 }

/** Bytes of the file system that the first relay's log has for itself: several times what it writes in half an hour. */
const DISK = 67_108_864

export interface World {
  port: number
  filters: Part[]
  /** Of each filter. */
  metricsUrls: string[]
  relays: Part[]
  haproxy: Part
  redis: RedisServer
  nodes: FleetNode[]
  /** The log of each relay. */
  logs: string[]
  /** Undefined where no file system may be mounted. */
  disk: { fill(): void; free(): void } | undefined
  stop(): Promise<void>
}

export async function startWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'patroneos-soak-'))
  const file = (name: string, content: string | object) => {
    const path = join(folder, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const disk = mountDisk(join(folder, 'relay-1'))
  const redis = await createRedisServer()
  const nodes = ['api-1', 'api-2', 'api-3'].map((name) => new FleetNode(name))
  const relays: Part[] = []
  const logs: string[] = []
  const relayUrls: string[] = []
  for (const number of [1, 2]) {
    const port = await freePort()
    mkdirSync(join(folder, `relay-${number}`), { recursive: true })
    const log = join(folder, `relay-${number}`, 'fail2ban.log')
    const config = { listenIP: '127.0.0.1', listenPort: port, configListenPort: 0, logFileLocation: log }
    relays.push(
      new Part(`relay ${number}`, {
        program: process.execPath,
        args: [join(ROOT, 'relay/node.ts'), '--configFile', file(`relay-${number}.json`, config)],
        env: { PATRONEOS_RELAY_SECRET: SECRET },
        port,
      }),
    )
    logs.push(log)
    relayUrls.push(`http://127.0.0.1:${port}`)
  }
  await redis.start()
  for (const node of nodes) await node.start()
  const filters: Part[] = []
  const metricsUrls: string[] = []
  const servers: string[] = []
  for (const number of [1, 2, 3]) {
    const port = await freePort()
    const configPort = await freePort()
    const config = {
      listenIP: '127.0.0.1',
      listenPort: port,
      configListenPort: configPort,
      maxConnectionsPerClient: 5_000,
      nodes: nodes.map((node) => ({ name: node.name, url: `http://127.0.0.1:${node.port}` })),
      healthInterval: 1,
      logEndpoints: relayUrls,
      store: 'redis',
      rateLimits: [{ name: 'soak', key: ['ip'], on: 'attempt', ...LIMIT }],
    }
    filters.push(
      new Part(`filter-${number}`, {
        program: process.execPath,
        args: [
          ...NODE_OPTIONS,
          join(ROOT, 'worker/runtimes/node.ts'),
          ...['--configFile', file(`filter-${number}.json`, config)],
        ],
        env: { PATRONEOS_RELAY_SECRET: SECRET, PATRONEOS_REDIS_URL: redis.url },
        port,
      }),
    )
    metricsUrls.push(`http://127.0.0.1:${configPort}/patroneos/metrics`)
    servers.push(`  server filter-${number} 127.0.0.1:${port} check inter 500ms fall 2 rise 1`)
  }
  const port = await freePort()
  const haproxy = new Part('haproxy', {
    program: 'haproxy',
    args: ['-W', '-db', '-f', file('haproxy.cfg', haproxyConfig(port, servers))],
    port,
  })
  for (const part of [...relays, ...filters, haproxy]) await part.start()
  return {
    port,
    filters,
    metricsUrls,
    relays,
    haproxy,
    redis,
    nodes,
    logs,
    disk,
    stop: async () => {
      for (const part of [haproxy, ...filters, ...relays]) {
        part.signal('SIGCONT')
        await part.kill()
      }
      for (const node of nodes) node.stop()
      await redis.stop()
      disk?.unmount()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** As docker/haproxy/haproxy.cfg, without TLS and without limits of its own. */
function haproxyConfig(port: number, servers: string[]): string {
  return `global
  maxconn 5000
defaults
  mode http
  timeout client 70s
  timeout connect 2s
  timeout check 2s
  timeout queue 5s
  timeout server 70s
frontend web
  bind 127.0.0.1:${port}
  default_backend filters
backend filters
  balance leastconn
  option httpchk GET /patroneos/health
  http-check expect status 200
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response
  http-reuse safe
  http-response set-header X-Filter %s
${servers.join('\n')}
`
}

/** A small file system for one folder: a disk that can be filled. */
function mountDisk(folder: string): { fill(): void; free(): void; unmount(): void } | undefined {
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'patroneos-soak', folder], {
      stdio: 'ignore',
    })
  } catch {
    return undefined
  }
  const filler = join(folder, 'filler')
  return {
    fill: () => {
      // Until nothing more fits.
      for (let size = DISK; size >= 1; size = Math.floor(size / 2))
        try {
          writeFileSync(filler, Buffer.alloc(size), { flag: 'a' })
        } catch {
          // A smaller piece may.
        }
    },
    free: () => rmSync(filler, { force: true }),
    unmount: () => execFileSync('umount', [folder]),
  }
}
