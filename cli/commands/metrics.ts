// patroneos metrics: the metrics of a filter or a relay, once or as they change.
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { CommandError, NO } from '../command-error.ts'
import { print } from '../output/style.ts'
import { grouped, table } from '../output/table.ts'
import { askServer, defaultServer, detailOf } from '../server.ts'

interface Options {
  server: string
  watch?: boolean
  interval: string
  grep?: string
}

export function metrics(exit: (code: number) => void): Command {
  return new Command('metrics')
    .description('print the metrics as Prometheus text, or watch what changes')
    .option('-s, --server <url>', 'config listener of the filter or the relay', defaultServer())
    .option('-w, --watch', 'show what changes, again and again')
    .option('--interval <seconds>', 'time between two looks', '2')
    .option('--grep <text>', 'only metrics with this in their name or labels')
    .addHelpText(
      'after',
      `
Examples:
  patroneos metrics --grep patroneos_node
  patroneos metrics --watch --interval 5`,
    )
    .action(async ({ server, watch, interval, grep = '' }: Options) => {
      if (!watch) {
        const lines = (await read(server)).split('\n').filter((line) => line.includes(grep))
        const found = lines.join('\n').trimEnd()
        if (found !== '') return print(found)
        process.stderr.write(`no metric of ${server} has ${JSON.stringify(grep)} in its name or labels\n`)
        return exit(NO)
      }
      const seconds = Number(interval)
      if (!(seconds >= 0.1))
        throw new CommandError(`--interval: found "${interval}"; allowed: seconds from 0.1`)
      let before = samplesOf(await read(server))
      for (;;) {
        await sleep(seconds * 1000)
        const now = samplesOf(await read(server))
        show(before, now, seconds, grep)
        before = now
      }
    })
}

async function read(server: string): Promise<string> {
  const { status, text } = await askServer(server, { path: '/patroneos/metrics' })
  if (status === 200) return text
  throw new CommandError(`${server} answered ${status}: ${detailOf(text)}`)
}

/** Values by name and labels. */
export function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-zA-Z_:][^ {]*(?:\{.*\})?) (\S+)/.exec(line) ?? []
    if (name !== undefined) samples.set(name, Number(value))
  }
  return samples
}

function show(before: Map<string, number>, now: Map<string, number>, seconds: number, grep: string): void {
  // What a histogram counts is in its _count and _sum.
  const changed = [...now].filter(
    ([name, value]) => name.includes(grep) && !name.includes('_bucket{') && value !== (before.get(name) ?? 0),
  )
  if (process.stdout.isTTY) process.stdout.write('\x1b[H\x1b[2J')
  print(`${new Date().toISOString()}  ${changed.length} of ${now.size} changed in ${seconds} s`)
  const rows = changed.map(([name, value]) => {
    const difference = value - (before.get(name) ?? 0)
    return [
      name,
      round(value),
      `${difference > 0 ? '+' : ''}${round(difference)}`,
      round(difference / seconds),
    ]
  })
  if (rows.length > 0)
    print(
      table(['metric', 'value', 'change', 'a second'], rows, ['left', 'right', 'right', 'right']).join('\n'),
    )
}

const round = (value: number) =>
  Number.isInteger(value) ? grouped(value) : value.toLocaleString('en-US', { maximumFractionDigits: 3 })
