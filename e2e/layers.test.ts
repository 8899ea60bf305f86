// Which folder may import from which: what keeps each part readable, testable and replaceable by itself.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const isTest = (file: string) => /\.(?:test|e2e)\.ts$|\/testing\//.test(file)

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => /^(?:worker|relay|shared|cli)\//.test(file) && !file.endsWith('.d.ts') && !isTest(file))

/** Each production file with the files of the project that it imports; and those of them that are there at run time. */
const imports = new Map<string, string[]>()
const runtimeImports = new Map<string, string[]>()
for (const file of files) {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const all: string[] = []
  const atRuntime: string[] = []
  for (const [, clause, path] of text.matchAll(/(?:import|export) ([^;']*?from )?'(\.{1,2}\/[^']+)'/g)) {
    const target = normalize(join(dirname(file), path!))
    all.push(target)
    if (!clause?.startsWith('type ')) atRuntime.push(target)
  }
  imports.set(file, all)
  runtimeImports.set(file, atRuntime)
}

/** `file -> imported` for every import from files of one kind to files of another. */
const edges = (from: RegExp, to: RegExp) =>
  [...imports].flatMap(([file, found]) =>
    from.test(file) ? found.filter((path) => to.test(path)).map((path) => `${file} -> ${path}`) : [],
  )

test('there is something to look at', () => {
  expect(files.length).toBeGreaterThan(80)
  expect(edges(/./, /./).length).toBeGreaterThan(200)
})

describe('no import leads', () => {
  test.each<[string, RegExp, RegExp]>([
    ['out of http1', /^worker\/http1\//, /^(?!worker\/http1\/)/],
    [
      'from a rule or a transaction to a platform',
      /^worker\/(?:rules|transactions)\//,
      /platform|runtimes|http1|^relay/,
    ],
    [
      'from the judge to what has effects',
      /^worker\/judge\.ts/,
      /consequences|report|bans|runtimes|cache|metrics|verdict-log/,
    ],
    ['from the shared store to those who share in it', /^worker\/store\//, /^(?!worker\/store\/|shared\/)/],
    ['into runtimes from elsewhere', /^(?!worker\/runtimes\/|cli\/)/, /^worker\/runtimes\//],
    ['from shared to its users', /^shared\//, /^(?:worker|relay|cli)\//],
    ['to OpenTelemetry, which is loaded where it is asked for', /./, /^worker\/tracing\/open-telemetry/],
    ['between filter and relay', /^worker\//, /^relay\//],
    ['between relay and filter', /^relay\//, /^worker\//],
    [
      'from what serves requests to the console',
      /^worker\/(?!console\/|runtimes\/)/,
      /^(?:worker|shared)\/console\//,
    ],
    [
      'from the lists of clients and requests to what feeds them',
      /^worker\/(?:top|recent)\//,
      /consequences|steps|app\.ts|metrics|runtimes|^worker\/console\//,
    ],
    ['to what only tests have', /./, /\/testing\/|\.test\.ts|^e2e\/|^bench\//],
  ])('%s', (_what, from, to) => {
    expect(edges(from, to)).toEqual([])
  })

  test('to the client of Redis, but where it is loaded when there is one', () => {
    const found = files.filter((file) => /'@redis\//.test(readFileSync(join(ROOT, file), 'utf8')))
    expect(found).toEqual(['worker/store/redis-link.ts'])
  })

  test('back to where it came from', () => {
    const done = new Set<string>()
    const cycles: string[] = []
    const visit = (file: string, path: string[]) => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
      if (done.has(file) || path.includes(file)) return
      for (const next of runtimeImports.get(file) ?? []) visit(next, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    expect(cycles).toEqual([])
  })
})
