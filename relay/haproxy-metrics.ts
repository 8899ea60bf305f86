// What HAProxy says of its servers and certificates when somebody asks for metrics, over its Runtime API.
import { family, single } from '../shared/prometheus.ts'
import type { FilterPoolConfig } from './haproxy.ts'
import type { Server } from './haproxy-plan.ts'
import { listServers, parseServers, runCommand } from './haproxy-socket.ts'

const states = ['up', 'draining', 'maintenance', 'down'] as const

/** Families for Prometheus; none where there is no socket. */
export async function haproxyFamilies({
  haproxySocket,
  haproxyBackend,
}: Pick<FilterPoolConfig, 'haproxySocket' | 'haproxyBackend'>): Promise<string[]> {
  if (haproxySocket === '') return []
  const run = (command: string) => runCommand(haproxySocket, command)
  const up = (value: number) =>
    single('patroneos_relay_haproxy_up', 'gauge', "1 where HAProxy's Runtime API answers, 0 where not", value)
  try {
    const servers = parseServers(await run(listServers(haproxyBackend)), haproxyBackend)
    return [up(1), ...serverFamilies(servers), certificateFamily(await expiriesOf(run))]
  } catch {
    return [up(0)]
  }
}

function serverFamilies(servers: readonly Server[]): string[] {
  return [
    family(
      'patroneos_relay_haproxy_servers',
      'gauge',
      "Servers of HAProxy's backend, which are filters, by state",
      states.map((state) => ({
        labels: { state },
        value: servers.filter(({ status }) => stateOf(status) === state).length,
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

function stateOf(status: string): (typeof states)[number] {
  if (status.startsWith('UP') || status === 'no check') return 'up'
  if (status.startsWith('DRAIN')) return 'draining'
  return status.startsWith('MAINT') ? 'maintenance' : 'down'
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
