// What a part of the filter costs: its CPU time a request with that part on, against the same filter with it off, in turns.
// CPU time, unlike throughput, says something on a machine that others use too.
//
//   node bench/cost.ts [--seconds 4] [--rounds 5] [NAME...]
import { parseArgs } from 'node:util'
import { measure } from './measure.ts'
import { stopPid } from './processes.ts'
import { type RunningProxy, startFilter } from './proxies.ts'
import { spreadOf } from './statistics.ts'
import { startUpstream } from './upstream.ts'
import { pushOf, type Request, wrkScript } from './workloads.ts'

const limits = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    name: `limit ${at}`,
    key: at % 2 === 0 ? ['ip'] : ['ip', 'contract'],
    on: (['attempt', 'failure', 'violation', 'time'] as const)[at % 4],
    limit: 1_000_000_000,
    window: 60,
  }))

/** Each part by what turns it on; what is left out is off. */
const parts: Record<string, object> = {
  nothing: {},
  fairness: { fairness: {} },
  'ten limits': { rateLimits: limits(10), trustedProxies: [] },
  'lists of the console': { console: true },
  repeats: { repeats: 2 },
  tableRows: { tableRows: { maxLimit: 1_000 } },
  'access log, combined': { accessLog: { log: 'all', file: '/dev/null' } },
  'access log, ecs': { accessLog: { log: 'all', file: '/dev/null', format: 'ecs' } },
}
const OFF = { cache: { paths: {} }, repeats: 0, console: false }

const rows: Request = {
  method: 'POST',
  path: '/v1/chain/get_table_rows',
  body: '{"json":true,"code":"eosio.token","scope":"alice","table":"accounts","limit":10}',
}
const workloads = { push: pushOf(500), get_table_rows: rows }

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '4' }, rounds: { type: 'string', default: '5' } },
  allowPositionals: true,
})
const seconds = Number(values.seconds)
const names = positionals.length > 0 ? positionals : Object.keys(parts)
for (const name of names)
  if (!parts[name]) throw new Error(`there is no part "${name}"; there are ${Object.keys(parts).join(', ')}`)

const program = new URL('../worker/runtimes/node.ts', import.meta.url).pathname
const upstream = await startUpstream()

/** Microseconds of CPU a request, in one round each. */
async function cpuOf(filter: RunningProxy, script: string): Promise<number> {
  const { cpu, errors } = await measure(filter, { script, connections: 64, seconds }, upstream)
  if (errors > 0) throw new Error(`${errors} requests failed`)
  return cpu! * 1000
}

console.log('| part | request | CPU a request, off | on | on against off |\n|---|---|---|---|---|')
for (const name of names)
  for (const [what, request] of Object.entries(workloads)) {
    const script = wrkScript({ name: what, requests: [{ request, share: 1 }] })
    const filters = await Promise.all(
      [OFF, { ...OFF, ...parts[name] }].map((config, at) =>
        startFilter([process.execPath, program], `cost-${at}`, { nodeosPort: upstream.port, ...config }),
      ),
    )
    const took: number[][] = [[], []]
    // The first round warms up.
    for (let round = 0; round <= Number(values.rounds); round++)
      for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const microseconds = await cpuOf(filters[at]!, script)
        if (round > 0) took[at]!.push(microseconds)
      }
    for (const { pid } of filters) stopPid(pid)
    const [off, on] = took.map((values) => spreadOf(values).median) as [number, number]
    console.log(
      `| ${name} | ${what} | ${off.toFixed(1)} µs | ${on.toFixed(1)} µs | ${(on / off).toFixed(3)} |`,
    )
  }
process.exit()
