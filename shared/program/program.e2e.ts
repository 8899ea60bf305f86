// Filter and relay as an operator meets them: processes that start with one line, stop in order, and say in one
// line why they cannot start.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '../../e2e/http/wire.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { filterConfigSchema } from '../config/filter.ts'
import { describeConfig } from '../config/parse.ts'
import { relayConfigSchema } from '../config/relay.ts'

const programs = {
  filter: {
    file: 'worker/runtimes/node.ts',
    schema: filterConfigSchema,
    mode: 'filter',
    startLine:
      /^patroneos \d+\.\d+\.\d+ filter: listening on (\S+:\d+), config on (\S+:\d+), forwarding to http:\/\/127\.0\.0\.1:\d+$/,
  },
  relay: {
    file: 'relay/node.ts',
    schema: relayConfigSchema,
    mode: 'fail2ban-relay',
    startLine: /^patroneos \d+\.\d+\.\d+ relay: listening on (\S+:\d+), config on (\S+:\d+), writing to \S+$/,
  },
}
type Name = keyof typeof programs
const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
const TOKEN = 'admin'

/** Ports that are free. */
const QUIET = { listenIP: '127.0.0.1', listenPort: 0, configListenPort: 0, nodeosUrl: '127.0.0.1' }

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'patroneos-program-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function configFile(config: object | string): string {
  const file = join(folder, `${files++}.json`)
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config))
  return file
}

interface Line {
  level: string
  message: string
  [field: string]: unknown
}

interface Running {
  child: ChildProcess
  output(): string
  /** The JSON lines of its log so far. */
  lines(): Line[]
  exit: Promise<number | null>
}

function run(name: Name, args: string[], env: NodeJS.ProcessEnv = {}): Running {
  const { PATRONEOS_CONFIG, PATRONEOS_CONFIG_TOKEN, PATRONEOS_RELAY_SECRET, ...outer } = process.env
  const child = spawn(process.execPath, [join(import.meta.dirname, '../..', programs[name].file), ...args], {
    cwd: folder,
    env: { ...outer, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  const exit = once(child, 'close').then(([code]) => code)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  const lines = () =>
    output
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return { child, exit, output: () => output, lines }
}

interface Started extends Running {
  startLine: string
  url: string
  configUrl: string
}

/** Resolves when it listens. */
async function start(
  name: Name,
  config: object,
  env: NodeJS.ProcessEnv = {},
  file?: string,
): Promise<Started> {
  const program = run(
    name,
    // As the original was called.
    ['-mode', programs[name].mode, '-configFile', file ?? configFile({ ...QUIET, ...config })],
    env,
  )
  const startLine = await vi.waitUntil(
    () => {
      if (program.child.exitCode !== null) throw new Error(program.output())
      return (
        program.output().includes('listening on') &&
        program.lines().find(({ message }) => message.includes('listening on'))
      )
    },
    { timeout: 20_000, interval: 20 },
  )
  const [, address, configAddress] = programs[name].startLine.exec(startLine.message)!
  return {
    ...program,
    startLine: startLine.message,
    url: `http://${address}`,
    configUrl: `http://${configAddress}/patroneos/config`,
  }
}

async function occupiedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const json = { 'content-type': 'application/json' }
const info = '/v1/chain/get_info'

test.each([
  ['filter', '-help', '-v'],
  ['relay', '-h', '--version'],
] as const)('the %s, asked with %s or %s, answers and ends', async (name, help, version) => {
  const [helping, telling] = [run(name, [help]), run(name, [version])]
  expect([await helping.exit, await telling.exit]).toEqual([0, 0])
  expect(telling.output()).toBe(`patroneos ${packageJson.version}\n`)
  for (const { key, description } of describeConfig<object>(programs[name].schema))
    expect(helping.output()).toMatch(`  ${key.padEnd(24)} ${description}`)
  for (const word of ['--configFile FILE', '--mode MODE', '-v, --version'])
    expect(helping.output()).toContain(`  ${word}`)
  for (const variable of ['PATRONEOS_CONFIG', 'PATRONEOS_CONFIG_TOKEN', 'PATRONEOS_RELAY_SECRET'])
    expect(helping.output()).toContain(`  ${variable} `)
})

describe('what cannot start says why in one line, with exit code 1', () => {
  const refused = async (name: Name, args: string[], env: NodeJS.ProcessEnv = {}) => {
    const program = run(name, args, env)
    expect(await program.exit, program.output()).toBe(1)
    expect(program.lines(), program.output()).toMatchObject([{ level: 'error' }])
    return program.lines()[0]!.message
  }
  const refusedWith = async (name: Name, config: object | string, env: NodeJS.ProcessEnv = {}) => {
    const file = configFile(typeof config === 'string' ? config : { ...QUIET, ...config })
    return (await refused(name, ['--configFile', file], env)).replace(file, 'FILE')
  }

  test.each([
    ['filter', 'listenPort'],
    ['filter', 'configListenPort'],
    ['relay', 'listenPort'],
  ] as const)('%s: its %s is in use', async (name, key) => {
    const port = await occupiedPort()
    expect(await refusedWith(name, { [key]: port })).toBe(
      `cannot listen on 127.0.0.1:${port} (${key}): the port is in use`,
    )
  })

  test('filter: a configuration that cannot be read', async () => {
    expect(await refused('filter', ['--configFile', folder])).toMatch(`cannot read ${folder}: EISDIR`)
  })

  test.each([
    ['filter', { trustedProxies: ['proxy'] }, 'trustedProxies.0: found "proxy"; allowed: a CIDR such as'],
    ['relay', { logEndpoints: ['relay:8080'] }, 'logEndpoints.0: found "relay:8080"; allowed: a URL such as'],
  ] as const)('%s: all that is wrong with its configuration', async (name, wrong, reason) => {
    const message = await refusedWith(name, { ...wrong, listenPort: 'abc', nope: 1 })
    expect(message).toMatch(/^configuration in FILE: /)
    expect(message).toContain(reason)
    expect(message).toContain('listenPort: found "abc"; allowed: a port from 0 to 65535')
    expect(message).toContain('nope: found an unknown key; allowed: ')
  })

  test('filter: a wrong configuration in the environment, which wins over the file', async () => {
    const message = await refusedWith('filter', {}, { PATRONEOS_CONFIG: '{"listenPort":1}garbage' })
    expect(message).toMatch('configuration in PATRONEOS_CONFIG is not JSON: ')
  })

  test('filter: a config listener for everybody', async () => {
    expect(await refusedWith('filter', { configListenIP: '0.0.0.0' })).toBe(
      'configListenIP: found "0.0.0.0" without PATRONEOS_CONFIG_TOKEN; allowed: a loopback address, or any with a token',
    )
  })

  test('relay: an option that there is not', async () => {
    expect(await refused('relay', ['--nope'])).toBe("Unknown option '--nope'; -h shows what is allowed")
  })

  test('relay: a wrong secret, which is not shown; that there is no configuration was said before', async () => {
    const file = join(folder, 'missing.json')
    const program = run('relay', ['--configFile', file], { PATRONEOS_RELAY_SECRET: 'hunter2' })
    expect(await program.exit).toBe(1)
    const [first, second, ...more] = program.lines().map(({ message }) => message)
    expect(first).toBe(`no configuration at ${file}; using the defaults`)
    expect(second).toMatch(/^PATRONEOS_RELAY_SECRET: relay secret number 1 is not valid; allowed: whsec_/)
    expect(more).toEqual([])
    expect(program.output()).not.toContain('hunter2')
  })

  test.each([
    ['in a folder that is not there', '/nowhere/fail2ban.log', 'ENOENT'],
    ['in the place of a folder', '/tmp', 'EISDIR'],
  ])('relay: a log %s', async (_what, logFileLocation, reason) => {
    expect(await refusedWith('relay', { logFileLocation })).toMatch(
      `cannot open the log file ${logFileLocation}: ${reason}`,
    )
  })

  test('relay: the mode of the other one, on a terminal in a line for people', async () => {
    const command = `'${process.execPath}' '${join(import.meta.dirname, '../../relay/node.ts')}' -mode filter`
    const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    expect(await once(child, 'close')).toEqual([1, null])
    expect(output.trim()).toMatch(
      /^\d\d:\d\d:\d\d ERROR mode: found "filter"; this program is "fail2ban-relay"; start the filter with "npm start"$/,
    )
  })
})

/** A nodeos that answers when it is told to. */
async function slowNodeos() {
  const waiting: (() => void)[] = []
  const server = createServer((incoming, outgoing) => {
    incoming.resume()
    if (incoming.method === 'GET') return void outgoing.end('{}')
    waiting.push(() => outgoing.writeHead(200, json).end('{"late":true}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.closeAllConnections())
  return { waiting, settings: { nodeosUrl: '127.0.0.1', nodeosPort: (server.address() as AddressInfo).port } }
}

describe('SIGTERM', () => {
  test('lets a request under way end, takes no new one, sends what is to be reported, and exits with 0', async () => {
    const nodeos = await slowNodeos()
    const reports: string[] = []
    const relay = createServer(async (incoming, outgoing) => {
      for await (const chunk of incoming) reports.push(String(chunk))
      outgoing.end('{}')
    }).listen(0, '127.0.0.1')
    await once(relay, 'listening')
    onTestFinished(() => void relay.closeAllConnections())
    const logEndpoints = [`http://127.0.0.1:${(relay.address() as AddressInfo).port}`]
    const filter = await start('filter', { ...nodeos.settings, logEndpoints })

    // One connection is kept, and one request is under way on another.
    const agent = new Agent({ keepAlive: true })
    await once(request(`${filter.url}/patroneos/health`, { agent }).end(), 'response').then(([answer]) =>
      answer.resume(),
    )
    const late = fetch(`${filter.url}/v1/chain/get_block`, { method: 'POST', body: '{}' })
    await vi.waitUntil(() => nodeos.waiting.length > 0, { timeout: 10_000 })
    expect(
      (await fetch(`${filter.url}/v1/chain/push_transaction`, { method: 'POST', body: '{c}' })).status,
    ).toBe(400)

    filter.child.kill('SIGTERM')
    await vi.waitUntil(() => filter.output().includes('SIGTERM: finishing'), { timeout: 10_000 })
    await expect(fetch(filter.url + info)).rejects.toThrow()
    nodeos.waiting[0]!()
    const answer = await late
    expect([answer.status, await answer.json()]).toEqual([200, { late: true }])
    const ended = Date.now()
    expect(await filter.exit).toBe(0)
    // Else it was the end of the ten seconds that ended it.
    expect(Date.now() - ended).toBeLessThan(8_000)
    expect(reports).toEqual(['{"host":"127.0.0.1","success":false,"message":"INVALID_JSON"}'])
    expect(filter.lines().at(-1)).toMatchObject({ level: 'info', message: 'stopped' })
    agent.destroy()
  })

  test('is the same as SIGINT, and a second one ends at once, with 1', async () => {
    const nodeos = await slowNodeos()
    const filter = await start('filter', nodeos.settings)
    const never = fetch(`${filter.url}/v1/chain/get_block`, { method: 'POST', body: '{}' }).catch(
      () => 'cut off',
    )
    await vi.waitUntil(() => nodeos.waiting.length > 0, { timeout: 10_000 })
    filter.child.kill('SIGINT')
    await vi.waitUntil(() => filter.output().includes('finishing'), { timeout: 10_000 })
    filter.child.kill('SIGINT')
    expect(await filter.exit).toBe(1)
    expect(await never).toBe('cut off')
  })

  test('a relay writes what it has taken', async () => {
    const log = join(folder, 'sigterm.log')
    const relay = await start('relay', { logFileLocation: log })
    const event = { host: '203.0.113.9', success: false, message: 'INVALID_JSON' }
    const answers = Promise.all(
      Array.from({ length: 20 }, () =>
        fetch(`${relay.url}/patroneos/fail2ban-relay`, {
          method: 'POST',
          headers: json,
          body: JSON.stringify(event),
        }),
      ),
    )
    expect((await answers).map(({ status }) => status)).toEqual(Array(20).fill(200))
    relay.child.kill('SIGTERM')
    expect(await relay.exit).toBe(0)
    expect(readFileSync(log, 'utf8').trim().split('\n')).toHaveLength(20)
  })
})

test('where nodeos is not up yet, the filter says so, answers 503, and works as soon as it is', async () => {
  const nodeosPort = await freePort()
  const filter = await start('filter', { nodeosUrl: '127.0.0.1', nodeosPort })
  const answer = await fetch(filter.url + info)
  expect([answer.status, ((await answer.json()) as { message: string }).message]).toEqual([
    503,
    'NODEOS_UNREACHABLE',
  ])
  await vi.waitUntil(() => filter.output().includes('does not answer'), { timeout: 10_000 })
  expect(filter.lines().find(({ level }) => level === 'warn')?.message).toBe(
    `nodeos is out: http://127.0.0.1:${nodeosPort} does not answer (connect ECONNREFUSED 127.0.0.1:${nodeosPort}); requests are still sent to it, as there is no other`,
  )
  const nodeos: Server = createServer((_incoming, outgoing) => outgoing.end('{}')).listen(
    nodeosPort,
    '127.0.0.1',
  )
  await once(nodeos, 'listening')
  onTestFinished(() => void nodeos.closeAllConnections())
  expect((await fetch(filter.url + info)).status).toBe(200)
  await vi.waitUntil(() => filter.output().includes('nodeos is in'), { timeout: 10_000 })
})

describe('the configuration of a running filter', () => {
  const post = (url: string, patch: object, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(patch) })
  const legacy = { method: 'POST', body: '{"actions":[{"code":"bad"}]}' }

  test('is changed for the next request, and is there after kill -9', async () => {
    const nodeos = await slowNodeos()
    const file = configFile({ ...QUIET, ...nodeos.settings })
    const filter = await start('filter', {}, {}, file)
    expect((await post(filter.configUrl, { contractBlackList: { bad: true } })).status).toBe(200)
    expect((await fetch(filter.url + info, legacy)).status).toBe(400)
    filter.child.kill('SIGKILL')
    await filter.exit
    const again = await start('filter', {}, {}, file)
    expect((await fetch(again.url + info, legacy)).status).toBe(400)
    expect(await (await fetch(again.configUrl)).json()).toMatchObject({ contractBlackList: { bad: true } })
  })

  test('from the environment is not stored, and that is said', async () => {
    const file = configFile(QUIET)
    const env = { PATRONEOS_CONFIG: JSON.stringify({ ...QUIET, nodeosPort: 1 }) }
    const filter = await start('filter', {}, env, file)
    const answer = await post(filter.configUrl, { maxActions: 7 })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-patroneos-not-stored')).toBe(
      'PATRONEOS_CONFIG is set; a restart brings it back',
    )
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(QUIET)
    // A log that nobody reads any more stops nothing.
    filter.child.stdout!.destroy()
    for (let left = 20; left > 0; left--)
      expect(
        (await fetch(`${filter.url}/v1/chain/push_transaction`, { method: 'POST', body: '{c}' })).status,
      ).toBe(400)
    expect((await fetch(`${filter.url}/patroneos/health`)).status).toBe(200)
  })

  test('is behind its token, of which one that can be guessed is warned of; neither it nor the secret is ever shown', async () => {
    const env = { PATRONEOS_CONFIG_TOKEN: TOKEN, PATRONEOS_RELAY_SECRET: SECRET }
    const filter = await start('filter', { configListenIP: '0.0.0.0', nodeosPort: 1 }, env)
    const url = filter.configUrl.replace('0.0.0.0', '127.0.0.1')
    const authorization = `Bearer ${TOKEN}`
    expect((await fetch(url)).status).toBe(401)
    expect((await fetch(url, { headers: { authorization: 'Bearer guess' } })).status).toBe(401)
    expect((await post(url, { maxActions: 7 })).status).toBe(401)
    const answer = await fetch(url, { headers: { authorization } })
    expect(answer.status).toBe(200)
    expect((await post(url, { maxActions: 7 }, { authorization })).status).toBe(200)
    const shown = (await answer.text()) + filter.output()
    expect(shown).not.toContain(TOKEN)
    expect(filter.lines()[0]).toMatchObject({ level: 'warn' })
    expect(filter.lines()[0]?.message).toMatch('PATRONEOS_CONFIG_TOKEN has 5 characters')
    expect(shown).not.toContain(SECRET.slice(6))
    expect(filter.lines().find(({ message }) => message.startsWith('config API'))).toMatchObject({
      peer: '127.0.0.1',
      count: 1,
    })
  })
})
