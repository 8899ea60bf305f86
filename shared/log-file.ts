// A log in a file, such as the one that fail2ban watches. Lines are appended whole, and the file is reopened after a rotation.
import { type FileHandle, open, stat } from 'node:fs/promises'

export interface LogFile {
  /** Appends whole lines. Resolves when they are in the file; rejects with none of them in it. */
  append(lines: string): Promise<void>
  /** Opens the file of that name again before the next line is written, as after a rotation. */
  reopen(): void
  /** Resolves when all that was appended is in the file. */
  close(): Promise<void>
}

interface Waiting {
  lines: string
  resolve(): void
  reject(error: Error): void
}

/** Opens a log for appending and creates it where it does not exist. Throws where that cannot be done. */
export async function openLogFile(path: string): Promise<LogFile> {
  let file = await openForAppend(path)
  let waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  let mustReopen = false

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
        await appendWhole(file, group.map(({ lines }) => lines).join(''))
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error as Error)
      }
    }
    writing = undefined
  }

  return {
    append: (lines) =>
      new Promise((resolve, reject) => {
        waiting.push({ lines, resolve, reject })
        writing ??= writeAll()
      }),
    reopen: () => {
      mustReopen = true
    },
    close: async () => {
      await writing
      await file.close()
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
async function appendWhole(file: FileHandle, text: string): Promise<void> {
  const bytes = Buffer.from(text)
  let written = 0
  try {
    while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten
  } catch (error) {
    if (written > 0) await file.truncate((await file.stat()).size - written)
    throw error
  }
}
