// patroneos report: what the relay's log holds, by code, network and hour.
import { Command } from 'commander'
import { clientNetwork, formatAddress, parseAddress } from '../../shared/address.ts'
import { reportCodes, strikeClassOf } from '../../shared/violations.ts'
import { SpaceSaving } from '../../worker/top/space-saving.ts'
import { CommandError } from '../command-error.ts'
import { linesOf, openLog, rotatedFiles } from '../input/log-files.ts'
import { bar } from '../output/bars.ts'
import { print, printJson, style } from '../output/style.ts'
import { grouped, table } from '../output/table.ts'

/** Networks that are counted at one time; whoever has more than one in so many of all lines is listed. */
const MAX_NETWORKS = 10_000
const WIDTH = 40
const HOUR = 3_600_000
/** Hours that are drawn one by one; of more, days. */
const MAX_HOURS = 72

export interface LogReport {
  files: string[]
  lines: number
  /** Lines that are none of the relay's. */
  unread: number
  from: string | null
  to: string | null
  codes: { code: string; lines: number; strike: string | null }[]
  /** `lines` is at most so many, at least `lines - error`. */
  networks: { network: string; lines: number; error: number }[]
  hours: { hour: string; lines: number }[]
}

interface Options {
  log: string
  top: string
  since?: string
  rotated: boolean
  json?: boolean
}

export function report(): Command {
  return new Command('report')
    .description("say what the relay's log holds, by code, network and hour")
    .option('-l, --log <file>', 'log of the relay', './fail2ban.log')
    .option('--no-rotated', 'without the rotated files beside it (FILE.1, FILE.2.gz)')
    .option('--since <time>', 'only lines from then on: a time, or 24h, 7d')
    .option('--top <count>', 'networks that are listed', '10')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  patroneos report --log /var/log/patroneos/fail2ban.log
  patroneos report --log fail2ban.log --since 24h --top 20`,
    )
    .action(async ({ log, top, since, rotated, json }: Options) => {
      const count = Number(top)
      if (!Number.isInteger(count) || count < 1 || count > MAX_NETWORKS)
        throw new CommandError(`--top: found "${top}"; allowed: a whole number from 1 to ${MAX_NETWORKS}`)
      const start = since === undefined ? 0 : sinceOf(since, Date.now())
      const files = rotated && log !== '-' ? filesOf(log) : [log]
      const found = await readLogs(files, start, count)
      if (json) printJson(found)
      else for (const line of reportLines(found)) print(line)
    })
}

function filesOf(log: string): string[] {
  try {
    const files = rotatedFiles(log)
    if (files.length > 0) return files
  } catch {
    // The message below says it.
  }
  throw new CommandError(`there is no log at ${log}; --log names the relay's logFileLocation`)
}

/** 24h, 7d, or a time. */
function sinceOf(text: string, now: number): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? []
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[unit ?? '']
  const time = seconds === undefined ? Date.parse(text) : now - Number(count) * seconds * 1000
  if (Number.isNaN(time))
    throw new CommandError(
      `--since: found ${JSON.stringify(text)}; allowed: 24h, 7d, or a time such as 2026-11-23`,
    )
  return time
}

const LINE = /^(\S+?)(?: (\d\d:\d\d:\d\d))? (\S+) (true|false) ([A-Z_]+)(?: \/64)?$/

/** A line of the relay, with the time in either format; undefined for any other. */
export function parseLogLine(line: string): { time: number; host: string; code: string } | undefined {
  const [, first, clock, host, , code] = LINE.exec(line) ?? []
  if (host === undefined || code === undefined) return undefined
  const time = Date.parse(clock === undefined ? first! : `${first!.replaceAll('/', '-')}T${clock}Z`)
  return Number.isNaN(time) ? undefined : { time, host, code }
}

export async function readLogs(files: string[], since: number, top: number): Promise<LogReport> {
  const codes = new Map<string, number>()
  const hours = new Map<number, number>()
  const networks = new SpaceSaving(MAX_NETWORKS)
  let [lines, unread, from, to] = [0, 0, Number.POSITIVE_INFINITY, 0]
  for (const file of files)
    for await (const line of linesOf((await openLog(file)).chunks)) {
      if (line === '') continue
      const entry = parseLogLine(line)
      const address = entry && parseAddress(entry.host)
      if (!entry || !address) {
        unread++
        continue
      }
      if (entry.time < since) continue
      lines++
      from = Math.min(from, entry.time)
      to = Math.max(to, entry.time)
      codes.set(entry.code, (codes.get(entry.code) ?? 0) + 1)
      const hour = Math.floor(entry.time / HOUR)
      hours.set(hour, (hours.get(hour) ?? 0) + 1)
      networks.add(clientNetwork(formatAddress(address)), 1)
    }
  return {
    files,
    lines,
    unread,
    from: lines > 0 ? new Date(from).toISOString() : null,
    to: lines > 0 ? new Date(to).toISOString() : null,
    codes: [...codes]
      .map(([code, count]) => ({ code, lines: count, strike: strikeOf(code) }))
      .toSorted((a, b) => b.lines - a.lines),
    networks: networks
      .list()
      .heavy.map(({ key, count, error }) => ({ network: key, lines: count, error }))
      .toSorted((a, b) => b.lines - a.lines)
      .slice(0, top),
    hours: [...hours]
      .toSorted(([a], [b]) => a - b)
      .map(([hour, count]) => ({ hour: new Date(hour * HOUR).toISOString(), lines: count })),
  }
}

function strikeOf(code: string): string | null {
  const known = reportCodes.find((each) => each === code)
  return known ? strikeClassOf(known) : null
}

function reportLines({ files, lines, unread, from, to, codes, networks, hours }: LogReport): string[] {
  const read = `${grouped(lines)} lines of ${files.length === 1 ? files[0] : `${files.length} files`}`
  const others = unread > 0 ? `; ${grouped(unread)} lines are not the relay's` : ''
  if (lines === 0) return [`no reports in ${read}${others}`]
  const share = (count: number) => `${((100 * count) / lines).toFixed(1)} %`
  return [
    style('bold', `${read}, ${from} to ${to}${others}`),
    '',
    ...table(
      ['code', 'class', 'lines', 'share', ''],
      codes.map(({ code, strike, lines: count }) => [
        code,
        strike ?? '-',
        grouped(count),
        share(count),
        bar(count, codes[0]!.lines, WIDTH),
      ]),
      ['left', 'left', 'right', 'right'],
    ),
    '',
    ...table(
      ['network', 'lines', 'share', ''],
      networks.map(({ network, lines: count, error }) => [
        network,
        `${error > 0 ? '<= ' : ''}${grouped(count)}`,
        share(count),
        bar(count, networks[0]!.lines, WIDTH),
      ]),
      ['left', 'right', 'right'],
    ),
    '',
    ...plotOf(hours),
  ]
}

/** A bar for each hour, those without a line included; a bar for each day where that would be many. */
function plotOf(hours: LogReport['hours']): string[] {
  const first = Date.parse(hours[0]!.hour)
  const last = Date.parse(hours.at(-1)!.hour)
  const step = (last - first) / HOUR < MAX_HOURS ? HOUR : 24 * HOUR
  const counts = new Map<number, number>()
  for (const { hour, lines } of hours) {
    const at = Math.floor(Date.parse(hour) / step)
    counts.set(at, (counts.get(at) ?? 0) + lines)
  }
  const max = Math.max(...counts.values())
  const rows: string[][] = []
  for (let at = Math.floor(first / step); at <= Math.floor(last / step); at++) {
    const count = counts.get(at) ?? 0
    const time = new Date(at * step).toISOString()
    rows.push([
      step === HOUR ? time.slice(0, 13).replace('T', ' ') : time.slice(0, 10),
      grouped(count),
      bar(count, max, WIDTH),
    ])
  }
  return table([step === HOUR ? 'hour (UTC)' : 'day (UTC)', 'lines', ''], rows, ['left', 'right'])
}
