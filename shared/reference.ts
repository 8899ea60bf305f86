// The tables of keys and codes in the README, from the schemas and the table of verdicts, so that they cannot drift.
import { readFileSync } from 'node:fs'
import { filterConfigSchema } from './config/filter.ts'
import { type ConfigSchema, describeConfig } from './config/parse.ts'
import { relayConfigSchema } from './config/relay.ts'
import { violations } from './violations.ts'

const README = new URL('../README.md', import.meta.url)

/** The README with its generated parts made anew. */
export function withReference(readme: string): string {
  const tables = {
    filter: keyTable(filterConfigSchema),
    relay: keyTable(relayConfigSchema),
    codes: codeTable(),
  }
  return Object.entries(tables).reduce((text, [name, table]) => {
    const [before, after] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
    const [start, end] = [text.indexOf(before) + before.length, text.indexOf(after)]
    if (end < start) throw new Error(`README.md has no part between ${before.trim()} and ${after}`)
    return `${text.slice(0, start)}\n${table}\n${text.slice(end)}`
  }, readme)
}

export function readReadme(): string {
  return readFileSync(README, 'utf8')
}

function keyTable<C>(schema: ConfigSchema<C>): string {
  const rows = describeConfig(schema).map(
    ({ key, fallback, description }) =>
      `| \`${key}\` | \`${fallback}\` | ${description.replaceAll('|', '\\|')} |`,
  )
  return ['| key | default | meaning |', '|---|---|---|', ...rows].join('\n')
}

/** All codes, as a table. */
export function codeTable(): string {
  const rows = Object.entries(violations).map(
    ([code, { status, strike, text }]) => `| \`${code}\` | ${status} | ${text} | ${strike ?? 'no'} |`,
  )
  return ['| code | status | when | strike |', '|---|---|---|---|', ...rows].join('\n')
}
