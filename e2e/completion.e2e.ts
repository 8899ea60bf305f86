// Completion as people have it: in each shell, on a terminal, set up by the commands of docs/README.md.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

/** What is missing is said, and not tested; but in CI it fails. */
function skipWithout(program: string, file: string): boolean {
  if (existsSync(file)) return false
  console.error(`${file} is missing: NOT TESTED: completion (Debian package ${program})`)
  return !process.env.CI
}

let home: string
const env = () => ({ PATH: `${home}/bin:${process.env.PATH}`, HOME: home, TERM: 'dumb', NO_COLOR: '1' })
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'patroneos-completion-'))
  mkdirSync(join(home, 'bin'))
  const command = join(home, 'bin/patroneos')
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'cli/patroneos.ts')}' "$@"\n`)
  chmodSync(command, 0o755)
  writeFileSync(join(home, '.bashrc'), "source /usr/share/bash-completion/bash_completion\nPS1='ready> '\n")
  writeFileSync(
    join(home, '.zshrc'),
    "fpath+=~/.zfunc\nautoload -Uz compinit && compinit -D\nPS1='ready> '\n",
  )
  const [, setUp] = /```sh\n(patroneos complete .*?)```/s.exec(
    readFileSync(join(ROOT, 'docs/README.md'), 'utf8'),
  )!
  execFileSync('sh', ['-euc', setUp!], { env: env() })
})
afterAll(() => rmSync(home, { recursive: true }))

/** Types a line into the shell on a terminal of its own; resolves to what it shows, once that matches. */
async function typed(shell: string, line: string, shown: RegExp): Promise<string> {
  const child = spawn('script', ['-qec', `${shell} -i`, '/dev/null'], { cwd: home, env: env() })
  onTestFinished(() => void child.kill())
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  const until = (pattern: RegExp) =>
    vi.waitFor(() => expect(output).toMatch(pattern), { timeout: 20_000, interval: 50 })
  await until(/ready> /)
  output = ''
  child.stdin.write(line)
  await until(shown)
  return output
}

describe.each([
  ['bash', '/usr/share/bash-completion/bash_completion', 'bash-completion'],
  ['zsh', '/usr/bin/zsh', 'zsh'],
])('%s', (shell, file, program) => {
  const skipped = skipWithout(program, file)

  test.skipIf(skipped)('lists the commands that begin so', async () => {
    const listed = await typed(shell, 'patroneos rep\t\t', /replay[\s\S]*report/)
    expect(listed).not.toContain('decode')
  })

  test.skipIf(skipped)('completes a command below a command', async () => {
    await typed(shell, 'patroneos config mi\t--help\r', /Usage: patroneos config migrate/)
  })

  test.skipIf(skipped)('completes an option', async () => {
    await typed(shell, `patroneos check --js\t'{"path":"/v1/chain/get_info"}'\r`, /"verdict": ?"forward"/)
  })
})

describe('fish', () => {
  const skipped = skipWithout('fish', '/usr/bin/fish')
  const completed = (line: string) =>
    execFileSync('fish', ['-c', `complete -C ${JSON.stringify(line)}`], { env: env(), encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((candidate) => candidate.split('\t')[0])

  test.skipIf(skipped)('completes commands, commands below them, and options', () => {
    expect(completed('patroneos rep')).toEqual(['replay', 'report'])
    expect(completed('patroneos config mi')).toEqual(['migrate'])
    expect(completed('patroneos check --js')).toEqual(['--json'])
  })
})
