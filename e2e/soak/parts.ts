// The processes of a whole set-up, each of which can be killed, stopped and started again on its own port.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const START_MS = 30_000

export interface Command {
  program: string
  args: string[]
  env?: NodeJS.ProcessEnv
  /** It has started when something listens there. */
  port: number
}

export class Part {
  readonly name: string
  readonly #command: Command
  #child: ChildProcess | undefined
  #log = ''

  constructor(name: string, command: Command) {
    this.name = name
    this.#command = command
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get isAlive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The last of what it wrote. */
  get log(): string {
    return this.#log
  }

  async start(): Promise<void> {
    const { program, args, env, port } = this.#command
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        this.#log = (this.#log + text).slice(-20_000)
      })
    for (const began = Date.now(); !(await listens(port)); await sleep(50))
      if (!this.isAlive || Date.now() - began > START_MS)
        throw new Error(`${this.name} did not start: ${this.#log}`)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.isAlive) return
    const gone = once(this.#child!, 'exit')
    this.#child!.kill(signal)
    await gone
  }

  /** Megabytes in memory; 0 where it is not there. */
  memory(): number {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
    } catch {
      return 0
    }
  }

  /** Open descriptors; 0 where it is not there. */
  descriptors(): number {
    try {
      return readdirSync(`/proc/${this.pid}/fd`).length
    } catch {
      return 0
    }
  }

  /** Lets it open so many more descriptors; undefined: as many as before. */
  allowDescriptors(more: number | undefined): void {
    const limit = more === undefined ? 4_096 : this.descriptors() + more
    execFileSync('prlimit', ['--pid', String(this.pid), `--nofile=${limit}:`])
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
