// The shipped haproxy.cfg in a real HAProxy, on loopback, before a stand-in for the filter.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  fail2banServer,
  skipWithoutFail2ban,
  writeFail2banConfig,
} from '../fail2ban/testing/fail2ban-config.ts'
import { createHaproxyProcess, type HaproxyProcess, skipWithoutHaproxy } from './testing/haproxy-process.ts'

const READ = '/v1/chain/get_info'
const PUSH = '/v1/chain/push_transaction'

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

describe.skipIf(skipWithoutHaproxy('docker/haproxy'))('haproxy.cfg', () => {
  let directory: string
  let haproxy: HaproxyProcess
  let filter: Server
  /** Headers of the requests that reached the filter. */
  let seen: IncomingHttpHeaders[] = []
  let env: Record<string, string>
  let hash: string

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'patroneos-haproxy-'))
    haproxy = await createHaproxyProcess(directory)
    filter = createServer((incoming, response) => {
      if (incoming.url !== '/patroneos/health') seen.push(incoming.headers)
      response.end('{}')
    }).listen(0, '127.0.0.1')
    await once(filter, 'listening')
    env = { PATRONEOS_FILTER: `127.0.0.1:${(filter.address() as AddressInfo).port}` }
    hash = execFileSync('openssl', ['passwd', '-5', 'secret'], { encoding: 'utf8' }).trim()
  })
  afterEach(() => haproxy.stop())
  afterAll(() => {
    filter.closeAllConnections()
    filter.close()
    rmSync(directory, { recursive: true })
  })

  const start = (more: Record<string, string> = {}) => {
    seen = []
    return haproxy.start({ ...env, ...more })
  }

  const send = (
    path: string,
    method = 'GET',
    headers: Record<string, string> = {},
    body?: string,
    { port } = haproxy,
  ) =>
    new Promise<Answer>((resolve, reject) => {
      const options = {
        port,
        host: '127.0.0.1',
        path,
        method,
        headers,
        rejectUnauthorized: false,
        agent: false,
      }
      const outgoing = request(options, async (response) => {
        const text = Buffer.concat(await response.toArray()).toString()
        resolve({ status: response.statusCode!, headers: response.headers, body: text })
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })

  /** Sends a request after this line, as a balancer does that speaks the PROXY protocol. */
  const sendAfter = async (proxyLine: string) => {
    const socket = connect(haproxy.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(proxyLine)
    const tls = connectTls({ socket, rejectUnauthorized: false })
    tls.write(`GET ${READ} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const chunks = await tls.toArray().catch(() => [])
    return Buffer.concat(chunks).toString().split('\r\n')[0]!
  }

  const list = (name: string, ...lines: string[]) => {
    const file = join(directory, name)
    writeFileSync(file, lines.map((line) => `${line}\n`).join(''))
    return file
  }

  test.for<[string, () => NodeJS.ProcessEnv]>([
    ['alone', () => ({})],
    ['without the variables of the tests', () => ({ PATRONEOS_MAXCONN: '2000' })],
    ['behind a layer 4 balancer', () => ({ PATRONEOS_BEHIND: 'l4', PATRONEOS_BANNED: list('banned.map') })],
    [
      'behind a CDN',
      () => ({
        PATRONEOS_BEHIND: 'cdn',
        PATRONEOS_BANNED: list('banned.map'),
        PATRONEOS_CDN_NETWORKS: list('cdn.lst', '192.0.2.0/24', '2001:db8::/32'),
      }),
    ],
    [
      'with a password on each group of the API',
      () => ({ PATRONEOS_AUTH_CHAIN: hash, PATRONEOS_AUTH_HISTORY: hash, PATRONEOS_AUTH_NET: hash }),
    ],
    ['with two peers', () => ({ PATRONEOS_PEER_2: '127.0.0.2:1', PATRONEOS_PEER_3: '[::1]:1' })],
    ['with three filters', () => ({ PATRONEOS_FILTER_2: '127.0.0.1:2', PATRONEOS_FILTER_3: '[::1]:3' })],
    ['with filters by the relay alone', () => ({ PATRONEOS_FILTERS_BY_RELAY: '1' })],
  ])('is valid, without a warning: %s', ([, variables]) => {
    for (const family of [{}, { PATRONEOS_NO_IPV6: undefined }])
      expect(haproxy.check({ ...variables(), ...family })).toBe('')
  })

  test('the filter sees one address of the client, the one that HAProxy saw, and no password', async () => {
    await start()
    const claim = '203.0.113.9'
    const claims = {
      'X-Forwarded-For': claim,
      'X-Forwarded-Host': claim,
      'X-Real-IP': claim,
      Forwarded: `for=${claim}`,
      'CF-Connecting-IP': claim,
      'CF-Connecting-IPv6': claim,
      'True-Client-IP': claim,
      Authorization: 'Basic eDp5',
    }
    expect((await send(READ, 'GET', claims)).status).toBe(200)
    expect(JSON.stringify(seen)).not.toContain(claim)
    expect(seen[0]).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'https' })
    expect(seen[0]).not.toHaveProperty('authorization')
  })

  test('only paths of the API come in, byte for byte', async () => {
    await start()
    const statuses = async (...paths: string[]) =>
      Promise.all(paths.map(async (path) => `${path} ${(await send(path)).status}`))
    const open = [READ, `${READ}?x=1`, '/v1/history/get_actions', '/v1/trace_api/get_block']
    open.push('/v1/node/get_supported_apis')
    expect(await statuses(...open)).toEqual(open.map((path) => `${path} 200`))
    const closed = ['/', '/.env', '/v1/chain', '/v1/chain/', '/v1/chain/get_info/', '//v1/chain/get_info']
    closed.push('/%76%31/chain/get_info', '/v1/chain/%2e%2e/producer/pause', '/v1/chain/../producer/pause')
    closed.push('/V1/chain/get_info', '/v1/chain/get_info;x', '/v1/net/connect', '/v1/producer/pause')
    closed.push('/v1/db_size/get', '/patroneos/config', '/patroneos/fail2ban-relay', '/patroneos/health')
    closed.push('/metrics', '/;csv')
    expect(await statuses(...closed)).toEqual(closed.map((path) => `${path} 403`))
    expect(seen).toHaveLength(open.length)
  })

  test('a body without a length and an empty one reach the filter, over HTTP/1 and 2; a huge one is a 413', async () => {
    await start()
    expect((await send(PUSH, 'POST', { 'Transfer-Encoding': 'chunked' }, '{}')).status).toBe(200)
    expect((await send(PUSH, 'GET', { 'Transfer-Encoding': 'chunked' }, '{}')).status).toBe(200)
    const curl = (...args: string[]) =>
      promisify(execFile)('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', ...args])
    const url = `https://127.0.0.1:${haproxy.port}${READ}`
    for (const version of ['--http1.1', '--http2'])
      for (const args of [
        ['--request', 'POST'],
        ['-H', 'Transfer-Encoding: chunked', '-d', '{}'],
        ['-d', '{}'],
      ])
        expect((await curl(version, ...args, url)).stdout).toBe('200')
    const http2 = connectHttp2(`https://127.0.0.1:${haproxy.port}`, { rejectUnauthorized: false })
    const stream = http2.request({ ':path': PUSH, ':method': 'POST' })
    stream.end('{}')
    const [head] = await once(stream, 'response')
    expect(head[':status']).toBe(200)
    http2.destroy()
    expect(seen).toHaveLength(9)
    expect((await send(PUSH, 'POST', { 'Content-Length': '33554433' }, '{}')).status).toBe(413)
    expect(seen).toHaveLength(9)
  })

  test('bodies that do not come in time are a 408, of a length or chunked', async () => {
    await start()
    const statuses = await Promise.all(
      ['Content-Length: 9', 'Transfer-Encoding: chunked'].map(async (field) => {
        const tls = connectTls({ port: haproxy.port, host: '127.0.0.1', rejectUnauthorized: false })
        tls.write(`POST ${PUSH} HTTP/1.1\r\nHost: x\r\n${field}\r\n\r\n2\r\n`)
        return Buffer.concat(await tls.toArray())
          .toString()
          .slice(9, 12)
      }),
    )
    expect(statuses).toEqual(['408', '408'])
    expect(seen).toEqual([])
  })

  test("other services' paths come in where they are named, and only in one reading", async () => {
    await start({ PATRONEOS_PATHS: '/v2/ /atomicassets/' })
    const statuses = (paths: string[]) =>
      Promise.all(paths.map(async (path) => `${path} ${(await send(path)).status}`))
    const open = [
      '/v2/state/get_key?x=a:b',
      '/atomicassets/v1/templates/some%20collection/1',
      '/v2/x/a:b',
      READ,
    ]
    expect(await statuses(open)).toEqual(open.map((path) => `${path} 200`))
    const closed = ['/v2', '/v2/../v1/net/connect', '/v2/%2e%2e/x', '/v2/a%2fb', '/v2//x', '/v2/a%5cb']
    closed.push('/v2/%252e%252e/x', '/v2/..;/x', '/v3/x', '/%76%32/x', '/v1/net/connect')
    expect(await statuses(closed)).toEqual(closed.map((path) => `${path} 403`))
  })

  test('a prefix opens none of the paths that are guarded', async () => {
    await start({ PATRONEOS_PATHS: '/v1/', PATRONEOS_AUTH_CHAIN: hash })
    for (const [path, status] of [
      [READ, 401],
      ['/v1/chain/get_info/', 403],
      ['/v1/net/connect', 403],
      ['/v1/other/x', 200],
    ] as const)
      expect([path, (await send(path)).status]).toEqual([path, status])
  })

  test("pages read HAProxy's own answers where they may read the filter's", async () => {
    await start({ PATRONEOS_CORS_ORIGIN: 'https://wallet.example', PATRONEOS_REQUESTS_10S: '3' })
    const origins: unknown[] = []
    for (const path of ['/.env', READ, READ, READ]) {
      const { status, headers } = await send(path)
      origins.push([status, headers['access-control-allow-origin'], headers['access-control-expose-headers']])
    }
    const both = ['https://wallet.example', 'retry-after, x-rejected-by']
    expect(origins).toEqual([403, 200, 200, 429].map((status) => [status, ...both]))
    await haproxy.stop()
    await start()
    expect((await send('/.env')).headers).not.toHaveProperty('access-control-allow-origin')
  })

  test('passwords guard their own group, in no preflight, and net is closed without one', async () => {
    const basic = (user: string, password: string) => ({
      Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    })
    const history = '/v1/history/get_actions'
    const net = '/v1/net/connections'
    await start({ PATRONEOS_AUTH_HISTORY: hash, PATRONEOS_AUTH_NET: hash })
    for (const [path, method, headers, status] of [
      [READ, 'GET', {}, 200],
      [history, 'GET', {}, 401],
      [history, 'GET', basic('history', 'wrong'), 401],
      [history, 'GET', basic('net', 'secret'), 401],
      [history, 'GET', basic('history', 'secret'), 200],
      [history, 'OPTIONS', {}, 200],
      ['/v1/trace_api/get_block', 'GET', {}, 401],
      [net, 'GET', {}, 401],
      [net, 'GET', basic('net', 'secret'), 200],
      [net, 'OPTIONS', {}, 200],
    ] as const)
      expect([path, method, (await send(path, method, headers)).status]).toEqual([path, method, status])
    await haproxy.stop()
    await start({ PATRONEOS_AUTH_CHAIN: hash })
    expect((await send(READ)).status).toBe(401)
    expect((await send(READ, 'GET', basic('chain', 'secret'))).status).toBe(200)
    expect((await send(history)).status).toBe(200)
    expect((await send(net, 'GET', basic('net', 'secret'))).status).toBe(403)
  })

  test('one client has so many requests, and so many errors, in ten seconds; then 429', async () => {
    await start({ PATRONEOS_REQUESTS_10S: '5' })
    for (let sent = 0; sent < 5; sent++) expect((await send(READ)).status).toBe(200)
    const refused = await send(READ)
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '10' } })
    expect(JSON.parse(refused.body)).toEqual({ message: 'RATE_LIMITED', code: 429 })
    await haproxy.stop()
    await start({ PATRONEOS_ERRORS_10S: '5' })
    for (let sent = 0; sent < 6; sent++) expect((await send('/.env')).status).toBe(403)
    expect((await send(READ)).status).toBe(429)
  })

  test('behind a layer 4 balancer the client is who the PROXY protocol names; without it nobody gets in', async () => {
    await start({ PATRONEOS_BEHIND: 'l4', PATRONEOS_BANNED: list('banned.map', '203.0.113.0/24 x') })
    expect(await sendAfter('PROXY TCP4 192.0.2.9 192.0.2.1 1234 443\r\n')).toBe('HTTP/1.1 200 OK')
    expect(await sendAfter('PROXY TCP6 2001:db8::9 2001:db8::1 1234 443\r\n')).toBe('HTTP/1.1 200 OK')
    expect(seen.map((headers) => headers['x-forwarded-for'])).toEqual(['192.0.2.9', '2001:db8::9'])
    expect(await sendAfter('PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\r\n')).toBe('HTTP/1.1 403 Forbidden')
    expect(await sendAfter('')).toBe('')
  })

  const canBan = !skipWithoutFail2ban('bans in HAProxy') && existsSync('/usr/bin/socat')
  if (!canBan) console.error('NOT TESTED: bans in HAProxy (Debian packages fail2ban and socat)')
  test.skipIf(!canBan && !process.env.CI)(
    'behind a balancer fail2ban bans in HAProxy, IPv4 addresses and IPv6 networks, and lets them in again',
    async () => {
      await start({ PATRONEOS_BEHIND: 'l4', PATRONEOS_BANNED: list('banned.map') })
      const logpath = list('fail2ban.log')
      const configuration = writeFail2banConfig(directory, {
        logpath,
        bantime: 4,
        banaction: `patroneos-haproxy[socket=${haproxy.socket}, map=${join(directory, 'banned.map')}]`,
      })
      const fail2ban = spawn('fail2ban-server', fail2banServer(directory, configuration), { stdio: 'ignore' })
      try {
        await until(async () =>
          readFileSync(join(directory, 'fail2ban.out'), 'utf8').includes(
            "Jail 'patroneos-endpoints' started",
          ),
        )
        const line = (rest: string) => `${new Date().toISOString()} ${rest}\n`
        for (const host of [2, 3, 4])
          appendFileSync(
            logpath,
            line('192.0.2.9 false INVALID_JSON') + line(`2001:db8:1:2::${host} false INVALID_JSON /64`),
          )
        const from4 = () => sendAfter('PROXY TCP4 192.0.2.9 192.0.2.1 1234 443\r\n')
        const from6 = () => sendAfter('PROXY TCP6 2001:db8:1:2::5 2001:db8::1 1234 443\r\n')
        const neighbour = () => sendAfter('PROXY TCP6 2001:db8:1:3::5 2001:db8::1 1234 443\r\n')
        await until(async () => (await from4()).includes('403') && (await from6()).includes('403'))
        expect(await neighbour()).toContain('200')
        await until(async () => (await from4()).includes('200') && (await from6()).includes('200'))
      } finally {
        fail2ban.kill('SIGTERM')
        await once(fail2ban, 'exit')
      }
    },
  )

  test('behind a CDN the client is who its header names, and nobody comes in past it', async () => {
    const header = { 'CF-Connecting-IP': '192.0.2.9' }
    const [cdn, banned] = [list('cdn.lst', '127.0.0.0/8'), list('banned.map', '2001:db8:1:2::/64 x')]
    await start({ PATRONEOS_BEHIND: 'cdn', PATRONEOS_CDN_NETWORKS: cdn, PATRONEOS_BANNED: banned })
    expect((await send(READ, 'GET', header)).status).toBe(200)
    expect(seen[0]).toMatchObject({ 'x-forwarded-for': '192.0.2.9' })
    const refused = await send(READ, 'GET', { 'CF-Connecting-IP': '2001:db8:1:2:3::9' })
    expect(refused).toMatchObject({ status: 403, headers: { 'retry-after': '300' } })
    expect(JSON.parse(refused.body)).toEqual({ message: 'BANNED', code: 403 })
    await haproxy.stop()
    list('cdn.lst', '198.51.100.0/24')
    await start({ PATRONEOS_BEHIND: 'cdn', PATRONEOS_CDN_NETWORKS: cdn, PATRONEOS_BANNED: banned })
    expect((await send(READ, 'GET', header)).body).toContain('NOT_THROUGH_CDN')
  })

  test('what one proxy knows of a client, its peers know', async () => {
    const other = await createHaproxyProcess(mkdtempSync(join(directory, 'other-')))
    await start({
      PATRONEOS_REQUESTS_10S: '5',
      PATRONEOS_PEER_2: other.peerAddress,
    })
    // Its name is the other way round: each knows itself by PEER_NAME and its neighbour by PEER_2_NAME.
    await other.start({
      ...env,
      PATRONEOS_REQUESTS_10S: '5',
      PATRONEOS_PEER_NAME: 'proxy2',
      PATRONEOS_PEER_2_NAME: 'proxy1',
      PATRONEOS_PEER_2: haproxy.peerAddress,
    })
    try {
      expect((await send(READ, 'GET', {}, undefined, other)).status).toBe(200)
      for (let sent = 0; sent < 6; sent++) await send(READ)
      let status = 200
      for (let tries = 0; status === 200 && tries < 50; tries++) {
        await sleep(100)
        ;({ status } = await send(READ, 'HEAD', {}, undefined, other))
      }
      expect(status).toBe(429)
    } finally {
      await other.stop()
    }
  })

  test('a filter that dies before it answers costs no request of up to 16 kB; a larger one is lost', async () => {
    const dying = createServer((incoming, response) => {
      if (incoming.url === '/patroneos/health') response.end()
      else incoming.socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(dying, 'listening')
    await start({ PATRONEOS_FILTER_2: `127.0.0.1:${(dying.address() as AddressInfo).port}` })
    const statuses = async (bytes: number) => {
      const all: number[] = []
      for (let sent = 0; sent < 6; sent++) {
        const body = 'x'.repeat(bytes)
        all.push((await send(PUSH, 'POST', { 'Content-Length': String(bytes) }, body)).status)
      }
      return [...new Set(all)].toSorted()
    }
    expect(await statuses(14_000)).toEqual([200])
    expect(await statuses(20_000)).toEqual([200, 502])
    dying.close()
  })

  test('statistics and metrics are served, on loopback', async () => {
    await start()
    await send(READ)
    const base = `http://127.0.0.1:${haproxy.statisticsPort}`
    expect(await (await fetch(`${base}/metrics`)).text()).toContain('haproxy_backend_http_requests_total')
    expect(await (await fetch(`${base}/;csv`)).text()).toMatch(/^filters,filter1,/m)
  })

  test('make-certificate makes one where there is none, readable by its owner alone, and leaves another', () => {
    const file = join(directory, 'new.pem')
    const make = () =>
      execFileSync(join(import.meta.dirname, 'make-certificate'), {
        env: { ...process.env, PATRONEOS_CERTIFICATE: file, PATRONEOS_HOSTNAME: 'api.example.com' },
      })
    make()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const text = execFileSync('openssl', ['x509', '-in', file, '-noout', '-text'], { encoding: 'utf8' })
    expect(text).toContain('DNS:api.example.com')
    const before = readFileSync(file, 'utf8')
    make()
    expect(readFileSync(file, 'utf8')).toBe(before)
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition().catch(() => false)); tries++) {
    if (tries > 200) throw new Error(`not true within 20 s: ${condition}`)
    await sleep(100)
  }
}
