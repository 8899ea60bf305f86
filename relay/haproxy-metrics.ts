// What HAProxy says of its servers and certificates when somebody asks for metrics, over its Runtime API.
import { family, single } from '../shared/prometheus.ts'
import type { FilterPoolConfig } from './haproxy.ts'
import { lookAtServers, serverStates, stateOf } from './haproxy-servers.ts'
import { runCommand, type ServerReport } from './haproxy-socket.ts'

/** Families for Prometheus; none where there is no socket. */
export async function haproxyFamilies(
  config: Pick<FilterPoolConfig, 'haproxySocket' | 'haproxyBackend'>,
): Promise<string[]> {
  const look = await lookAtServers(config)
  if (!look) return []
  const run = (command: string) => runCommand(config.haproxySocket, command)
  const up = (value: number) =>
    single('patroneos_relay_haproxy_up', 'gauge', "1 where HAProxy's Runtime API answers, 0 where not", value)
  if ('trouble' in look) return [up(0)]
  try {
    return [up(1), ...serverFamilies(look.servers), certificateFamily(await expiriesOf(run))]
  } catch {
    return [up(0)]
  }
}

function serverFamilies(servers: readonly ServerReport[]): string[] {
  return [
    family(
      'patroneos_relay_haproxy_servers',
      'gauge',
      "Servers of HAProxy's backend, which are filters, by state",
      serverStates.map((state) => ({
        labels: { state },
        value: servers.filter((server) => stateOf(server) === state).length,
      })),
    ),
    single(
      'patroneos_relay_haproxy_sessions',
      'gauge',
      'Sessions under way and waiting at these servers',
      servers.reduce((sum, { sessions }) => sum + sessions, 0),
    ),
  ]
}

interface Expiry {
  certificate: string
  /** Unix time in seconds. */
  at: number
}

async function expiriesOf(run: (command: string) => Promise<string>): Promise<Expiry[]> {
  const files = (await run('show ssl cert')).split('\n').filter((line) => /^[^#*]/.test(line))
  const found = await Promise.all(
    files.map(async (certificate) => {
      const after = /notAfter: (\w{3} +\d+ [\d:]+ \d{4} GMT)/i.exec(await run(`show ssl cert ${certificate}`))
      return { certificate, at: after ? Date.parse(after[1]!) / 1000 : Number.NaN }
    }),
  )
  return found.filter(({ at }) => !Number.isNaN(at))
}

const certificateFamily = (expiries: readonly Expiry[]) =>
  family(
    'patroneos_relay_haproxy_certificate_expiry_timestamp_seconds',
    'gauge',
    "Unix time at which a certificate of HAProxy's expires, by its file",
    expiries.map(({ certificate, at }) => ({ labels: { certificate }, value: at })),
  )
