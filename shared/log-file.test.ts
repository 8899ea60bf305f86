import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LogFile, openLogFile } from './log-file.ts'

let folder: string
let path: string
let log: LogFile

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patroneos-log-'))
  path = join(folder, 'fail2ban.log')
  appendFileSync(path, 'before\n')
  log = await openLogFile(path)
})

afterEach(async () => {
  await log.close()
  rmSync(folder, { recursive: true })
})

test('lines are appended to what is there', async () => {
  await log.append('a\nb\n')
  expect(readFileSync(path, 'utf8')).toBe('before\na\nb\n')
})

test('concurrent batches stay whole and in order', async () => {
  const batches = Array.from({ length: 500 }, (_, n) => `${n}-a\n${n}-b\n`)
  await Promise.all(batches.map((lines) => log.append(lines)))
  expect(readFileSync(path, 'utf8')).toBe(`before\n${batches.join('')}`)
})

test('after a rename, lines go to a new file of the old name', async () => {
  renameSync(path, `${path}.1`)
  await log.append('a\n')
  expect(readFileSync(path, 'utf8')).toBe('a\n')
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('before\n')
})

test('after a removal, the file is there again', async () => {
  unlinkSync(path)
  await log.append('a\n')
  expect(readFileSync(path, 'utf8')).toBe('a\n')
})

test('after a truncation, lines start at the beginning', async () => {
  truncateSync(path)
  await log.append('a\n')
  expect(readFileSync(path, 'utf8')).toBe('a\n')
})

test('what cannot be written is refused, and what follows is written when it can be', async () => {
  rmSync(folder, { recursive: true })
  await expect(log.append('lost\n')).rejects.toThrow('ENOENT')
  expect(existsSync(path)).toBe(false)
  const { mkdirSync } = await import('node:fs')
  mkdirSync(folder)
  await log.append('a\n')
  expect(readFileSync(path, 'utf8')).toBe('a\n')
})

test('a disk that fills up in the middle of a batch leaves none of it', async () => {
  // A limit of the process on file sizes makes a write stop half way, as a full disk does.
  const { execFileSync } = await import('node:child_process')
  const script = `
    import { openLogFile } from ${JSON.stringify(join(import.meta.dirname, 'log-file.ts'))}
    process.on('SIGXFSZ', () => {})
    const log = await openLogFile(${JSON.stringify(join(folder, 'small.log'))})
    await log.append('first\\n')
    await log.append('x'.repeat(2000) + '\\n').then(() => console.log('written'), (error) => console.log(error.code))
    await log.append('last\\n')
  `
  const node = JSON.stringify(process.execPath)
  const shell = `ulimit -f 1; exec ${node} --input-type=module -e "$SCRIPT"`
  const output = execFileSync('bash', ['-c', shell], {
    // Node's own cache would run into the limit as well.
    env: { ...process.env, SCRIPT: script, NODE_DISABLE_COMPILE_CACHE: '1' },
    encoding: 'utf8',
  })
  expect(output.trim()).toBe('EFBIG')
  expect(readFileSync(join(folder, 'small.log'), 'utf8')).toBe('first\nlast\n')
})

test('a file that cannot be opened is said at once', async () => {
  await expect(openLogFile(join(folder, 'missing', 'fail2ban.log'))).rejects.toThrow('ENOENT')
})
