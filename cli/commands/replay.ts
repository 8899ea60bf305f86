// patroneos replay: which of many requests a configuration would reject, and what that changes against another one.
import { Command } from 'commander'
import { clientNetwork } from '../../shared/address.ts'
import { loadAddressLists } from '../../worker/dry-run/address-lists.ts'
import { createReplayFilter, type ReplayFate, type ReplayFilter } from '../../worker/dry-run/replay-filter.ts'
import { formatName } from '../../worker/transactions/name.ts'
import type { Transaction } from '../../worker/transactions/transaction.ts'
import { CommandError } from '../command-error.ts'
import { validFilterConfig } from '../input/config.ts'
import { inOrder } from '../input/in-order.ts'
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
      'requests: a JSON object {"method", "path", "headers", "body", "from", "time", "outcome", "nodeosTime"} a line, an access log (ECS or combined), or a .har file; .gz too; - for standard input',
    )
    .option('-a, --against <file>', 'configuration to compare with: the one in force')
    .option('--examples <count>', 'requests that are shown of each change', '3')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The clock is that of the log: rate limits, bans and expirations are judged by the requests' own times. Mode "monitor" is
taken for "enforce". Whose turn it is at nodeos (fairness) is not replayed, nor what rejected clients would have done then.

Limits on failures and on time, and bans for failures, need to know what nodeos made of a request: "outcome" ("success",
"failed" or "trouble") and "nodeosTime" (milliseconds) of a line, the filter's own access log in the format "ecs", or a
HAR file. An access log holds no bodies: of them it has what the filter that wrote it found, and that stands. What could
not be judged is said.

Examples:
  patroneos replay --config new.json --against config.json --log requests.jsonl
  patroneos replay --config new.json --log /var/log/patroneos/access.log.1.gz
  patroneos replay --config new.json --log wallet.har`,
    )
    .action(async ({ config, log, against, examples, json }: Options) => {
      const count = Number(examples)
      if (!Number.isInteger(count) || count < 0 || count > 1000)
        throw new CommandError(`--examples: found "${examples}"; allowed: a whole number from 0 to 1000`)
      const next = await filterOf(config)
      const old = against === undefined ? undefined : await filterOf(against)
      const report = await replayAll(log, next, old, count)
      if (json) printJson(report)
      else for (const line of replayLines(report)) print(line)
    })
}

async function filterOf(path: string | undefined): Promise<ReplayFilter> {
  const { config, source } = validFilterConfig(path)
  const { lists, troubles } = await loadAddressLists(config)
  for (const trouble of troubles)
    process.stderr.write(`${style('yellow', 'warning', process.stderr)}: ${source}: ${trouble}\n`)
  return createReplayFilter(config, lists)
}

async function replayAll(
  log: string,
  next: ReplayFilter,
  old: ReplayFilter | undefined,
  examples: number,
): Promise<ReplayReport> {
  const { size, read, requests } = await openRequests(log)
  const progress = createProgress()
  const tally = new Tally(examples, old !== undefined)
  for await (const kept of inOrder(requests)) {
    if ('unread' in kept) tally.unread(`line ${kept.at} ${kept.unread}`)
    else await judge(kept, next, old, tally)
    progress.at(read(), size, tally.requests)
  }
  progress.end()
  if (tally.requests === 0)
    throw new CommandError(`${log} has no request: ${tally.firstUnread ?? 'it is empty'}`)
  return tally.report(await next.finish(), await old?.finish())
}

async function judge(
  { at, logged }: KeptRequest,
  next: ReplayFilter,
  old: ReplayFilter | undefined,
  tally: Tally,
): Promise<void> {
  const { request, lacksBody, refused } = logged
  let fate: ReplayFate
  let before: ReplayFate | undefined
  try {
    fate = await next.run(logged)
    before = await old?.run(logged)
  } catch (error) {
    tally.unread(`line ${at} cannot be judged: ${(error as Error).message}`)
    return
  }
  tally.add({
    at,
    time: request.time,
    request: refused ? 'no request' : `${request.method} ${request.target}`,
    network: clientNetwork(fate.client),
    code: fate.violation?.code,
    detail: fate.violation?.detail,
    before: before?.violation?.code,
    lacksBody,
    contracts: fate.violation ? contractsOf(fate.transactions) : [],
  })
}

function contractsOf(transactions: readonly Transaction[]): string[] {
  const names = transactions.flatMap(({ actions }) =>
    actions.flatMap(({ contract }) => (contract === undefined ? [] : [formatName(contract)])),
  )
  return [...new Set(names)]
}
