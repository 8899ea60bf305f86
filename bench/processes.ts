// Programs that the bench starts: each pinned to a core, watched through /proc, and ended with the bench.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'

/** The proxy under test has the first core to itself; load, upstream and relay share the last. */
export const PROXY_CORE = 0
export const LOAD_CORE = availableParallelism() - 1

const folder = mkdtempSync(join(tmpdir(), 'patroneos-bench-'))
const started: ChildProcess[] = []
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

/** Writes a file that is gone after the bench, and returns its path. */
export function temporaryFile(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** Starts a program on one core. What it writes is shown only when it ends by itself. */
export function start(core: number, command: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn('taskset', ['-c', String(core), ...command], {
    env: { ...process.env, ...env },
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (text) => {
      output = (output + text).slice(-4_000)
    })
  child.once('exit', (code) => {
    if (!child.killed) console.error(`${command.join(' ')} ended with ${code}:\n${output}`)
  })
  return child
}

/** Runs a program to its end on one core and resolves to what it wrote. */
export async function run(core: number, command: string[]): Promise<string> {
  const child = spawn('taskset', ['-c', String(core), ...command], { stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(child)
  let output = ''
  child.stdout.on('data', (text) => {
    output += text
  })
  const [code] = await once(child, 'close')
  started.splice(started.indexOf(child), 1)
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}`)
  return output
}

/** Ends a program that was started here. */
export function stopPid(pid: number | undefined): void {
  const child = started.find((one) => one.pid === pid)
  if (child) child.kill('SIGTERM')
}

export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((path) => {
    try {
      return path !== '' && readdirSync(path).includes(program)
    } catch {
      return false
    }
  })
}

/** Resolves when something listens on the port. */
export async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let left = 600; left > 0; left--) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.slice(3).join(' ')} did not start`)
    const socket = createConnection(port, '127.0.0.1')
    const answer = await Promise.race([once(socket, 'connect'), once(socket, 'error')]).catch(() => undefined)
    socket.destroy()
    if (answer?.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing listens on port ${port}`)
}

/** A process and all below it. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => family(Number(child))))]
}

/** Milliseconds of CPU that the threads of a process and of its children have used. */
export function cpuTime(pid: number): number {
  return family(pid).reduce((sum, member) => {
    const threads = readdirSync(`/proc/${member}/task`)
    return sum + threads.reduce((ofThem, thread) => ofThem + threadTime(member, thread), 0)
  }, 0)
}

/** Nanoseconds are the first field of schedstat; the times in stat are in hundredths of a second, too coarse for short runs. */
const threadTime = (pid: number, thread: string) =>
  Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6

/** Megabytes that a process and its children hold in memory. */
export function residentMemory(pid: number): number {
  return family(pid).reduce((sum, member) => {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${member}/status`, 'utf8'))?.[1]
    return sum + Number(kilobytes ?? 0) / 1024
  }, 0)
}
