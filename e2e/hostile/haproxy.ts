// HAProxy as its manual has it before an API: a rate limit by address, and a bound on what the server is asked at a time.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../http/wire.ts'

/** Requests that an address may send in ten seconds: a little more than the good client does. */
const RATE = 700

/** Requests that the server is asked at one time. */
const MAXCONN = 32

export const hasHaproxy = (): boolean => spawnSync('haproxy', ['-v']).status === 0

export async function startHaproxy(upstream: number): Promise<{ port: number; stop(): void }> {
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), 'patroneos-haproxy-'))
  const file = join(directory, 'haproxy.cfg')
  writeFileSync(
    file,
    `defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout queue 5s
frontend api
  bind 127.0.0.1:${port}
  stick-table type ipv6 size 100k expire 60s store http_req_rate(10s)
  http-request track-sc0 hdr_ip(x-forwarded-for)
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${RATE} }
  default_backend nodeos
backend nodeos
  server nodeos 127.0.0.1:${upstream} maxconn ${MAXCONN}
`,
  )
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' })
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries > 100) throw new Error('haproxy does not listen')
    await sleep(50)
  }
  return {
    port,
    stop: () => {
      child.kill()
      rmSync(directory, { recursive: true })
    },
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
