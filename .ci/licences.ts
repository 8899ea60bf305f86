// Lists what an installation of the package brings along, with its licences, and fails where one is not among those that
// ask for nothing but their own text. Reads the software bill of materials that npm writes, a CycloneDX file:
//   npm sbom --sbom-format cyclonedx --omit dev | node .ci/licences.ts
import { readFileSync } from 'node:fs'
import packageJson from '../package.json' with { type: 'json' }

const ALLOWED = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Unlicense',
]

interface Component {
  name: string
  group?: string
  version: string
  licenses?: { license?: { id?: string; name?: string }; expression?: string }[]
}

const { components = [] } = JSON.parse(readFileSync(0, 'utf8')) as { components?: Component[] }
const rows = components
  .map(({ group, name, version, licenses = [] }) => ({
    name: group === undefined ? name : `${group}/${name}`,
    version,
    licences: licenses.map(
      ({ license, expression }) => license?.id ?? license?.name ?? expression ?? 'unknown',
    ),
  }))
  .toSorted((a, b) => a.name.localeCompare(b.name))
for (const { name, version, licences } of rows) console.log(`${name} ${version} ${licences.join(' or ')}`)

const missing = Object.keys(packageJson.dependencies).filter((name) => !rows.some((row) => row.name === name))
if (missing.length > 0) {
  console.error(`the bill of materials lacks ${missing.join(', ')}`)
  process.exitCode = 1
}
const others = rows.filter(({ licences }) => !licences.some((licence) => ALLOWED.includes(licence)))
if (others.length > 0) {
  const names = others.map(({ name, licences }) => `${name} (${licences.join(' or ')})`)
  console.error(`found ${names.join(', ')}; allowed: ${ALLOWED.join(', ')}`)
  process.exitCode = 1
}
