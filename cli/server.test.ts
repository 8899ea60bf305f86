// The commands that ask a running filter, which is started by the command line itself.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { samplesOf } from './commands/metrics.ts'
import { runCli } from './testing/run-cli.ts'

const TOKEN = 'a-token-of-the-test'
const PATRONEOS = join(import.meta.dirname, 'patroneos.ts')

interface Started {
  child: ChildProcess
  configUrl: string
}

/** Starts the filter or the relay as an operator does. */
async function start(name: 'filter' | 'relay', config: object, folder: string): Promise<Started> {
  const file = join(folder, `${name}.json`)
  writeFileSync(
    file,
    JSON.stringify({ listenIP: '127.0.0.1', listenPort: 0, configListenPort: 0, ...config }),
  )
  const child = spawn(process.execPath, [PATRONEOS, name, '--configFile', file], {
    cwd: folder,
    env: { ...process.env, PATRONEOS_CONFIG_TOKEN: TOKEN },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  const address = await vi.waitFor(
    () => {
      const [, found] = /config on (127\.0\.0\.1:\d+)/.exec(output) ?? []
      if (found === undefined) throw new Error(output)
      return found
    },
    { timeout: 20_000, interval: 50 },
  )
  return { child, configUrl: `http://${address}` }
}

let folder: string
let filter: Started
let relay: Started
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patroneos-server-'))
  // Two workers, which must be started as the primary was.
  const settings = { bans: {}, workers: 2, contractBlackList: { bad: true }, nodeosPort: 1 }
  ;[filter, relay] = await Promise.all([
    start('filter', settings, folder),
    start('relay', { logFileLocation: join(folder, 'fail2ban.log') }, folder),
  ])
})
afterAll(async () => {
  for (const { child } of [filter, relay]) {
    child.kill()
    await once(child, 'exit')
  }
  rmSync(folder, { recursive: true })
})

const asked = (...args: string[]) => {
  vi.stubEnv('PATRONEOS_CONFIG_TOKEN', TOKEN)
  return runCli(...args, '--server', filter.configUrl).finally(() => vi.unstubAllEnvs())
}

test('check --server judges by the configuration in force there', async () => {
  const request = JSON.stringify({ path: '/v1/chain/get_block', body: '{', from: '203.0.113.9' })
  const { code, stdout } = await asked('check', request)
  expect(code).toBe(1)
  expect(stdout).toContain('rejected: 400 INVALID_JSON')
  expect((await asked('check', '{"path":"/v1/chain/get_info"}')).code).toBe(0)
})

test('bans are listed, added and lifted', async () => {
  expect(await asked('bans', 'list')).toMatchObject({ code: 0, stdout: 'nobody is banned\n' })
  const added = await asked('bans', 'add', '2001:db8::9', '--for', '60')
  expect(added).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^2001:db8:0:0::\/64 is banned until 2/),
  })
  expect((await asked('bans', 'list')).stdout).toMatch(/2001:db8:0:0::\/64 {2}2.* by hand\n/)
  expect(JSON.parse((await asked('bans', 'list', '--json')).stdout)).toHaveLength(1)
  expect(await asked('check', '{"path":"/v1/chain/get_info","from":"2001:db8::1"}')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('403 BANNED'),
  })
  expect((await asked('bans', 'lift', '2001:db8:0:0::/64')).code).toBe(0)
  expect(await asked('bans', 'lift', '2001:db8::9')).toMatchObject({
    code: 1,
    stdout: '2001:db8::9 is not banned\n',
  })
  expect(await asked('bans', 'add', 'me')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('allowed: an address'),
  })
})

test('nodes are shown, with exit code 1 where all are out', async () => {
  const { stdout } = await asked('nodes')
  expect(stdout).toMatch(/^node +state +head block .*\nnodeos +(?:out|unknown) /)
  await vi.waitFor(async () => expect((await asked('nodes')).code).toBe(1), {
    timeout: 20_000,
    interval: 500,
  })
  expect(JSON.parse((await asked('nodes', '--json')).stdout)).toMatchObject([{ state: 'out' }])
})

test('top lists are shown', async () => {
  const { code, stdout } = await asked('top', '--of', 'networks', '--window', '10m')
  expect([code, stdout]).toEqual([0, 'nothing was counted in 10m\n'])
  expect((await asked('top', '--window', '5m')).stderr).toContain('window: found "5m"; allowed: 1m, 10m, 1h')
})

test('metrics are printed', async () => {
  const { code, stdout } = await asked('metrics', '--grep', 'patroneos_node_in')
  expect([code, samplesOf(stdout).has('patroneos_node_in{node="nodeos"}')]).toEqual([0, true])
  expect(stdout).not.toContain('patroneos_bans')
})

test('the configuration in force is compared with a file', async () => {
  vi.stubEnv('PATRONEOS_CONFIG_TOKEN', TOKEN)
  const { code, stdout } = await runCli('config', 'diff', join(folder, 'filter.json'), filter.configUrl)
  vi.unstubAllEnvs()
  expect([code, stdout]).toEqual([0, 'the same\n'])
})

describe('says what to do', () => {
  test('without the token, or with a wrong one', async () => {
    vi.stubEnv('PATRONEOS_CONFIG_TOKEN', '')
    expect(await runCli('nodes', '-s', filter.configUrl)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('wants a token: set PATRONEOS_CONFIG_TOKEN'),
    })
    vi.stubEnv('PATRONEOS_CONFIG_TOKEN', 'wrong')
    expect((await runCli('nodes', '-s', filter.configUrl)).stderr).toContain('the one that is set is wrong')
    vi.unstubAllEnvs()
  })

  test('where nobody listens, or no URL is given', async () => {
    expect(await runCli('top', '-s', 'http://127.0.0.1:1')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/ECONNREFUSED|bad port/),
    })
    expect((await runCli('bans', 'list', '-s', 'localhost:9001')).stderr).toContain(
      '--server: found "localhost:9001"; allowed: the URL of a config listener',
    )
  })

  test('where the listener has no such route', async () => {
    vi.stubEnv('PATRONEOS_CONFIG_TOKEN', TOKEN)
    const { code, stderr } = await runCli('nodes', '-s', relay.configUrl)
    vi.unstubAllEnvs()
    expect(code).toBe(2)
    expect(stderr).toContain('has no /patroneos/nodes: it is of another version, or not a filter')
  })
})

describe('completion', () => {
  const complete = async (...words: string[]) => {
    const child = spawn(process.execPath, [PATRONEOS, 'complete', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    await once(child, 'close')
    return output
  }

  test.each(['bash', 'zsh', 'fish'])('there is a script for %s', async (shell) => {
    expect(await complete(shell)).toContain('patroneos')
  })

  test('names commands and options', async () => {
    expect(await complete('--', 're')).toMatch(/relay[\s\S]*replay[\s\S]*report/)
    expect(await complete('--', 'check', '--')).toMatch(/--config[\s\S]*--server/)
    expect(await complete('--', 'config', '')).toMatch(/validate[\s\S]*schema[\s\S]*migrate[\s\S]*diff/)
  })
})
