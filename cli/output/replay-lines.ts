// A replay's report for people.
import { printable, style } from './style.ts'
import { grouped, table } from './table.ts'
import type { Change, Example, Listed, ReplayReport } from './tally.ts'

export function replayLines(report: ReplayReport): string[] {
  const { requests, rejected, withoutBody, unread, firstUnread, codes, networks, contracts, changes } = report
  const share = ((100 * rejected) / requests).toFixed(2)
  return [
    style('bold', `${grouped(requests)} requests, ${grouped(rejected)} rejected (${share} %)`),
    ...(withoutBody > 0
      ? [`of ${grouped(withoutBody)} only address, path, method and size were judged: the log has no bodies`]
      : []),
    ...(unread > 0
      ? [`${grouped(unread)} lines could not be judged; the first: ${printable(firstUnread ?? '')}`]
      : []),
    ...(codes.length > 0
      ? [
          '',
          ...table(
            ['code', 'rejected', ...(changes ? ['before'] : [])],
            codes.map(({ code, requests: count, before }) => [
              code,
              grouped(count),
              ...(before === null ? [] : [grouped(before)]),
            ]),
            ['left', 'right', 'right'],
          ),
        ]
      : []),
    ...listLines('rejected, by network', networks),
    ...listLines('rejected, by contract', contracts),
    ...(changes ? changeLines(changes) : codes.flatMap(({ code, examples }) => exampleLines(code, examples))),
  ]
}

function listLines(title: string, list: readonly Listed[]): string[] {
  if (list.length === 0) return []
  const rows = list.map(({ key, requests, error }) => [
    printable(key),
    `${error > 0 ? '<= ' : ''}${grouped(requests)}`,
  ])
  return ['', ...table([title, 'requests'], rows, ['left', 'right'])]
}

function changeLines(changes: readonly Change[]): string[] {
  if (changes.length === 0) return ['', style('green', 'Nothing changes against the other configuration')]
  return changes.flatMap(({ from, to, requests, examples }) => {
    const what =
      from === null
        ? 'rejected that passed'
        : to === null
          ? 'passing that were rejected'
          : 'rejected for another reason'
    const how = `${from ?? 'passes'} -> ${to ?? 'passes'}`
    const colour = from === null ? 'red' : to === null ? 'green' : 'yellow'
    return ['', `${style(colour, `${grouped(requests)} ${what}`)}: ${how}`, ...examples.map(exampleLine)]
  })
}

function exampleLines(code: string, examples: readonly Example[]): string[] {
  return examples.length === 0 ? [] : ['', code, ...examples.map(exampleLine)]
}

function exampleLine({ at, request, network, detail }: Example): string {
  return printable(`  line ${at}: ${request} from ${network}${detail === '' ? '' : `: ${detail}`}`)
}
