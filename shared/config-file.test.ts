import {
  chmodSync,
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
import { afterEach, beforeEach, expect, test } from 'vitest'
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
