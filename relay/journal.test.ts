// What a relay knows of its messages after it was killed at any point.
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openLogFile } from '../shared/log-file.ts'
import { openJournal } from './journal.ts'

let folder: string
let path: string
let ids: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patroneos-journal-'))
  path = join(folder, 'fail2ban.log')
  ids = `${path}.ids`
  writeFileSync(path, 'before\n')
})

afterEach(() => rmSync(folder, { recursive: true }))

const message = (id: string, at = Date.now()) => ({ id: `signed ${id}`, digest: `digest of ${id}`, at })

/** As a relay does that is then killed: its end writes nothing. */
async function write(...messages: [id: string, lines: string][]): Promise<void> {
  const log = await openLogFile(path, await openJournal(path))
  for (const [id, lines] of messages) await log.append(lines, message(id))
  await log.close()
}

async function known(): Promise<string[]> {
  const journal = await openJournal(path)
  await journal.close()
  return journal.messages.map(({ id }) => id.replace('signed ', ''))
}

/** Begins a write that a kill prevents, wholly or in part. */
async function begin(id: string, length: number): Promise<void> {
  const journal = await openJournal(path)
  const { ino, size } = statSync(path)
  await journal.begin({ inode: ino, offset: size, length }, [message(id)])
  await journal.close()
}

describe('a relay that is killed', () => {
  test('after it wrote knows all that it wrote, with their digests', async () => {
    await write(['a', 'a\n'], ['b', 'b\nb\n'])
    await write(['c', 'c\n'])
    expect(await known()).toEqual(['a', 'b', 'c'])
    const journal = await openJournal(path)
    await journal.close()
    const { messages } = journal
    expect(messages[1]).toMatchObject(message('b', messages[1]!.at))
  })

  test('before it wrote does not know that message', async () => {
    await write(['a', 'a\n'])
    await begin('b', 6)
    expect(await known()).toEqual(['a'])
    await write(['b', 'b\n'])
    expect(await known()).toEqual(['a', 'b'])
    expect(readFileSync(path, 'utf8')).toBe('before\na\nb\n')
  })

  test('while it wrote lines leaves none of that message', async () => {
    await begin('a', 12)
    appendFileSync(path, 'one\ntw')
    expect(await known()).toEqual([])
    expect(readFileSync(path, 'utf8')).toBe('before\n')
  })

  test('while it noted a message leaves nothing of it', async () => {
    await write(['a', 'a\n'])
    const whole = readFileSync(ids)
    appendFileSync(ids, whole.subarray(0, whole.length - 5))
    expect(await known()).toEqual(['a'])
    expect(readFileSync(ids)).toEqual(whole)
  })

  test('before its log was rotated looks for the lines in the renamed file', async () => {
    await begin('a', 4)
    appendFileSync(path, 'a')
    renameSync(path, `${path}.1`)
    expect(await known()).toEqual([])
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('before\n')
    writeFileSync(path, '')
    await write(['b', 'b\n'])
    renameSync(path, `${path}.2`)
    expect(await known()).toEqual(['b'])
    rmSync(`${path}.2`)
    expect(await known()).toEqual(['b'])
  })
})

test('what the disk had no room for is not noted', async () => {
  const journal = await openJournal(path)
  const log = await openLogFile(path, journal)
  vi.spyOn(journal, 'begin').mockRejectedValueOnce(new Error('ENOSPC'))
  await expect(log.append('a\n', message('a'))).rejects.toThrow('ENOSPC')
  expect(readFileSync(path, 'utf8')).toBe('before\n')
  await log.append('b\n', message('b'))
  expect(await known()).toEqual(['b'])
  await journal.cancel()
  expect(readFileSync(ids, 'utf8')).toBe('')
  await log.close()
})

test('messages are forgotten when none like it would be believed, and the file stays short', async () => {
  const journal = await openJournal(path)
  const long = Date.now() - 602_000
  const place = { inode: statSync(path).ino, offset: 0, length: 1 }
  for (let at = 0; at < 10_001; at++) await journal.begin(place, [message(`old ${at}`, long)])
  const full = statSync(ids).size
  await journal.begin(place, [message('new')])
  expect(statSync(ids).size).toBeLessThan(full / 1_000)
  await journal.begin(place, [message('newer')])
  await journal.close()
  expect(await known()).toEqual(['new', 'newer'])
})
