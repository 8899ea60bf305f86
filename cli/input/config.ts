// Reads configurations as the programs do, for commands that look at one.
import { existsSync } from 'node:fs'
import { type FilterConfig, filterConfigSchema } from '../../shared/config/filter.ts'
import {
  type ConfigIssue,
  type ConfigSchema,
  formatConfigIssue,
  parseConfig,
} from '../../shared/config/parse.ts'
import { CommandError } from '../command-error.ts'
import { parseJsonText, readFile } from './text.ts'

export const DEFAULT_FILE = './config.json'

export interface ReadConfig<C> {
  /** Where it came from. */
  source: string
  parsed: { config: C } | { issues: ConfigIssue[] }
}

/** A configuration: of the file that is named; else of PATRONEOS_CONFIG, of ./config.json, or the defaults. */
export function readConfig<C>(schema: ConfigSchema<C>, path: string | undefined): ReadConfig<C> {
  const { PATRONEOS_CONFIG: inline } = process.env
  if (path === undefined && inline)
    return {
      source: 'PATRONEOS_CONFIG',
      parsed: parseConfig(schema, parseJsonText(inline, 'PATRONEOS_CONFIG')),
    }
  if (path === undefined && !existsSync(DEFAULT_FILE))
    return { source: 'the defaults', parsed: parseConfig(schema, {}) }
  const file = path ?? DEFAULT_FILE
  return { source: file, parsed: parseConfig(schema, parseJsonText(readFile(file).toString(), file)) }
}

/** A valid configuration of the filter, or an error with all that is wrong. */
export function validFilterConfig(path: string | undefined): { config: FilterConfig; source: string } {
  const { source, parsed } = readConfig(filterConfigSchema, path)
  if ('config' in parsed) return { config: parsed.config, source }
  throw new CommandError(
    `the configuration in ${source} is not valid:\n${parsed.issues.map((issue) => `  ${formatConfigIssue(issue)}`).join('\n')}`,
  )
}
