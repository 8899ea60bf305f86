// Which messages are in the log, in a file beside it: a relay that was killed knows them when it starts again, whatever it
// had answered. An entry is written before the lines that it is about, with the place where they go. Only the lines of the
// last entry may be missing then, which the log shows. Against a loss of power it does not help: nothing is synced.
import {
  type FileHandle,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Journal, Place } from '../shared/log-file.ts'
import { MAX_IDS, type Message, REMEMBERED } from './message-memory.ts'

export interface MessageJournal extends Journal<Message> {
  /** Messages that are in the log, the oldest first. */
  readonly messages: readonly Message[]
}

interface Entry extends Place {
  messages: readonly Message[]
}

/** Entries that are not remembered any more, at which the file is written anew. */
const STALE_ENTRIES = 10_000

/** Opens the journal of a log. Throws where that cannot be done. */
export async function openJournal(log: string): Promise<MessageJournal> {
  const path = `${log}.ids`
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const lines = wholeLines(text)
  const last = lines.at(-1)
  if (last !== undefined && !(await isWritten(log, entryOf(last)))) lines.pop()
  const file = await open(path, 'a', 0o600)
  const journal = new FileJournal(path, file, lines)
  await journal.cut()
  return journal
}

class FileJournal implements MessageJournal {
  readonly messages: readonly Message[]
  readonly #path: string
  #file: FileHandle
  /** Of each entry in the file: its bytes, and when its last message came. */
  #entries: { bytes: number; at: number }[]

  constructor(path: string, file: FileHandle, lines: readonly string[]) {
    this.#path = path
    this.#file = file
    this.#entries = lines.map((line) => sizeOf(line, entryOf(line).messages))
    const now = Date.now()
    this.messages = lines
      .flatMap((line) => entryOf(line).messages)
      .filter(({ at }) => now - at < REMEMBERED)
      .slice(-MAX_IDS)
  }

  async begin(place: Place, messages: readonly Message[]): Promise<void> {
    const entry: Entry = { ...place, messages }
    const line = JSON.stringify(entry)
    if (this.#staleEntries() > STALE_ENTRIES) await this.#shorten()
    try {
      await this.#file.appendFile(`${line}\n`)
    } catch (error) {
      await this.cut()
      throw error
    }
    this.#entries.push(sizeOf(line, messages))
  }

  async cancel(): Promise<void> {
    this.#entries.pop()
    await this.cut()
  }

  /** Cuts off what is no whole entry, or none that counts; that works on a full disk too. */
  cut(): Promise<void> {
    return this.#file.truncate(this.#bytesOf(this.#entries.length))
  }

  #bytesOf(count: number): number {
    return this.#entries.slice(0, count).reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** They are the first. */
  #staleEntries(): number {
    const now = Date.now()
    const index = this.#entries.findIndex(({ at }) => now - at < REMEMBERED)
    return Math.max(index === -1 ? this.#entries.length : index, this.#entries.length - MAX_IDS)
  }

  /** Goes on with a new file that has what is remembered; where there is no room for it, with the old one. */
  async #shorten(): Promise<void> {
    const stale = this.#staleEntries()
    const next = `${this.#path}.new`
    try {
      const kept = (await readFile(this.#path)).subarray(this.#bytesOf(stale))
      await writeFile(next, kept, { mode: 0o600 })
      const file = await open(next, 'a')
      await rename(next, this.#path)
      await this.#file.close()
      this.#file = file
      this.#entries = this.#entries.slice(stale)
    } catch {
      await rm(next, { force: true })
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** A kill may have cut the last one off, and a full disk. */
function wholeLines(text: string): string[] {
  const lines = text.split('\n').slice(0, -1)
  const broken = lines.findIndex((line) => !isEntry(line))
  return broken === -1 ? lines : lines.slice(0, broken)
}

function isEntry(line: string): boolean {
  try {
    return Array.isArray(entryOf(line).messages)
  } catch {
    return false
  }
}

function entryOf(line: string): Entry {
  return JSON.parse(line) as Entry
}

function sizeOf(line: string, messages: readonly Message[]) {
  return { bytes: Buffer.byteLength(line) + 1, at: messages.at(-1)?.at ?? 0 }
}

/** Whether the lines of an entry are in the log. A part of them is cut off: the message comes again. */
async function isWritten(log: string, { inode, offset, length }: Entry): Promise<boolean> {
  const path = await pathOf(log, inode)
  // Compressed or removed since: long after the kill, and an entry is at most one write ahead of its lines.
  if (path === undefined) return true
  const { size } = await stat(path)
  // Cut since, as logrotate's copytruncate does.
  if (size < offset) return true
  if (size >= offset + length) return true
  if (size > offset) await truncate(path, offset)
  return false
}

/** Where the file is now that was the log: logrotate renames it, to a longer name. */
async function pathOf(log: string, inode: number): Promise<string | undefined> {
  const folder = dirname(log)
  const names = await readdir(folder)
  for (const name of names.filter((other) => other.startsWith(basename(log)))) {
    const path = join(folder, name)
    if ((await stat(path).catch(() => undefined))?.ino === inode) return path
  }
  return undefined
}
