// The bytes and lines of a log and of its rotated files, compressed or not, the oldest first.
import { readdirSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { CommandError } from '../command-error.ts'
import { unreadable } from './text.ts'

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

export interface LogFile {
  /** Bytes in all, as they are stored; 0 where that is not known. */
  size: number
  /** Bytes read so far. */
  read(): number
  /** Decompressed. One may be overwritten as soon as the next is asked for. */
  chunks: AsyncIterable<Uint8Array>
}

/** Bytes that are read at one time: few, as what is made of them is held too. */
const CHUNK = 65_536

/** Bytes of the longest line. */
const MAX_LINE = 67_108_864

/** A file, or standard input where the path is `-`; what is compressed with gzip is known by its first bytes. */
export async function openLog(path: string): Promise<LogFile> {
  if (path !== '-') return openFile(path)
  let read = 0
  async function* chunks() {
    for await (const chunk of process.stdin) {
      read += chunk.length
      yield chunk as Uint8Array
    }
  }
  return { size: 0, read: () => read, chunks: unzipped(chunks(), 'standard input') }
}

async function openFile(path: string): Promise<LogFile> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(path, error)
  })
  const stat = await file.stat()
  if (stat.isDirectory()) {
    await file.close()
    throw unreadable(path, { code: 'EISDIR' } as NodeJS.ErrnoException)
  }
  let read = 0
  const count = (bytes: number) => {
    read += bytes
  }
  return { size: stat.size, read: () => read, chunks: unzipped(chunksOf(file, count), path) }
}

/** Into the same bytes each time: a file of any size takes no more memory. */
async function* chunksOf(file: FileHandle, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK)
      if (bytesRead === 0) return
      count(bytesRead)
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

const isGzip = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b

async function* unzipped(chunks: AsyncGenerator<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const first = await chunks.next()
  if (first.done) return
  async function* all(copy: boolean) {
    yield copy ? Buffer.from(first.value!) : first.value!
    for await (const chunk of chunks) yield copy ? Buffer.from(chunk) : chunk
  }
  if (!isGzip(first.value)) {
    yield* all(false)
    return
  }
  const gunzip = createGunzip({ chunkSize: CHUNK })
  // What goes wrong comes out of the stream that is read.
  pipeline(all(true), gunzip, () => {})
  try {
    yield* gunzip as AsyncIterable<Uint8Array>
  } catch (error) {
    throw new CommandError(`cannot read ${path}: it is not whole, or no gzip: ${(error as Error).message}`)
  }
}

const NEWLINE = 0x0a
const RETURN = 0x0d

/** The lines of UTF-8, without their ends. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let begun: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const last = chunk.subarray(start, end)
      yield textOf(begun.length === 0 ? last : Buffer.concat([...begun, last]))
      begun = []
      length = 0
      start = end + 1
    }
    if (start === chunk.length) continue
    begun.push(Buffer.from(chunk.subarray(start)))
    length += chunk.length - start
    if (length > MAX_LINE)
      throw new CommandError(`a line has over ${MAX_LINE} bytes: this is no log with a request on each line`)
  }
  if (length > 0) yield textOf(Buffer.concat(begun))
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length
  return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString()
}
