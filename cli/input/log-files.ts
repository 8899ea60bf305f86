// Lines of a log and of its rotated files, compressed or not, the oldest first.
import { createReadStream, readdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { CommandError } from '../command-error.ts'

/** A log, and what logrotate made of it: `.1`, `.2.gz`, or a date. */
export function rotatedFiles(path: string): string[] {
  const name = basename(path)
  const folder = dirname(path)
  const found = readdirSync(folder)
    .filter(
      (file) => file.startsWith(name) && /^(?:[.-]\d+(?:[-.]\d+)*)?(?:\.gz)?$/.test(file.slice(name.length)),
    )
    .map((file) => join(folder, file))
  return found.toSorted((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
}

export interface LineSource {
  /** Bytes in all, as they are stored; 0 where that is not known. */
  size: number
  /** Bytes read so far. */
  read(): number
  lines: AsyncIterable<string>
}

const GZIP = [0x1f, 0x8b]

/** The lines of a file, or of standard input where it is `-`. */
export async function openLines(path: string): Promise<LineSource> {
  const { size, stream, read } = path === '-' ? standardInput() : await openFile(path)
  return { size, read, lines: createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }) }
}

/** The bytes of a file, decompressed. */
export async function openFile(path: string): Promise<{ size: number; stream: Readable; read(): number }> {
  const file = await open(path).catch((error: Error) => {
    throw new CommandError(`cannot read ${path}: ${error.message}`)
  })
  const { size } = await file.stat()
  const start = Buffer.alloc(2)
  await file.read(start, 0, 2, 0)
  await file.close()
  const raw = createReadStream(path, { highWaterMark: 1_048_576 })
  const stream = GZIP.every((byte, at) => start[at] === byte) ? raw.pipe(createGunzip()) : raw
  return { size, stream, read: () => raw.bytesRead }
}

function standardInput() {
  let read = 0
  process.stdin.on('data', (chunk: Buffer) => {
    read += chunk.length
  })
  return { size: 0, stream: process.stdin as Readable, read: () => read }
}
