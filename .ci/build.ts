// Builds what the package holds: dist/ with plain modules and their types, for a Node that strips no types, and the JSON
// Schemas of the configuration.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filterConfigSchema } from '../shared/config/filter.ts'
import { configJsonSchema } from '../shared/config/json-schema.ts'
import { relayConfigSchema } from '../shared/config/relay.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')

rmSync(DIST, { recursive: true, force: true })
mkdirSync(DIST)
execFileSync(
  process.execPath,
  [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.package.json'],
  {
    cwd: ROOT,
    stdio: 'inherit',
  },
)

// The compiler leaves the endings of imports in declarations as they are, where not every tool finds them.
for (const file of globSync('dist/**/*.d.ts', { cwd: ROOT })) {
  const path = join(ROOT, file)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace(/((?:from|import\()\s*'\.{1,2}\/[^']+)\.ts'/g, "$1.js'"))
}

// What of it is read at run time.
const { name, version, type } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
writeFileSync(join(DIST, 'package.json'), `${JSON.stringify({ name, version, type }, null, 2)}\n`)
chmodSync(join(DIST, 'cli/patroneos.js'), 0o755)
const ASSETS = 'shared/console/assets'
cpSync(join(ROOT, ASSETS), join(DIST, ASSETS), { recursive: true })

const schemas = {
  'config.schema.json': configJsonSchema(filterConfigSchema, 'Configuration of the Patroneos filter'),
  'relay.schema.json': configJsonSchema(relayConfigSchema, 'Configuration of the Patroneos relay'),
}
for (const [file, schema] of Object.entries(schemas))
  writeFileSync(join(DIST, file), `${JSON.stringify(schema, null, 2)}\n`)
