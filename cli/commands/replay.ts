// patroneos replay: which of many requests a configuration would reject, and what that changes against another one.
import { Command } from 'commander'
import { clientNetwork } from '../../shared/address.ts'
import { parseCheckRequest, type WholeRequest } from '../../shared/check-request.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { formatConfigIssue } from '../../shared/config/parse.ts'
import { loadAddressLists } from '../../worker/dry-run/address-lists.ts'
import { createDryFilter, type DryFate, type DryFilter } from '../../worker/dry-run/dry-filter.ts'
import { formatName } from '../../worker/transactions/name.ts'
import type { Transaction } from '../../worker/transactions/transaction.ts'
import { CommandError } from '../command-error.ts'
import { validFilterConfig } from '../input/config.ts'
import { type KeptRequest, openRequests } from '../input/requests.ts'
import { createProgress } from '../output/progress.ts'
import { replayLines } from '../output/replay-lines.ts'
import { print, printJson, style } from '../output/style.ts'
import { type ReplayReport, Tally } from '../output/tally.ts'

interface Options {
  config?: string
  log: string
  against?: string
  examples: string
  json?: boolean
}

export function replay(): Command {
  return new Command('replay')
    .description('judge kept requests by a configuration: what it would reject, and what that changes')
    .option('-c, --config <file>', 'configuration to judge by (PATRONEOS_CONFIG, or ./config.json)')
    .requiredOption(
      '-l, --log <file>',
      'requests: a JSON object {"method", "path", "headers", "body", "from", "time"} a line, an access log (ECS or combined), or a .har file; .gz too; - for standard input',
    )
    .option('-a, --against <file>', 'configuration to compare with: the one in force')
    .option('--examples <count>', 'requests that are shown of each change', '3')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Bans, rate limits and whose turn it is depend on when requests come, and are not replayed. Mode "monitor" is taken for
"enforce". A transaction expires by its request's own time. An access log holds no bodies: of its requests only address,
path, method and size are judged.

Examples:
  patroneos replay --config new.json --against config.json --log requests.jsonl
  patroneos replay --config new.json --log wallet.har`,
    )
    .action(async ({ config, log, against, examples, json }: Options) => {
      const count = Number(examples)
      if (!Number.isInteger(count) || count < 0 || count > 1000)
        throw new CommandError(`--examples: found "${examples}"; allowed: a whole number from 0 to 1000`)
      const next = await judgeOf(config)
      const old = against === undefined ? undefined : await judgeOf(against)
      const report = await replayAll(log, next, old, count)
      if (json) printJson(report)
      else for (const line of replayLines(report)) print(line)
    })
}

async function judgeOf(path: string | undefined): Promise<DryFilter> {
  const { config, source } = validFilterConfig(path)
  const enforced: FilterConfig = { ...config, mode: 'enforce', bans: null }
  const { lists, troubles } = await loadAddressLists(enforced)
  for (const trouble of troubles)
    process.stderr.write(`${style('yellow', 'warning', process.stderr)}: ${source}: ${trouble}\n`)
  return createDryFilter(enforced, { addresses: lists })
}

async function replayAll(
  log: string,
  next: DryFilter,
  old: DryFilter | undefined,
  examples: number,
): Promise<ReplayReport> {
  const { size, read, requests } = await openRequests(log)
  const progress = createProgress()
  const tally = new Tally(examples, old !== undefined)
  for await (const kept of requests) {
    const request = requestOf(kept, tally)
    if (request) await judge(kept, request, next, old, tally)
    progress.at(read(), size, tally.requests)
  }
  progress.end()
  if (tally.requests === 0)
    throw new CommandError(`${log} has no request: ${tally.firstUnread ?? 'it is empty'}`)
  return tally.report()
}

function requestOf({ at, json }: KeptRequest, tally: Tally): WholeRequest | undefined {
  const skip = (why: string) => {
    tally.unread(`line ${at} ${why}`)
    return undefined
  }
  if (json === undefined) return skip('is no JSON, nor of an access log')
  const parsed = parseCheckRequest(json)
  if ('request' in parsed) return parsed.request
  return skip(`is not taken: ${parsed.issues.map(formatConfigIssue).join('; ')}`)
}

async function judge(
  { at, lacksBody }: KeptRequest,
  request: WholeRequest,
  next: DryFilter,
  old: DryFilter | undefined,
  tally: Tally,
): Promise<void> {
  let fate: DryFate
  let before: DryFate | undefined
  try {
    fate = await (lacksBody ? next.runHead(request) : next.run(request))
    before = await (lacksBody ? old?.runHead(request) : old?.run(request))
  } catch (error) {
    tally.unread(`line ${at} cannot be judged: ${(error as Error).message}`)
    return
  }
  tally.add({
    at,
    method: request.method,
    path: request.target,
    network: clientNetwork(fate.client),
    code: fate.violation?.code,
    detail: fate.violation?.detail,
    before: before?.violation?.code,
    lacksBody,
    contracts: fate.violation ? contractsOf(next.transactionsOf(request)) : [],
  })
}

function contractsOf(transactions: readonly Transaction[]): string[] {
  const names = transactions.flatMap(({ actions }) =>
    actions.flatMap(({ contract }) => (contract === undefined ? [] : [formatName(contract)])),
  )
  return [...new Set(names)]
}
