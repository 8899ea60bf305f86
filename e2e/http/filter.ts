// A filter as an operator starts it, on Node, Bun or Deno: its own process, a config file, a port.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { exchange, freePort, statusOf } from './wire.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const bin = (name: string) => path.join(ROOT, 'node_modules/.bin', name)

/** The runtimes that listen themselves, and how each runs a program. */
export const RUNTIMES = {
  node: [process.execPath],
  bun: [bin('bun')],
  deno: [bin('deno'), 'run', '--allow-all', '--quiet'],
} as const
export type Runtime = keyof typeof RUNTIMES

const START_MS = 25_000

export interface RunningFilter {
  port: number
  /** Of its config listener. */
  configPort: number
  process: ChildProcess
  /** Everything it wrote to its log. */
  log: () => string
  stop: () => Promise<void>
}

/** Resolves once the filter answers its health check. */
export async function startFilter(
  config: Record<string, unknown>,
  runtime: Runtime = 'node',
  env: Record<string, string> = {},
): Promise<RunningFilter> {
  const directory = await mkdtemp(path.join(tmpdir(), 'patroneos-'))
  const configFile = path.join(directory, 'config.json')
  const port = await freePort()
  const configListenPort = await freePort()
  await writeFile(
    configFile,
    // Without the cache, as it is looked at what reaches nodeos.
    JSON.stringify({
      listenIP: '127.0.0.1',
      listenPort: port,
      configListenPort,
      cache: { paths: {} },
      repeats: 0,
      ...config,
    }),
  )
  const [program, ...options] = RUNTIMES[runtime]
  const entry = path.join(ROOT, `worker/runtimes/${runtime}.ts`)
  const child = spawn(program, [...options, entry, '--configFile', configFile], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (log += data))
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(directory, { recursive: true, force: true })
  }
  const health = 'GET /patroneos/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  for (const start = Date.now(); Date.now() - start < START_MS && child.exitCode === null; await sleep(50)) {
    const { responses } = await exchange(port, health)
    if (statusOf(responses[0]) === 200)
      return { port, configPort: configListenPort, process: child, log: () => log, stop }
  }
  await stop()
  throw new Error(`the filter did not start: ${log}`)
}
