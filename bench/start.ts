// node bench/start.ts: how long the filter takes from its start until it answers a first request, the CPU that this takes,
// and what its processes hold in memory then: from the package, installed in a project of its own, and from this clone.
//   --runs N   runs of each (10), the first one apart: it fills Node's cache of compiled code
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../e2e/http/wire.ts'
import { NODE_OPTIONS } from '../e2e/npm-start.ts'
import { cpuTime, LOAD_CORE, residentMemory, run } from './processes.ts'
import { formatSpread, spreadOf } from './statistics.ts'
import { formatTable } from './table.ts'

const { values: options } = parseArgs({ options: { runs: { type: 'string', default: '10' } } })
const ROOT = join(import.meta.dirname, '..')
/** Milliseconds between two attempts of a client that waits for the filter. */
const PATIENCE = 2

const project = mkdtempSync(join(tmpdir(), 'patroneos-start-'))
process.on('exit', () => rmSync(project, { recursive: true, force: true }))
await run(LOAD_CORE, ['npm', '--prefix', ROOT, 'pack', ROOT, '--silent', '--pack-destination', project])
writeFileSync(join(project, 'package.json'), '{"private": true}')
await run(LOAD_CORE, ['sh', '-c', `cd ${project} && npm install --silent ./*.tgz`])

const ways: Record<string, { cwd: string; command: string[] }> = {
  'npx patroneos filter, from the package': { cwd: project, command: ['npx', 'patroneos', 'filter'] },
  'node_modules/.bin/patroneos filter': { cwd: project, command: ['node_modules/.bin/patroneos', 'filter'] },
  'npm start, in a clone': { cwd: ROOT, command: ['npm', 'start'] },
  'the program itself, in a clone': {
    cwd: ROOT,
    command: ['node', ...NODE_OPTIONS, 'worker/runtimes/node.ts'],
  },
}

const answered = (port: number) =>
  new Promise<boolean>((resolve) => {
    request({ port, host: '127.0.0.1', path: '/v1/producer/pause', agent: false })
      .once('response', (response) => resolve(response.resume().statusCode === 403))
      .once('error', () => resolve(false))
      .end()
  })

/** Of one start, to the first answer; `memory` a second later, in megabytes of all processes. */
interface Start {
  milliseconds: number
  cpu: number
  memory: number
}

async function started({ cwd, command }: { cwd: string; command: string[] }): Promise<Start> {
  const [port, configPort] = [await freePort(), await freePort()]
  const config = { listenIP: '127.0.0.1', listenPort: port, configListenPort: configPort }
  const env = { ...process.env, PATRONEOS_CONFIG: JSON.stringify(config), NODE_ENV: 'production' }
  const began = performance.now()
  const child = spawn(command[0]!, command.slice(1), { cwd, env, detached: true, stdio: 'ignore' })
  while (!(await answered(port))) await setTimeout(PATIENCE)
  const milliseconds = performance.now() - began
  const cpu = cpuTime(child.pid!)
  await setTimeout(1_000)
  const memory = residentMemory(child.pid!)
  process.kill(-child.pid!, 'SIGTERM')
  await once(child, 'exit')
  return { milliseconds, cpu, memory }
}

const found = new Map(Object.keys(ways).map((name) => [name, [] as Start[]]))
for (let round = 0; round <= Number(options.runs); round++)
  for (const [name, way] of Object.entries(ways)) found.get(name)!.push(await started(way))

const shown = (runs: Start[], key: keyof Start) => formatSpread(spreadOf(runs.map((one) => one[key])), 0)
console.log(
  formatTable([
    ['', 'first, ms', 'then, ms', 'CPU, ms', 'memory, MB'],
    ...[...found].map(([name, [first, ...runs]]) => [
      name,
      first!.milliseconds.toFixed(0),
      ...(['milliseconds', 'cpu', 'memory'] as const).map((key) => shown(runs, key)),
    ]),
  ]),
)
console.log(await run(LOAD_CORE, ['du', '-sh', join(project, 'node_modules')]))
