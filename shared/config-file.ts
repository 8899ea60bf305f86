// The configuration as a JSON file on Node: read at start, replaced atomically on every change.
import { open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ConfigStore } from './config-store.ts'

/** The text of a configuration file; undefined where there is none. */
export async function readConfigFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Replaces a file by a whole new one: written beside it, flushed to disk, then renamed over it, so that a crash
 * at any moment leaves either the old file or the new one. Throws with nothing changed.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  // A link stays a link: what it leads to is replaced.
  const target = await realpath(path).catch(() => path)
  // One name for all, so that crashes leave one file behind at the most; writers take turns.
  const temporary = `${target}.tmp`
  const mode = (await stat(target).catch(() => undefined))?.mode ?? 0o640
  try {
    const file = await open(temporary, 'w', mode & 0o777)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw error
  }
  // Not every directory can be opened and flushed; the file itself is whole and in its place either way.
  await flushDirectory(dirname(target)).catch(() => {})
}

async function flushDirectory(path: string): Promise<void> {
  const directory = await open(path)
  await directory.sync().finally(() => directory.close())
}

/** A configuration that is kept in a file. `onChange` is told after a new one is in force. */
export function fileConfigStore<C>(path: string, initial: C, onChange: (config: C) => void): ConfigStore<C> {
  let config = initial
  return {
    current: () => config,
    replace: async (next) => {
      await replaceFile(path, `${JSON.stringify(next, null, 2)}\n`)
      config = next
      onChange(next)
    },
  }
}
