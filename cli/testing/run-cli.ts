// Runs a command line within the test, and keeps what it printed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { run } from '../program.ts'

export interface Ran {
  code: number
  stdout: string
  stderr: string
}

export async function runCli(...args: string[]): Promise<Ran> {
  const printed = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text)
      return true
    }),
  )
  try {
    const code = await run(args)
    return { code, ...printed }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

/** A folder for the files of one test. */
export function folderForTest(): {
  path(name: string): string
  write(name: string, content: string | Buffer | object): string
} {
  const folder = mkdtempSync(join(tmpdir(), 'patroneos-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return {
    path: (name) => join(folder, name),
    write: (name, content) => {
      const file = join(folder, name)
      const isRaw = typeof content === 'string' || Buffer.isBuffer(content)
      writeFileSync(file, isRaw ? content : JSON.stringify(content))
      return file
    },
  }
}
