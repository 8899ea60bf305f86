import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { filterConfigSchema, parseConfig } from './config.ts'
import { fileConfigStore, readConfigFile } from './config-file.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patroneos-config-'))
  path = join(folder, 'config.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

const read = () => JSON.parse(readFileSync(path, 'utf8'))

test('a configuration is in the file before it is in force', async () => {
  const seen: unknown[] = []
  const store = fileConfigStore<object>(path, { a: 1 }, (config) => seen.push([config, read()]))
  await store.replace({ a: 2 })
  expect(seen).toEqual([[{ a: 2 }, { a: 2 }]])
  expect(store.current()).toEqual({ a: 2 })
  expect(readdirSync(folder)).toEqual(['config.json'])
})

test('where it cannot be written, the old one stays, in the file and in force', async () => {
  writeFileSync(path, '{"a":1}')
  // In the place of the temporary file, so that even root cannot write it.
  mkdirSync(`${path}.tmp`)
  const store = fileConfigStore<object>(path, { a: 1 }, () => expect.unreachable())
  await expect(store.replace({ a: 2 })).rejects.toThrow('EISDIR')
  expect(store.current()).toEqual({ a: 1 })
  expect(read()).toEqual({ a: 1 })
})

test('where the disk is full, the old one stays, and nothing is left behind', async () => {
  // /dev/full takes no byte; a limit of the process on file sizes would hit the test's own files.
  writeFileSync(path, '{"a":1}')
  symlinkSync('/dev/full', `${path}.tmp`)
  const store = fileConfigStore<object>(path, { a: 1 }, () => expect.unreachable())
  await expect(store.replace({ a: 2 })).rejects.toThrow('ENOSPC')
  expect(read()).toEqual({ a: 1 })
  expect(readdirSync(folder)).toEqual(['config.json'])
})

test('the file keeps its mode, and a link stays a link', async () => {
  const real = join(folder, 'real.json')
  writeFileSync(real, '{}')
  chmodSync(real, 0o600)
  symlinkSync('real.json', path)
  await fileConfigStore<object>(path, {}, () => {}).replace({ a: 1 })
  expect(lstatSync(path).isSymbolicLink()).toBe(true)
  expect(JSON.parse(readFileSync(real, 'utf8'))).toEqual({ a: 1 })
  expect(statSync(real).mode & 0o777).toBe(0o600)
})

test('a file that is not there is no configuration; one that cannot be read is an error', async () => {
  expect(await readConfigFile(path)).toBeUndefined()
  await expect(readConfigFile(folder)).rejects.toThrow('EISDIR')
})

test('kill -9 during 1,000 writes leaves a valid configuration each time', async () => {
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
    expect(parseConfig(filterConfigSchema, read())).toHaveProperty('config')
  }
  expect(total).toBeGreaterThanOrEqual(1_000)
  expect(interrupted).toBeGreaterThan(0)
}, 120_000)
