// patroneos check: what would become of one request, and why.
import { Command } from 'commander'
import type { WholeRequest } from '../../shared/check-request.ts'
import { violations } from '../../shared/violations.ts'
import { loadAddressLists } from '../../worker/dry-run/address-lists.ts'
import { type CheckResult, checkRequest } from '../../worker/dry-run/check.ts'
import { CommandError, NO, YES } from '../command-error.ts'
import { validFilterConfig } from '../input/config.ts'
import { FORMS, readRequest } from '../input/request.ts'
import { readInput } from '../input/text.ts'
import { checkLines } from '../output/check-lines.ts'
import { print, printJson, style } from '../output/style.ts'
import { askJson } from '../server.ts'

export interface CheckOptions {
  config?: string
  server?: string
  from?: string
  time?: string
  entry?: string
  json?: boolean
}

export function check(exit: (code: number) => void): Command {
  return new Command('check')
    .description('say what would become of a request and why, rule by rule; nothing is forwarded')
    .argument('<request>', `${FORMS}; or a file with one; or - for standard input`)
    .option('-c, --config <file>', 'configuration to judge by (PATRONEOS_CONFIG, or ./config.json)')
    .option('-s, --server <url>', 'judge by the configuration in force there: the URL of a config listener')
    .option('--from <address>', "address of the connection's other end (192.0.2.1)")
    .option('--time <time>', 'when the request came, by which transactions expire (now)')
    .option('--entry <number>', 'which entry of a HAR file')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit codes: 0 it would be forwarded, 1 it would be rejected, 2 that could not be found out

Examples:
  patroneos check --config my.json push.json
  patroneos check 'curl http://api/v1/chain/get_info'
  patroneos check --json '{"path": "/v1/chain/get_table_rows", "body": {"code": "eosio", "table": "voters"}}'
  patroneos check --server http://127.0.0.1:9001 --from 203.0.113.9 - < request.txt`,
    )
    .action(async (argument: string, options: CheckOptions) => {
      const { result, lines, isRejected } = await checkArgument(argument, options)
      if (options.json) printJson(result)
      else for (const line of lines) print(line)
      exit(isRejected ? NO : YES)
    })
}

/** What is printed of a request. */
export interface Checked {
  isRejected: boolean
  /** As JSON. */
  result: object
  /** For people. */
  lines: string[]
}

/** Judges what stands on the command line. */
export async function checkArgument(argument: string, options: CheckOptions): Promise<Checked> {
  const request = readRequest(readInput(argument), { entry: numberOf(options.entry) })
  if ('refused' in request) return refused(request.refused)
  const asked = adjusted(request, options)
  const result = options.server ? await checkThere(options.server, asked) : await checkHere(asked, options)
  return { isRejected: result.verdict === 'reject', result, lines: checkLines(asked, result) }
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9]\d{0,8}$/.test(text)) return text === undefined ? undefined : Number(text)
  throw new CommandError(`--entry: found ${JSON.stringify(text)}; allowed: a number from 1`)
}

function adjusted(request: WholeRequest, { from, time }: CheckOptions): WholeRequest {
  const at = time === undefined ? request.time : new Date(time).getTime()
  if (Number.isNaN(at))
    throw new CommandError(
      `--time: found ${JSON.stringify(time)}; allowed: a time such as 2026-11-23T16:20:11Z`,
    )
  return { ...request, from: from ?? request.from, time: at }
}

async function checkHere(request: WholeRequest, { config: path }: CheckOptions): Promise<CheckResult> {
  const { config, source } = validFilterConfig(path)
  if (source === 'the defaults')
    process.stderr.write('no configuration at ./config.json; judging by the defaults\n')
  const { lists, troubles } = await loadAddressLists(config)
  for (const trouble of troubles)
    process.stderr.write(`${style('yellow', 'warning', process.stderr)}: ${trouble}\n`)
  try {
    return await checkRequest(config, request, { addresses: lists })
  } catch (error) {
    throw new CommandError(`the request cannot be judged: ${(error as Error).message}`)
  }
}

function checkThere(
  server: string,
  { method, target, headers, body, from, time }: WholeRequest,
): Promise<CheckResult> {
  const named: Record<string, string[]> = {}
  for (let at = 0; at < headers.length; at += 2)
    named[headers[at]!] = [...(named[headers[at]!] ?? []), headers[at + 1]!]
  const question = {
    method,
    path: target,
    headers: named,
    bodyBase64: Buffer.from(body).toString('base64'),
    from,
    ...(time !== undefined && { time }),
  }
  return askJson(
    server,
    { method: 'POST', path: '/patroneos/check', body: question },
    'POST /patroneos/check',
  )
}

/** The listener refuses it before there is a request. */
function refused({ status, detail }: { status: number; detail: string }): Checked {
  const violation = { code: 'INVALID_HTTP', status, detail, strike: violations.INVALID_HTTP.strike }
  return {
    isRejected: true,
    result: { verdict: 'reject', violation },
    lines: [`${style('red', 'rejected')}: ${status} INVALID_HTTP`, `  ${detail}`],
  }
}
