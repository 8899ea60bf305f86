// patroneos config: validate, describe, migrate and compare configurations.
import { existsSync, writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { parse as parseToml } from 'smol-toml'
import { filterConfigSchema } from '../../shared/config/filter.ts'
import { configJsonSchema } from '../../shared/config/json-schema.ts'
import { filterWarnings } from '../../shared/config/mistakes.ts'
import {
  type ConfigSchema,
  describeConfig,
  formatConfigIssue,
  parseConfig,
} from '../../shared/config/parse.ts'
import { relayConfigSchema } from '../../shared/config/relay.ts'
import { isObject, type JsonObject } from '../../shared/json.ts'
import { CommandError, NO, YES } from '../command-error.ts'
import { readConfig } from '../input/config.ts'
import { parseJsonText, readFile } from '../input/text.ts'
import { isAntelopeFirewall, migrateAntelopeFirewall } from '../migrate/antelope-firewall.ts'
import type { Migration } from '../migrate/migration.ts'
import { filterNotes, migratePatroneosd, relayNotes } from '../migrate/patroneosd.ts'
import { print, printJson, style } from '../output/style.ts'
import { askJson } from '../server.ts'

type Exit = (code: number) => void
type AnySchema = ConfigSchema<object>

const schemaOf = ({ relay }: { relay?: boolean }): AnySchema =>
  (relay ? relayConfigSchema : filterConfigSchema) as AnySchema

export function config(exit: Exit): Command {
  const command = new Command('config').description('validate, describe, migrate and compare configurations')
  command.addHelpText(
    'after',
    `
Examples:
  patroneos config validate my.json
  patroneos config schema > config.schema.json    # then "$schema": "./config.schema.json" in config.json
  patroneos config migrate antelope-firewall.toml --out config.json
  patroneos config diff config.json http://127.0.0.1:9001`,
  )
  return command
    .addCommand(validate(exit))
    .addCommand(schema())
    .addCommand(migrate(exit))
    .addCommand(diff(exit))
}

function validate(exit: Exit): Command {
  return new Command('validate')
    .description('say whether a configuration is valid, and all that is wrong with it')
    .argument('[file]', 'configuration (PATRONEOS_CONFIG, or ./config.json)')
    .option('--relay', 'of the relay rather than the filter')
    .option('--json', 'print JSON')
    .action((file: string | undefined, options: { relay?: boolean; json?: boolean }) => {
      const { source, parsed } = readConfig(schemaOf(options), file)
      const issues = 'issues' in parsed ? parsed.issues : []
      const warnings = 'config' in parsed && !options.relay ? filterWarnings(parsed.config as never) : []
      exit(issues.length > 0 ? NO : YES)
      if (options.json) return printJson({ source, valid: issues.length === 0, issues, warnings })
      for (const issue of issues) print(`${style('red', 'error')}: ${formatConfigIssue(issue)}`)
      for (const warning of warnings) print(`${style('yellow', 'warning')}: ${warning}`)
      if (issues.length === 0) print(`${style('green', 'valid')}: ${source}`)
    })
}

function schema(): Command {
  return new Command('schema')
    .description('print the JSON Schema (draft 2020-12) of the configuration, for editors')
    .option('--relay', 'of the relay rather than the filter')
    .action((options: { relay?: boolean }) => {
      const title = `Configuration of the Patroneos ${options.relay ? 'relay' : 'filter'}`
      printJson(configJsonSchema(schemaOf(options), title))
    })
}

function migrate(exit: Exit): Command {
  return new Command('migrate')
    .description("turn patroneosd's config.json or antelope-firewall's TOML into a configuration")
    .argument('<file>', 'configuration of the other program')
    .option('--relay', "take patroneosd's file for that of the relay")
    .option('-o, --out <file>', 'where to write it; standard output otherwise')
    .addHelpText(
      'after',
      '\nWhat changes is said on standard error. Exit code 1: values are left that are not valid.',
    )
    .action((file: string, { relay, out }: { relay?: boolean; out?: string }) => {
      const target = schemaOf(relay ? { relay } : {})
      const { config: migrated, notes } = migrationOf(readFile(file).toString(), file, target)
      const parsed = parseConfig(target, migrated)
      const text = `${JSON.stringify(migrated, null, 2)}\n`
      if (out === undefined) process.stdout.write(text)
      else write(out, text)
      for (const note of notes) process.stderr.write(`note: ${note}\n`)
      if ('config' in parsed) return
      for (const issue of parsed.issues) process.stderr.write(`error: ${formatConfigIssue(issue)}\n`)
      exit(NO)
    })
}

function migrationOf(text: string, file: string, target: AnySchema): Migration {
  if (text.trimStart().startsWith('{')) {
    const json = parseJsonText(text, file)
    if (isObject(json)) {
      const keys = describeConfig(target).map(({ key }) => key)
      const { config: taken, notes } = migratePatroneosd(json, keys)
      const others = target === schemaOf({ relay: true }) ? relayNotes() : filterNotes(taken)
      return { config: taken, notes: [...notes, ...others] }
    }
  }
  let toml: JsonObject
  try {
    toml = parseToml(text)
  } catch (error) {
    throw new CommandError(`${file} is neither JSON nor TOML: ${(error as Error).message.split('\n')[0]}`)
  }
  if (isAntelopeFirewall(toml)) return migrateAntelopeFirewall(toml)
  throw new CommandError(
    `${file} has no key of antelope-firewall; allowed: its TOML, or the config.json of patroneosd`,
  )
}

function write(file: string, text: string): void {
  if (existsSync(file)) throw new CommandError(`${file} is there already; name another file, or remove it`)
  try {
    writeFileSync(file, text, { mode: 0o640 })
  } catch (error) {
    throw new CommandError(`cannot write ${file}: ${(error as Error).message}`)
  }
}

function diff(exit: Exit): Command {
  return new Command('diff')
    .description('show what differs between two configurations, with their defaults filled in')
    .argument('<old>', 'file, or URL of a config listener')
    .argument('<new>', 'file, or URL of a config listener')
    .option('--relay', 'of the relay rather than the filter')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit codes: 0 they are the same, 1 they differ')
    .action(async (old: string, next: string, options: { relay?: boolean; json?: boolean }) => {
      const sides = [await wholeConfig(old, options), await wholeConfig(next, options)]
      const found = differences(sides[0], sides[1])
      exit(found.length === 0 ? YES : NO)
      if (options.json) return printJson(found)
      if (found.length === 0) return print('the same')
      for (const { path, before, after } of found) {
        print(style('bold', path))
        if (before !== undefined) print(style('red', `  - ${JSON.stringify(before)}`))
        if (after !== undefined) print(style('green', `  + ${JSON.stringify(after)}`))
      }
    })
}

async function wholeConfig(from: string, options: { relay?: boolean }): Promise<object> {
  if (/^https?:\/\//.test(from)) return askJson(from, { path: '/patroneos/config' }, '/patroneos/config')
  const { parsed } = readConfig(schemaOf(options), from)
  if ('config' in parsed) return parsed.config
  throw new CommandError(
    `${from} is not valid:\n${parsed.issues.map((issue) => `  ${formatConfigIssue(issue)}`).join('\n')}`,
  )
}

export interface Difference {
  path: string
  before: unknown
  after: unknown
}

/** What differs, by path; lists are compared as a whole. */
export function differences(before: unknown, after: unknown, path = ''): Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (!isObject(before) || !isObject(after)) return [{ path, before, after }]
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap((name) =>
    differences(before[name], after[name], path === '' ? name : `${path}.${name}`),
  )
}
