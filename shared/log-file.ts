// A log in a file, such as the one that fail2ban watches. Lines are appended whole, and the file is reopened after a rotation.
import { type FileHandle, open, stat } from 'node:fs/promises'

/** `Note` is what a journal is told of lines, beside where they are. */
export interface LogFile<Note = never> {
  /** Appends whole lines. Resolves when they are in the file; rejects with none of them in it. */
  append(lines: string, note?: Note): Promise<void>
  /** Opens the file of that name again before the next line is written, as after a rotation. */
  reopen(): void
  /** Resolves when all that was appended is in the file. */
  close(): Promise<void>
}

/** Is told of lines with a note before they are written. */
export interface Journal<Note> {
  /** Rejects where it cannot note that: then nothing is written. */
  begin(place: Place, notes: readonly Note[]): Promise<void>
  /** What was begun was not written. */
  cancel(): Promise<void>
  close(): Promise<void>
}

/** Where lines go: the file by its number, since it may be renamed, and bytes from its start. */
export interface Place {
  inode: number
  offset: number
  length: number
}

interface Waiting<Note> {
  lines: string
  note: Note | undefined
  resolve(): void
  reject(error: Error): void
}

/** Opens a log for appending and creates it where it does not exist. Throws where that cannot be done. */
export async function openLogFile<Note = never>(
  path: string,
  journal?: Journal<Note>,
): Promise<LogFile<Note>> {
  let file = await openForAppend(path)
  let waiting: Waiting<Note>[] = []
  let writing: Promise<void> | undefined
  let mustReopen = false

  const appendGroup = async (group: readonly Waiting<Note>[]) => {
    const bytes = Buffer.from(group.map(({ lines }) => lines).join(''))
    const notes = group.flatMap(({ note }) => (note === undefined ? [] : [note]))
    if (!journal || notes.length === 0) return appendWhole(file, bytes)
    const { ino, size } = await file.stat()
    await journal.begin({ inode: ino, offset: size, length: bytes.length }, notes)
    try {
      await appendWhole(file, bytes)
    } catch (error) {
      await journal.cancel()
      throw error
    }
  }

  /** Writes what waits, all that came meanwhile in one go, until nothing does. */
  const writeAll = async () => {
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      try {
        if (mustReopen || (await wasReplaced(file, path))) {
          const next = await openForAppend(path)
          await file.close()
          file = next
          mustReopen = false
        }
        await appendGroup(group)
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error as Error)
      }
    }
    writing = undefined
  }

  return {
    append: (lines, note) =>
      new Promise((resolve, reject) => {
        waiting.push({ lines, note, resolve, reject })
        writing ??= writeAll()
      }),
    reopen: () => {
      mustReopen = true
    },
    close: async () => {
      await writing
      await Promise.all([file.close(), journal?.close()])
    },
  }
}

function openForAppend(path: string): Promise<FileHandle> {
  return open(path, 'a', 0o644)
}

/** Whether the name no longer leads to the open file: renamed by logrotate, or removed. */
async function wasReplaced(file: FileHandle, path: string): Promise<boolean> {
  const [named, opened] = await Promise.all([stat(path).catch(() => undefined), file.stat()])
  return named?.ino !== opened.ino || named.dev !== opened.dev
}

/** Appends all of it; what a full disk left of a line is cut off again. */
async function appendWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  let written = 0
  try {
    while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten
  } catch (error) {
    if (written > 0) await file.truncate((await file.stat()).size - written)
    throw error
  }
}
