// What `npm pack` holds, as somebody who installs it meets it: unpacked into a project of its own.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { answerWith, startNodeos } from '../worker/testing/nodeos-stand-in.ts'
import { freePort } from './http/wire.ts'
import { linksIn } from './page-links.ts'

const ROOT = join(import.meta.dirname, '..')
const MODULES = join(ROOT, 'node_modules')

/** Bytes of the package, packed and unpacked. Over that, look at what it holds. */
const MAX_PACKED = 500_000
const MAX_UNPACKED = 1_800_000

/** Runs JavaScript as any Node from version 22 on does. */
const PLAIN = '--no-experimental-strip-types'

interface Packed {
  filename: string
  size: number
  unpackedSize: number
  files: { path: string }[]
}

let folder: string
let packed: Packed
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'patroneos-package-'))
  const output = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  packed = Object.values(JSON.parse(output.slice(output.search(/^[[{]/m))))[0] as Packed
  const installed = join(folder, 'node_modules/patroneos')
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, packed.filename), '-C', installed, '--strip-components=1'])
  // What it depends on, and what those who use it have besides; nothing else.
  for (const name of [...Object.keys(packageJson.dependencies), '@types/node', 'undici-types']) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    symlinkSync(join(MODULES, name), join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

const inFolder = (command: string, args: string[]) =>
  execFileSync(command, args, { cwd: folder, encoding: 'utf8' })
const patroneos = () => join(folder, 'node_modules/patroneos/dist/cli/patroneos.js')

describe('the package', () => {
  test('holds built modules with their types, and nothing of tests', () => {
    const paths = packed.files.map(({ path }) => path)
    expect(paths).toContain('dist/cli/patroneos.js')
    expect(paths).toContain('dist/shared/console/assets/live.js')
    const others = paths
      .filter((path) => !/^dist\/.*\.(?:js|d\.ts)$|^(?:docs|docker)\//.test(path))
      .toSorted()
    expect(others).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist/config.schema.json',
      'dist/package.json',
      'dist/relay.schema.json',
      'dist/shared/console/assets/console.css',
      'package.json',
      'worker/runtimes/bun.md',
      'worker/runtimes/cloudflare.md',
      'worker/runtimes/deno.md',
    ])
    expect(paths.filter((path) => /test|e2e|bench|stand-in/i.test(path))).toEqual([])
  })

  test('has every page that its pages link to, and the files of the proxy; no source and no pictures', () => {
    const root = join(folder, 'node_modules/patroneos')
    const elsewhere = /\.(?:ts|png|svg)$|^(?:e2e|bench)\/|^(?:CONTRIBUTING\.md|wrangler\.toml)$/
    const pages = packed.files.map(({ path }) => path).filter((path) => path.endsWith('.md'))
    const missing = pages.flatMap((page) =>
      linksIn(readFileSync(join(root, page), 'utf8'))
        .map((target) => join(dirname(page), target.split('#')[0]!))
        .filter((target) => !elsewhere.test(target) && !existsSync(join(root, target)))
        .map((target) => `${page}: ${target}`),
    )
    expect(pages).toContain('docs/protect-one-node.md')
    expect(missing).toEqual([])
  })

  test('keeps to its size', () => {
    expect(packed.size).toBeLessThan(MAX_PACKED)
    expect(packed.unpackedSize).toBeLessThan(MAX_UNPACKED)
  })

  test('runs nothing when it is installed, nor does what it depends on', () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
    const runs = Object.entries<{ dev?: boolean; optional?: boolean; hasInstallScript?: boolean }>(
      lock.packages,
    )
      .filter(([name, { dev, hasInstallScript }]) => name !== '' && !dev && hasInstallScript)
      .map(([name]) => name)
    expect(runs).toEqual([])
    const hooks = Object.keys(packageJson.scripts).filter((name) =>
      /^(?:pre|post)?install$|^(?:pre|post)?prepare$/.test(name),
    )
    expect(hooks).toEqual([])
  })

  test('passes publint and Are the types wrong', () => {
    const file = join(folder, packed.filename)
    expect(inFolder(join(MODULES, '.bin/publint'), ['run', file, '--strict'])).toContain('All good!')
    // Node 10's resolution and require() of what is ESM only are nobody's here. A problem is an exit code.
    const types = inFolder(join(MODULES, '.bin/attw'), [file, '--profile', 'esm-only', '--no-emoji'])
    expect(types).toContain('"patroneos/node"')
  }, 60_000)

  test('has the types that programs rely on, for its example as well', () => {
    copyFileSync(join(ROOT, 'e2e/package/types.ts'), join(folder, 'types.ts'))
    copyFileSync(join(ROOT, 'docs/examples/mount.ts'), join(folder, 'mount.ts'))
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'dom', 'dom.iterable'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
      noEmit: true,
    }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['types.ts', 'mount.ts'] }),
    )
    let output = ''
    try {
      output = inFolder(process.execPath, [join(MODULES, 'typescript/bin/tsc'), '-p', folder])
    } catch (error) {
      output = (error as { stdout: string }).stdout
    }
    expect(output).toBe('')
  }, 60_000)
})

describe('on a Node that strips no types', () => {
  const start = (args: string[], env: NodeJS.ProcessEnv) => {
    const child = spawn(process.execPath, [PLAIN, ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    onTestFinished(async () => {
      child.kill()
      await once(child, 'exit')
    })
    return (pattern: RegExp) =>
      vi.waitFor(
        () => {
          const found = pattern.exec(output)
          if (!found) throw new Error(output)
          return found[1]!
        },
        { timeout: 20_000, interval: 50 },
      )
  }

  test('patroneos says its version and checks a request', () => {
    expect(inFolder(process.execPath, [PLAIN, patroneos(), '--version'])).toBe(`${packageJson.version}\n`)
    const checked = inFolder(process.execPath, [
      PLAIN,
      patroneos(),
      'check',
      '--json',
      '{"path":"/v1/chain/get_info"}',
    ])
    expect(JSON.parse(checked)).toMatchObject({ verdict: 'forward' })
  })

  test('patroneos filter serves, with several workers as well', async () => {
    const nodeos = await startNodeos(answerWith(200, { served: true }))
    onTestFinished(() => nodeos.close())
    const config = {
      listenIP: '127.0.0.1',
      listenPort: 0,
      configListenPort: 0,
      workers: 2,
      nodeosPort: nodeos.port,
    }
    const said = start([patroneos(), 'filter'], { PATRONEOS_CONFIG: JSON.stringify(config) })
    const address = await said(/listening on (127\.0\.0\.1:\d+)/)
    const answer = await fetch(`http://${address}/v1/chain/get_account`, { method: 'POST', body: '{}' })
    expect(await answer.json()).toEqual({ served: true })
    expect((await fetch(`http://${address}/v1/producer/pause`)).headers.get('x-rejected-by')).toBe(
      'patroneos',
    )
  })

  test('patroneos relay starts', async () => {
    const config = {
      listenIP: '127.0.0.1',
      listenPort: 0,
      configListenPort: 0,
      logFileLocation: join(folder, 'f.log'),
    }
    const said = start([patroneos(), 'relay'], { PATRONEOS_CONFIG: JSON.stringify(config) })
    expect(await said(/relay: (listening) on/)).toBe('listening')
  })

  test('the example mounts the filter in an app of its own', async () => {
    const nodeos = await startNodeos(answerWith(200, { served: true }))
    onTestFinished(() => nodeos.close())
    // As it stands in the docs, without its types: it has none.
    copyFileSync(join(ROOT, 'docs/examples/mount.ts'), join(folder, 'mount.js'))
    const port = await freePort()
    const said = start(['mount.js'], {
      PORT: String(port),
      PATRONEOS_CONFIG: JSON.stringify({ nodeosPort: nodeos.port, nodeosUrl: '127.0.0.1' }),
    })
    await said(/(listening) on/)
    const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
    expect(await (await ask('/v1/chain/get_account')).json()).toEqual({ served: true })
    expect((await ask('/v1/producer/pause')).status).toBe(403)
    expect(await (await ask('/status')).json()).toMatchObject({ rejected: { ENDPOINT_NOT_ALLOWED: 1 } })
  })
})

test('no module of the package is a script of the tree', () => {
  const text = readdirSync(join(folder, 'node_modules/patroneos/dist'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(?:js|d\.ts)$/.test(path))
    .map((path) => readFileSync(join(folder, 'node_modules/patroneos/dist', path), 'utf8'))
    .join('\n')
  expect(text.match(/(?:from|import\() ?'\.{1,2}\/[^']+(?<!\.js|\.json)'/g)).toBeNull()
})
