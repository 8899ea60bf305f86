// A process that replaces its configuration file all the time, and is killed in the middle of that.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { filterConfigSchema } from './config/filter.ts'
import { parseConfig } from './config/parse.ts'

test('kill -9 during 1,000 writes leaves a valid configuration each time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'patroneos-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'config.json')
  const KILLS = 20
  const WRITES = 1_000 / KILLS
  const script = `
    import { fileConfigStore } from ${JSON.stringify(join(import.meta.dirname, 'config-file.ts'))}
    // Of two lengths, so that one written over the other would not be JSON.
    const configs = [10, 200_000].map((length) => ({ headers: { 'X-Long': 'x'.repeat(length) } }))
    const store = fileConfigStore(${JSON.stringify(path)}, {}, () => console.log('written'))
    for (let n = 0; ; n++) await store.replace(configs[n % 2])
  `
  const start = () =>
    spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })

  let total = 0
  let interrupted = 0
  const writeAndKill = async (writer: ChildProcess, spread: number) => {
    let written = 0
    for await (const _ of createInterface(writer.stdout!)) {
      if (++written !== WRITES) continue
      // At another moment of a write each time.
      setTimeout(() => writer.kill('SIGKILL'), spread)
    }
    total += written
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const writer = start()
    const gone = once(writer, 'exit')
    await writeAndKill(writer, kill / 4)
    expect(await gone).toEqual([null, 'SIGKILL'])
    if (existsSync(`${path}.tmp`)) interrupted++
    expect(parseConfig(filterConfigSchema, JSON.parse(readFileSync(path, 'utf8')))).toHaveProperty('config')
  }
  expect(total).toBeGreaterThanOrEqual(1_000)
  expect(interrupted).toBeGreaterThan(0)
}, 120_000)
