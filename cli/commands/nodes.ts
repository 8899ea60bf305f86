// patroneos nodes: what the filter knows of the nodes behind it.
import { Command } from 'commander'
import { NO, YES } from '../command-error.ts'
import { print, printJson, style } from '../output/style.ts'
import { grouped, table } from '../output/table.ts'
import { askJson, defaultServer } from '../server.ts'

interface Node {
  name: string
  url: string
  state: 'in' | 'out' | 'unknown'
  reason: string | null
  headBlock: number | null
  lagBlocks: number | null
  requestsUnderWay: number
  requestsWaiting: number
  requests: number
  averageSecondsToAnswer: number | null
}

const HEAD = [
  'node',
  'state',
  'head block',
  'behind',
  'under way',
  'waiting',
  'requests',
  'mean ms',
  'url',
  'reason',
]
const ALIGN = ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right', 'left', 'left'] as const

export function nodes(exit: (code: number) => void): Command {
  return new Command('nodes')
    .description('show the nodes behind a filter: which are in, and why others are out')
    .option('-s, --server <url>', 'config listener of the filter', defaultServer())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit codes: 0 a node is in, 1 all are out, 2 that could not be found out

Example:
  patroneos nodes --server http://10.0.0.5:9001`,
    )
    .action(async ({ server, json }: { server: string; json?: boolean }) => {
      const found = await askJson<Node[]>(server, { path: '/patroneos/nodes' }, '/patroneos/nodes')
      if (json) printJson(found)
      else
        table(HEAD, found.map(rowOf), ALIGN).forEach((line, row) => {
          print(row > 0 && found[row - 1]!.state === 'out' ? style('red', line) : line)
        })
      exit(found.some(({ state }) => state !== 'out') ? YES : NO)
    })
}

function rowOf(node: Node): string[] {
  const { averageSecondsToAnswer: mean } = node
  return [
    node.name,
    node.state,
    node.headBlock === null ? '-' : grouped(node.headBlock),
    node.lagBlocks === null ? '-' : grouped(node.lagBlocks),
    grouped(node.requestsUnderWay),
    grouped(node.requestsWaiting),
    grouped(node.requests),
    mean === null ? '-' : (mean * 1000).toFixed(1),
    node.url,
    node.reason ?? '',
  ]
}
