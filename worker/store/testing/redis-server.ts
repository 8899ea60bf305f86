// A redis-server for tests, on loopback, with the configuration and the user of least rights of docker/redis. Without vitest, so that
// programs can use it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../../e2e/http/wire.ts'

/** REDIS_SERVER names another one, as Valkey's. */
const PROGRAM = process.env.REDIS_SERVER ?? '/usr/bin/redis-server'
const PASSWORD = 'of-these-tests'

/** Where Redis is missing its tests are skipped, and that is said; but not in CI, where they fail. */
export function skipWithoutRedis(what: string): boolean {
  if (existsSync(PROGRAM)) return false
  console.warn(`${what}: redis-server is missing, its tests are skipped`)
  return !process.env.CI
}

export interface RedisServer {
  /** Of the user of least rights. */
  url: string
  password: string
  port: number
  /** Of the process, once it was started. */
  pid(): number
  start(): Promise<void>
  signal(name: NodeJS.Signals): void
  /** Resolves when it is gone. */
  kill(): Promise<void>
  /** What redis-cli says to a command, as the administrator. */
  cli(...args: string[]): Promise<string>
  stop(): Promise<void>
}

/** What operators have, but for an administrator without a password. */
function shippedConfig(): string[] {
  const text = readFileSync(join(import.meta.dirname, '../../../docker/redis/redis.conf'), 'utf8')
  return text
    .replace('>PASSWORD', `>${PASSWORD}`)
    .split('\n')
    .filter((line) => !/^(?:user default|port|bind) /.test(line))
}

/** Starts nothing yet. `options` are lines of redis.conf, `args` of the command. */
export async function createRedisServer(options: string[] = [], args: string[] = []): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'patroneos-redis-'))
  const port = await freePort()
  const file = join(folder, 'redis.conf')
  const own = [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`]
  if (!args.includes('--sentinel')) own.push(...shippedConfig())
  writeFileSync(file, [...own, ...options, ''].join('\n'))
  let child: ChildProcess | undefined

  const cli: RedisServer['cli'] = async (...command) => {
    const asked = spawn('redis-cli', ['-p', `${port}`, ...command], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    asked.stdout.on('data', (data) => (text += data))
    await once(asked, 'exit')
    return text.trim()
  }
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    url: `redis://patroneos:${PASSWORD}@127.0.0.1:${port}`,
    password: PASSWORD,
    port,
    pid: () => child!.pid!,
    start: async () => {
      child = spawn(PROGRAM, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (data) => (output += data))
      for (let tries = 0; !/Ready to accept connections|Sentinel ID is/.test(output); tries++) {
        if (child.exitCode !== null || tries > 500) throw new Error(`redis-server did not start: ${output}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    signal: (name) => void child?.kill(name),
    kill,
    cli,
    stop: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
