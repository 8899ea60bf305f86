// patroneos top: who violates rules, fails transactions and takes nodeos's time, as the filter counts it.
import { Command } from 'commander'
import { print, printJson, style } from '../output/style.ts'
import { grouped, table } from '../output/table.ts'
import { askJson, defaultServer } from '../server.ts'

interface TopAnswer {
  window: string
  lists: {
    of: string
    by: string
    unit: string
    total: number
    top: { key: string; count: number; share: number; doing?: { what: string; count: number }[] }[]
  }[]
}

interface Options {
  server: string
  window?: string
  of?: string
  by?: string
  limit?: string
  json?: boolean
}

export function top(): Command {
  return new Command('top')
    .description("show who violates rules, fails transactions and takes nodeos's time")
    .option('-s, --server <url>', 'config listener of the filter', defaultServer())
    .option('--window <window>', 'time that is looked at: 1m, 10m or 1h')
    .option('--of <subject>', 'one kind of key: networks, accounts, contracts, tables or agents')
    .option('--by <measure>', 'one measure: violations, failures or time')
    .option('--limit <count>', 'keys of each list')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  patroneos top
  patroneos top --of networks --by time --limit 20`,
    )
    .action(async ({ server, json, ...parameters }: Options) => {
      const query = new URLSearchParams(Object.entries(parameters)).toString()
      const path = `/patroneos/top${query === '' ? '' : `?${query}`}`
      const answer = await askJson<TopAnswer>(server, { path }, '/patroneos/top')
      if (json) return printJson(answer)
      for (const line of linesOf(answer)) print(line)
    })
}

function linesOf({ window, lists }: TopAnswer): string[] {
  const filled = lists.filter(({ top }) => top.length > 0)
  if (filled.length === 0) return [`nothing was counted in ${window}`]
  return filled.flatMap(({ of, by, unit, total, top }, index) => [
    ...(index > 0 ? [''] : []),
    style('bold', `${of} by ${by}, in ${window}: ${grouped(Math.round(total))} ${unit} in all`),
    ...table(
      [of, unit, 'share', 'mostly'],
      top.map(({ key, count, share, doing = [] }) => [
        key,
        grouped(Math.round(count)),
        `${(share * 100).toFixed(1)} %`,
        doing.map(({ what, count: times }) => `${what} ${grouped(Math.round(times))}`).join(', '),
      ]),
      ['left', 'right', 'right'],
    ),
  ])
}
