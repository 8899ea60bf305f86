// What an argument stands for: `-` is standard input, `@file` or the path of a file its content, anything else itself.
import { readFileSync, statSync } from 'node:fs'
import { CommandError } from '../command-error.ts'

/** Bytes of the largest input that is read whole. */
const MAX_BYTES = 268_435_456

export function readInput(argument: string): Buffer {
  if (argument === '-') return readOrExplain('standard input', 0)
  if (argument.startsWith('@')) return readFile(argument.slice(1))
  // A line of text may be longer than any path, and none has a line break.
  const isPath = argument.length < 4096 && !/[\n{]/.test(argument) && isFile(argument)
  return isPath ? readFile(argument) : Buffer.from(argument)
}

export function readFile(path: string): Buffer {
  return readOrExplain(path, path)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory; name a file',
  EACCES: 'its permissions do not allow it',
}

/** Why a file cannot be read, for whoever named it. */
export function unreadable(name: string, { code = '', message }: NodeJS.ErrnoException): CommandError {
  return new CommandError(`cannot read ${name}: ${reasons[code] ?? message}`)
}

function readOrExplain(name: string, from: string | 0): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(from)
  } catch (error) {
    throw unreadable(name, error as NodeJS.ErrnoException)
  }
  if (bytes.length > MAX_BYTES)
    throw new CommandError(`${name} has ${bytes.length} bytes; at most ${MAX_BYTES} are read`)
  return bytes
}

/** JSON, or an error that says where it came from. */
export function parseJsonText(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CommandError(`${name} is not JSON: ${(error as Error).message}`)
  }
}
