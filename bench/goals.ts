// What the filter promises in speed, each as a figure of one run and whether it is met.
import type { AddedLatency, ConnectionCost, JudgingOn } from './parts.ts'
import { formatSpread, type Spread, spreadOf } from './statistics.ts'
import type { Memory, Result } from './throughput.ts'

export interface Findings {
  results: Result[]
  memory: Memory[]
  latency: AddedLatency[]
  connections: ConnectionCost[]
  workers: { one: Spread; two: Spread; ratio: Spread } | undefined
  /** Milliseconds until no worker answers by the old configuration. */
  configChange: Spread | undefined
  judging: JudgingOn[]
}

const runtimes = ['Node', 'Bun'] as const
type Runtime = (typeof runtimes)[number]
const nameOf = (runtime: Runtime) => `Patroneos on ${runtime}`

interface Goal {
  name: string
  /** At least (`>=`) or at most (`<=`) so much. */
  sense: '>=' | '<='
  goal: Record<Runtime, number | undefined>
  digits: number
  measured(findings: Findings, runtime: Runtime): Spread | undefined
}

const resultOf = ({ results }: Findings, proxy: string, workload: string) =>
  results.find((result) => result.proxy === proxy && result.workload === workload)

const againstHaproxy =
  (workload: string): Goal['measured'] =>
  (findings, runtime) =>
    resultOf(findings, nameOf(runtime), workload)?.ratio

/** Round by round against another result. */
function against(one: Result | undefined, other: Result | undefined): Spread | undefined {
  return one && other && spreadOf(one.rounds.map((value, round) => value / other.rounds[round]!))
}

const single = (value: number | undefined): Spread | undefined =>
  value === undefined ? undefined : { median: value, lowest: value, highest: value }

const memoryOf = ({ memory }: Findings, runtime: Runtime) =>
  memory.filter(({ proxy, setup }) => proxy === nameOf(runtime) && setup === 'plain')

const goals: Goal[] = [
  {
    name: 'accepted push, 0.5 kB, against HAProxy',
    sense: '>=',
    goal: { Node: 0.25, Bun: 0.7 },
    digits: 2,
    measured: againstHaproxy('push 0.5 kB'),
  },
  {
    name: 'the same against nginx + ModSecurity',
    sense: '>=',
    goal: { Node: 1.5, Bun: 4 },
    digits: 2,
    measured: (findings, runtime) =>
      against(
        resultOf(findings, nameOf(runtime), 'push 0.5 kB'),
        resultOf(findings, 'nginx + ModSecurity', 'push 0.5 kB'),
      ),
  },
  {
    name: 'get_info, uncached, against HAProxy',
    sense: '>=',
    goal: { Node: 0.25, Bun: 0.75 },
    digits: 2,
    measured: againstHaproxy('get_info'),
  },
  {
    name: 'get_info, cached, against HAProxy',
    sense: '>=',
    goal: { Node: 0.35, Bun: 1.2 },
    digits: 2,
    measured: againstHaproxy('get_info, cached'),
  },
  {
    name: 'rejected body, against HAProxy passing it',
    sense: '>=',
    goal: { Node: 0.3, Bun: 1.2 },
    digits: 2,
    measured: againstHaproxy('rejected {c}'),
  },
  {
    name: 'connection of a banned client against one served, CPU',
    sense: '<=',
    goal: { Node: 0.3, Bun: 0.3 },
    digits: 2,
    measured: ({ connections }, runtime) => connections.find(({ proxy }) => proxy === nameOf(runtime))?.ratio,
  },
  {
    name: 'mix with a relay against the same without',
    sense: '>=',
    goal: { Node: 0.95, Bun: 0.95 },
    digits: 2,
    measured: (findings, runtime) =>
      against(resultOf(findings, nameOf(runtime), 'mix, relay'), resultOf(findings, nameOf(runtime), 'mix')),
  },
  {
    name: '500 kB push judged, against its JSON.parse alone',
    sense: '>=',
    goal: { Node: 0.35, Bun: 0.35 },
    digits: 2,
    measured: ({ judging }, runtime) => judging.find(({ proxy }) => proxy === nameOf(runtime))?.ratio,
  },
  {
    name: 'CPU a push with one worker against two',
    sense: '>=',
    goal: { Node: 0.9, Bun: undefined },
    digits: 2,
    measured: ({ workers }, runtime) => (runtime === 'Node' ? workers?.ratio : undefined),
  },
  {
    name: 'configuration change at all workers, ms',
    sense: '<=',
    goal: { Node: 100, Bun: undefined },
    digits: 0,
    measured: ({ configChange }) => configChange,
  },
  ...(
    [
      ['p50', 0.6, 0.4],
      ['p99', 3, 2],
    ] as const
  ).map(
    ([percentile, node, bun]): Goal => ({
      name: `added latency at 500/s, ${percentile}, ms`,
      sense: '<=',
      goal: { Node: node, Bun: bun },
      digits: 2,
      measured: ({ latency }, runtime) =>
        latency.find(({ proxy }) => proxy === nameOf(runtime))?.[percentile],
    }),
  ),
  {
    name: 'memory when idle, MB',
    sense: '<=',
    goal: { Node: 90, Bun: 90 },
    digits: 0,
    measured: (findings, runtime) => single(memoryOf(findings, runtime)[0]?.idle),
  },
  {
    name: 'memory after the run, MB',
    sense: '<=',
    goal: { Node: 160, Bun: 160 },
    digits: 0,
    measured: (findings, runtime) => single(memoryOf(findings, runtime)[0]?.after),
  },
]

/** Rows of a table: every goal with what was measured, its spread, and whether the median meets it. */
export function goalRows(findings: Findings): string[][] {
  const cell = ({ measured, goal, sense, digits }: Goal, runtime: Runtime): string => {
    const wanted = goal[runtime]
    const found = measured(findings, runtime)
    if (wanted === undefined || found === undefined) return '-'
    const met = sense === '>=' ? found.median >= wanted : found.median <= wanted
    return `${formatSpread(found, digits)} ${sense} ${wanted} ${met ? 'met' : 'MISSED'}`
  }
  return [
    ['goal', ...runtimes],
    ...goals.map((goal) => [goal.name, ...runtimes.map((runtime) => cell(goal, runtime))]),
  ]
}
