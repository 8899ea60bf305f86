// Every block of shell commands in the README and the pages of docs/ does what it says: each page is run from top to
// bottom, in a folder of its own, on free ports in the place of those that it names.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startNodeos } from '../worker/testing/nodeos-stand-in.ts'
import { freePort } from './http/wire.ts'

const ROOT = join(import.meta.dirname, '..')
const DOCS = join(ROOT, 'docs')

interface Block {
  script: string
  /** What a program prints that runs on while the rest of the page is run. */
  until: string | undefined
  /** Lines that are in what it prints. */
  prints: string[]
  skipped: boolean
}

/** The blocks of a page, each with the comment before it. */
function blocksOf(page: string): Block[] {
  const found = readFileSync(join(DOCS, page), 'utf8').matchAll(
    /(?:<!-- (not run|background): ([^\n]*?) -->\n\n)?```sh\n(.*?)```(?:\n\n<!-- prints -->\n\n```text\n(.*?)```)?/gs,
  )
  return [...found].map(([, mark, what, script, prints = '']) => ({
    // What was installed is not installed anew.
    script: script!.replace('npm ci --omit=dev && npm start', 'patroneos filter'),
    until: mark === 'background' ? what : undefined,
    prints: prints.split('\n').filter((line) => line !== ''),
    skipped: mark === 'not run',
  }))
}

const pages = ['../README.md', ...readdirSync(DOCS)].filter(
  (page) => page.endsWith('.md') && blocksOf(page).length > 0,
)

test('there are pages with commands', () => {
  expect(pages).toEqual(
    expect.arrayContaining([
      '../README.md',
      'incidents.md',
      'protect-one-node.md',
      'tighten-a-rule.md',
      'upgrade.md',
    ]),
  )
})

test.each(pages)('%s', { timeout: 120_000 }, async (page) => {
  const folder = mkdtempSync(join(tmpdir(), 'patroneos-docs-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const command = join(folder, 'patroneos')
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'cli/patroneos.ts')}' "$@"\n`)
  chmodSync(command, 0o755)

  const nodeos = await startNodeos()
  onTestFinished(() => nodeos.close())
  const ports: Record<string, string> = { 8888: String(nodeos.port) }
  for (const port of ['8080', '8081', '9000', '9001']) ports[port] = String(await freePort())
  const onFreePorts = (text: string) =>
    text.replace(/\b(?:8080|8081|8888|9000|9001)\b/g, (port) => ports[port]!)
  const env = {
    ...process.env,
    PATH: `${folder}:${process.env.PATH}`,
    PATRONEOS_SERVER: `http://127.0.0.1:${ports[9001]}`,
    NO_COLOR: '1',
  }
  const run = (script: string) => {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env, detached: true })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
    return { child, output: () => output, exit: once(child, 'close').then(([code]) => code as number) }
  }

  const blocks = blocksOf(page)
  // Pages that ask a filter and start none mean one that runs.
  if (blocks.some(({ script }) => script.includes('curl')) && !blocks.some(({ until }) => until))
    blocks.unshift({ script: 'patroneos filter', until: 'listening on', prints: [], skipped: false })
  for (const { script, until, prints, skipped } of blocks) {
    if (skipped) continue
    if (until === undefined) {
      const { exit, output } = run(onFreePorts(script))
      expect(await exit, `${script}\n${output()}`).toBe(0)
      // As in `curl ... # 403 BANNED`.
      for (const [, code] of script.matchAll(/# \d{3} ([A-Z_]+)$/gm)) expect(output()).toContain(code)
      for (const line of prints) expect(output()).toContain(onFreePorts(line))
      continue
    }
    const started = run(onFreePorts(withPorts(script, ports)))
    onTestFinished(() => end(started.child))
    await vi.waitFor(() => expect(started.output()).toContain(until), { timeout: 20_000, interval: 50 })
  }
})

/** Programs that the page starts with the default ports are given those that are free. */
function withPorts(script: string, ports: Record<string, string>): string {
  const [listenPort, configListenPort] = script.includes('patroneos relay')
    ? ['8080', '9000']
    : ['8081', '9001']
  const keys = {
    listenIP: '127.0.0.1',
    listenPort: ports[listenPort],
    configListenPort: ports[configListenPort],
  }
  const merge = `node -e '
    const fs = require("node:fs")
    const config = fs.existsSync("config.json") ? JSON.parse(fs.readFileSync("config.json")) : {}
    fs.writeFileSync("config.json", JSON.stringify({ ...config, ...${JSON.stringify(keys)} }))'\n`
  return script.replace(/(?:exec )?patroneos (?:filter|relay)/, (start) => `${merge}exec ${start}`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill()
  await once(child, 'exit')
}
