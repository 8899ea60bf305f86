// A replay's report for people.
import type { Gap, GapCounts } from '../../worker/dry-run/replay-gaps.ts'
import { printable, style } from './style.ts'
import { grouped, table } from './table.ts'
import type { Change, Example, Listed, ReplayedBans, ReplayedLimit, ReplayReport } from './tally.ts'

export function replayLines(report: ReplayReport): string[] {
  const { codes, networks, contracts, changes } = report
  return [
    ...headLines(report),
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
    ...limitLines(report.limits),
    ...banLines(report.bans),
    ...(changes ? changeLines(changes) : codes.flatMap(({ code, examples }) => exampleLines(code, examples))),
  ]
}

function headLines(report: ReplayReport): string[] {
  const { requests, rejected, from, to, withoutBody, late, unread, firstUnread } = report
  const share = ((100 * rejected) / requests).toFixed(2)
  return [
    style(
      'bold',
      `${grouped(requests)} ${requests === 1 ? 'request' : 'requests'}, ${grouped(rejected)} rejected (${share} %)`,
    ),
    ...(from === null ? [] : [`from ${from} to ${to}`]),
    ...(withoutBody > 0
      ? [
          `${grouped(withoutBody)} bodies are not in the log: only address, path, method and size were judged, and what was found in them before stands`,
        ]
      : []),
    ...(late > 0
      ? [
          `${grouped(late)} requests stood more than a minute too late in the log, and count as of a later time`,
        ]
      : []),
    ...(unread > 0
      ? [`${grouped(unread)} lines could not be judged; the first: ${printable(firstUnread ?? '')}`]
      : []),
  ]
}

function limitLines(limits: readonly ReplayedLimit[]): string[] {
  if (limits.length === 0) return []
  const compares = limits.some(({ before }) => before !== null)
  const rows = limits.map(({ name, rejected, watched, before }) => [
    name,
    grouped(rejected),
    ...(compares ? [grouped(before ?? 0)] : []),
    grouped(watched),
  ])
  const head = ['rate limit', 'rejected', ...(compares ? ['before'] : []), 'watched only']
  return [
    '',
    ...table(head, rows, ['left', 'right', 'right', 'right']),
    ...limits.flatMap(({ name, unjudged }) => gapLines(`limit "${name}"`, unjudged)),
  ]
}

function banLines(bans: ReplayedBans | null): string[] {
  if (bans === null) return []
  const { begun, before, first, unjudged } = bans
  return [
    '',
    `${grouped(begun)} ${begun === 1 ? 'ban begins' : 'bans begin'}${before === null ? '' : `; ${grouped(before)} before`}`,
    ...first.map(
      ({ network, class: strikeClass, at, seconds }) =>
        `  ${at}: ${network} for ${grouped(seconds)} s, class ${strikeClass}`,
    ),
    ...(begun > first.length && first.length > 0 ? [`  and ${grouped(begun - first.length)} more`] : []),
    ...gapLines('bans', unjudged),
  ]
}

const gaps: Readonly<Record<Gap, string>> = {
  time: 'have no time in the log, and are left out',
  from: 'have no address in the log, and count as those of one client',
  body: 'have no body in the log, and are left out as far as they depend on it',
  answer: 'have no outcome in the log: whether they failed is not known',
  nodeosTime: "have no share of nodeos's time in the log, and count as if they took none",
}

/** What of a log is too little to judge by. */
function gapLines(what: string, unjudged: GapCounts): string[] {
  return Object.entries(unjudged).map(([gap, count]) =>
    style('yellow', `${what}: ${grouped(count)} requests ${gaps[gap as Gap]}`),
  )
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
