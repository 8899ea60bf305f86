// A list in a file: read at the start and when it changes.
import { type FSWatcher, watch } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { MAX_LIST_BYTES, type SourceWatch } from './source.ts'

/** Milliseconds between looks where nobody says that it has changed: network file systems, containers, some editors. */
const POLL = 5_000
/** Milliseconds after a change for its writer to be done. */
const SETTLE = 100

/** Follows a file until the function that it returns is called. */
export function followFile(path: string, { take, trouble }: SourceWatch): () => void {
  let seen = ''
  let closed = false
  let reading: Promise<void> = Promise.resolve()
  let settling: ReturnType<typeof setTimeout> | undefined

  const look = async () => {
    try {
      const { mtimeMs, size, ino } = await stat(path)
      const now = `${mtimeMs} ${size} ${ino}`
      if (now === seen || closed) return
      if (size > MAX_LIST_BYTES) throw new Error(`${size} bytes; at most ${MAX_LIST_BYTES} are taken`)
      const text = await readFile(path, 'utf8')
      if (closed) return
      seen = now
      take(text)
    } catch (error) {
      // It may be there again with the time and size that it had.
      seen = ''
      if (!closed) trouble((error as Error).message)
    }
  }
  const soon = () => {
    reading = reading.then(look)
  }
  const watcher = watchDirectory(path, () => {
    clearTimeout(settling)
    settling = setTimeout(soon, SETTLE)
  })
  const timer = setInterval(soon, POLL)
  timer.unref()
  soon()
  return () => {
    closed = true
    clearTimeout(settling)
    clearInterval(timer)
    watcher?.close()
  }
}

/** The directory: a file that is replaced by another of its name is another one to a watcher. */
function watchDirectory(path: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(path)) changed()
    })
    // Where watching fails, looking goes on.
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
