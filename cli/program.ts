// The commands of `patroneos`, and how their errors and exit codes come out.
import tab from '@bomb.sh/tab/commander'
import { Command, CommanderError } from 'commander'
import { version } from '../shared/build-info.ts'
import { CommandError, UNKNOWN } from './command-error.ts'
import { bans } from './commands/bans.ts'
import { check } from './commands/check.ts'
import { config } from './commands/config.ts'
import { decode } from './commands/decode.ts'
import { metrics } from './commands/metrics.ts'
import { nodes } from './commands/nodes.ts'
import { replay } from './commands/replay.ts'
import { report } from './commands/report.ts'
import { top } from './commands/top.ts'
import { style } from './output/style.ts'

/** All commands; `exit` is told the exit code of one that ran. */
export function createProgram(exit: (code: number) => void): Command {
  const program = new Command('patroneos')
    .description('Denial-of-service protection for the HTTP API of Antelope nodes (nodeos)')
    .version(version, '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help of a command')
  program.addCommand(
    started('filter', 'run the filter in front of nodeos', 'patroneos filter --configFile my.json'),
  )
  program.addCommand(
    started('relay', 'run the relay beside HAProxy and fail2ban', 'patroneos relay --configFile my.json'),
  )
  for (const create of [check, replay, decode, report, config, bans, nodes, top, metrics])
    program.addCommand(create(exit))
  program.addHelpText(
    'after',
    `
Environment:
  PATRONEOS_SERVER        config listener that is asked without --server (http://127.0.0.1:9001)
  PATRONEOS_CONFIG_TOKEN  its bearer token
  NO_COLOR                no colours, on a terminal either

Exit codes:
  0  done; a request would be forwarded, a configuration is valid, two are the same
  1  a request would be rejected, a configuration is not valid, two differ
  2  that could not be found out; the message says why`,
  )
  tab(program)
  program.commands
    .find((command) => command.name() === 'complete')
    ?.description('print the completion script of a shell: patroneos complete bash, zsh or fish')
  throwErrors(program)
  return program
}

/** For help and completion only: these two are started before the command line is looked at. */
function started(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .option('--configFile <file>', 'JSON file with the configuration', './config.json')
    .addHelpText('after', `\nExample:\n  ${example}`)
}

/** Errors are thrown rather than ending the process, from every command. */
function throwErrors(command: Command): void {
  command.exitOverride().showHelpAfterError('--help shows what is allowed')
  for (const child of command.commands) throwErrors(child)
}

/** Runs a command line; resolves to its exit code. */
export async function run(args: readonly string[]): Promise<number> {
  let code = 0
  const program = createProgram((told) => {
    code = told
  })
  try {
    await program.parseAsync(args.length > 0 ? args : ['--help'], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : UNKNOWN
    if (!(error instanceof CommandError)) throw error
    process.stderr.write(`${style('red', 'error', process.stderr)}: ${error.message}\n`)
    return UNKNOWN
  }
}
