// Runs HAProxy for tests: the shipped configuration on free ports of loopback, as whoever runs the tests.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../../e2e/http/wire.ts'

const CONFIG = join(import.meta.dirname, '../haproxy.cfg')
/** PATRONEOS_TEST_HAPROXY names another HAProxy than Debian's. */
const PROGRAM = process.env.PATRONEOS_TEST_HAPROXY ?? '/usr/sbin/haproxy'

/** Where HAProxy is missing its tests are skipped, and that is said; but not in CI, where they fail. */
export function skipWithoutHaproxy(what: string): boolean {
  if (existsSync(PROGRAM)) return false
  console.error(`HAProxy is not installed: NOT TESTED: ${what} (Debian package haproxy)`)
  return !process.env.CI
}

export interface HaproxyProcess {
  /** Of HTTPS. */
  port: number
  statisticsPort: number
  /** Where it listens for its peers. */
  peerAddress: string
  /** Path of the Runtime API. */
  socket: string
  /** The certificate, and its private key. */
  certificate: string
  /** Starts it, with these variables over its own, and resolves when it listens. */
  start(env?: Record<string, string>): Promise<void>
  stop(): Promise<void>
  /** What `haproxy -c` says to these variables: nothing where all is well; warnings count. */
  check(env: NodeJS.ProcessEnv): string
}

/** Prepares an HAProxy in a directory; it has no limits that tests would run into. */
export async function createHaproxyProcess(directory: string): Promise<HaproxyProcess> {
  const [port, statisticsPort] = [await freePort(), await freePort()]
  const peerAddress = `127.0.0.1:${await freePort()}`
  const socket = join(directory, 'admin.sock')
  const certificate = join(directory, 'certificate.pem')
  const group = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()
  const own: Record<string, string> = {
    PATRONEOS_MAXCONN: '1000',
    PATRONEOS_HTTPS_PORT: String(port),
    PATRONEOS_NO_IPV6: '1',
    PATRONEOS_HAPROXY_USER: userInfo().username,
    PATRONEOS_HAPROXY_GROUP: group,
    PATRONEOS_SOCKET_GROUP: group,
    PATRONEOS_HAPROXY_SOCKET: socket,
    PATRONEOS_CERTIFICATE: certificate,
    PATRONEOS_STATISTICS_PORT: String(statisticsPort),
    PATRONEOS_PEER_BIND: peerAddress,
    PATRONEOS_REQUESTS_10S: '100000',
    PATRONEOS_ERRORS_10S: '100000',
    PATRONEOS_CONNECTIONS_10S: '100000',
  }
  execFileSync(join(import.meta.dirname, '../make-certificate'), { env: { ...process.env, ...own } })
  let child: ChildProcess | undefined

  const stop = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    port,
    statisticsPort,
    peerAddress,
    socket,
    certificate,
    start: async (env = {}) => {
      child = spawn(PROGRAM, ['-db', '-f', CONFIG], {
        env: { ...process.env, ...own, ...env },
        stdio: 'ignore',
      })
      for (let tries = 0; !(await answers(statisticsPort)); tries++) {
        if (child.exitCode !== null || tries > 400) throw new Error('HAProxy does not start')
        await sleep(50)
      }
    },
    stop,
    check: (env) => {
      const result = spawnSync(PROGRAM, ['-c', '-q', '-dW', '-f', CONFIG], {
        env: { ...process.env, ...own, ...env },
        encoding: 'utf8',
      })
      return result.status === 0 ? '' : `${result.stdout}${result.stderr}`
    },
  }
}

function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/metrics`).then(
    ({ ok }) => ok,
    () => false,
  )
}
