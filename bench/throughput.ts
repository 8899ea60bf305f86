// Throughput: every proxy under every workload, in interleaved rounds, and its memory before and after.
import { type Measurement, measure } from './measure.ts'
import { residentMemory } from './processes.ts'
import { type Contender, filters, haproxy, type RunningProxy, type Setup } from './proxies.ts'
import { type Spread, spreadOf } from './statistics.ts'
import type { Upstream } from './upstream.ts'
import { type Workload, wrkScript } from './workloads.ts'

export interface Result {
  proxy: string
  workload: string
  requestsPerSecond: Spread
  /** Against HAProxy in the same round. */
  ratio: Spread
  /** Requests a second of each round, to be compared with others of the same round. */
  rounds: number[]
  p50: Spread
  p99: Spread
  cpu: Spread | undefined
  /** HAProxy's CPU a request as a share of this one's. */
  cpuRatio: Spread | undefined
  forwarded: Spread
  errors: number
}

/** Megabytes of a proxy before and after the whole run. */
export interface Memory {
  proxy: string
  setup: Setup
  idle: number
  after: number
}

export interface ThroughputOptions {
  proxies: Contender[]
  workloads: Workload[]
  rounds: number
  seconds: number
  upstream: Upstream
  relay: string
}

/** Seconds of load in which a filter's code gets to its full speed. */
const WARM_UP = 10

interface Entrant {
  proxy: Contender
  workload: Workload
  running: RunningProxy
  script: string
  measurements: Measurement[]
}

export async function measureThroughput({
  proxies,
  workloads,
  rounds,
  seconds,
  upstream,
  relay,
}: ThroughputOptions): Promise<{ results: Result[]; memory: Memory[] }> {
  const running = new Map<string, RunningProxy | undefined>()
  const memory: (Memory & { pid: number })[] = []
  const runningProxy = async (proxy: Contender, workload: Workload): Promise<RunningProxy | undefined> => {
    const { setup, ownProcess } = workload
    const key = `${proxy.name}, ${ownProcess ? workload.name : setup}`
    if (running.has(key)) return running.get(key)
    const started = await proxy.start(setup, { port: upstream.port, relay })
    running.set(key, started)
    if (started?.pid && !ownProcess) {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      memory.push({ proxy: proxy.name, setup, idle: residentMemory(started.pid), after: 0, pid: started.pid })
    }
    return started
  }

  const entrants: Entrant[] = []
  for (const workload of workloads) {
    const script = wrkScript(workload)
    for (const proxy of proxies) {
      // Only this repository's filters have setups; the others run once.
      if (workload.setup !== 'plain' && !filters.includes(proxy)) continue
      if (proxy.workloads && !proxy.workloads.includes(workload.name)) continue
      const started = await runningProxy(proxy, workload)
      if (started) entrants.push({ proxy, workload, running: started, script, measurements: [] })
    }
  }
  const run = ({ running, script, workload }: Entrant, seconds: number) =>
    measure(running, { script, connections: workload.connections, seconds }, upstream)

  for (const entrant of entrants) {
    // Processes with one workload get as warm as those with all of them.
    const sharing = entrants.filter((other) => other.running === entrant.running).length
    await run(entrant, Math.ceil(WARM_UP / sharing))
  }
  for (let round = 1; round <= rounds; round++) {
    console.error(`throughput: round ${round} of ${rounds}`)
    for (const entrant of entrants) {
      // While the others had their turns it lost its connections, the processor's cache, and perhaps its pages.
      await run(entrant, 1)
      entrant.measurements.push(await run(entrant, seconds))
    }
  }

  const baselineOf = ({ workload }: Entrant) =>
    entrants.find(({ proxy, workload: { name } }) => proxy === haproxy && name === workload.baseline)!
      .measurements
  const results = entrants.map((entrant): Result => {
    const { proxy, workload, measurements } = entrant
    const baseline = baselineOf(entrant)
    const spread = (pick: (one: Measurement, round: number) => number) => spreadOf(measurements.map(pick))
    const measured = measurements[0]?.cpu !== undefined
    return {
      proxy: proxy.name,
      workload: workload.name,
      requestsPerSecond: spread((one) => one.requestsPerSecond),
      ratio: spread((one, round) => one.requestsPerSecond / baseline[round]!.requestsPerSecond),
      rounds: measurements.map((one) => one.requestsPerSecond),
      p50: spread((one) => one.p50),
      p99: spread((one) => one.p99),
      cpu: measured ? spread((one) => one.cpu!) : undefined,
      cpuRatio: measured ? spread((one, round) => baseline[round]!.cpu! / one.cpu!) : undefined,
      forwarded: spread((one) => one.forwarded),
      errors: measurements.reduce((sum, { errors }) => sum + errors, 0),
    }
  })
  for (const one of memory) one.after = residentMemory(one.pid)
  return { results, memory: memory.map(({ pid, ...one }) => one) }
}
