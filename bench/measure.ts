// One run of wrk against one proxy, and what it cost the proxy.
import { cpuTime, LOAD_CORE, run } from './processes.ts'
import type { RunningProxy } from './proxies.ts'
import type { Upstream } from './upstream.ts'

export interface Measurement {
  requestsPerSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  /** Milliseconds of CPU a request; undefined where the proxy's process is not known. */
  cpu: number | undefined
  /** Upstream requests a client request. */
  forwarded: number
  /** Connections that broke or timed out. */
  errors: number
}

export interface Load {
  script: string
  connections: number
  seconds: number
}

export async function measure(
  proxy: RunningProxy,
  { script, connections, seconds }: Load,
  upstream: Upstream,
): Promise<Measurement> {
  const cpuBefore = proxy.pid && cpuTime(proxy.pid)
  const forwardedBefore = await upstream.requests()
  const output = await run(LOAD_CORE, [
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout=10s',
    `-s${script}`,
    proxy.url,
  ])
  const cpuUsed = proxy.pid && cpuTime(proxy.pid) - cpuBefore!
  const forwarded = (await upstream.requests()) - forwardedBefore
  const result = JSON.parse(/^RESULT (.*)$/m.exec(output)?.[1] ?? '{}')
  return {
    requestsPerSecond: (result.requests * 1e6) / result.microseconds,
    p50: result.p50,
    p99: result.p99,
    cpu: cpuUsed === undefined ? undefined : cpuUsed / result.requests,
    forwarded: forwarded / result.requests,
    errors: result.errors,
  }
}
