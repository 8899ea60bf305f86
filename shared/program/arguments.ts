// The command line of filter and relay.
import { parseArgs } from 'node:util'
import { version } from '../build-info.ts'
import { type ConfigSchema, describeConfig } from '../config/parse.ts'
import { StartError } from './start-error.ts'

export interface ProgramDescription<C> {
  /** As in "patroneos filter". */
  name: string
  /** The original's value of `-mode` for it. */
  mode: string
  /** How to start the other one. */
  otherMode: string
  schema: ConfigSchema<C>
}

/** The configuration file's path; undefined where the command line asked for help or the version only. */
export function readArguments<C>({
  name,
  mode,
  otherMode,
  schema,
}: ProgramDescription<C>): string | undefined {
  // The original took one dash for long names too, as Go's flag package does.
  const args = process.argv.slice(2).map((arg) => arg.replace(/^-(?=[a-zA-Z]{2})/, '--'))
  let values: { configFile?: string; mode?: string; help?: boolean; version?: boolean }
  try {
    ;({ values } = parseArgs({
      args,
      options: {
        configFile: { type: 'string', default: './config.json' },
        mode: { type: 'string', default: mode },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    }))
  } catch (error) {
    throw new StartError(`${(error as Error).message.split('. ')[0]}; -h shows what is allowed`)
  }
  if (values.help) {
    process.stdout.write(helpText(name, mode, schema))
    return undefined
  }
  if (values.version) {
    process.stdout.write(`patroneos ${version}\n`)
    return undefined
  }
  if (values.mode !== mode)
    throw new StartError(`mode: found "${values.mode}"; this program is "${mode}"; ${otherMode}`)
  return values.configFile
}

function helpText<C>(name: string, mode: string, schema: ConfigSchema<C>): string {
  const keys = describeConfig(schema).map(
    ({ key, fallback, description }) => `  ${key.padEnd(24)} ${description} (${fallback})`,
  )
  return `patroneos ${version}, the ${name}

Options
  --configFile FILE        JSON file with the configuration (./config.json); without it the defaults
  --mode MODE              "${mode}", as the original had it
  -h, --help               show this
  -v, --version            show the version

Environment
  PATRONEOS_CONFIG         the configuration as JSON text; wins over the file
  PATRONEOS_CONFIG_TOKEN   bearer token of the config listener
  PATRONEOS_RELAY_SECRET   whsec_ and base64, signs reports; several separated by commas while rotating
  PATRONEOS_REDIS_URL      redis:// or rediss://, with user and password: what filters with "store": "redis" share

Configuration (default)
${keys.join('\n')}
`
}
