// The servers of HAProxy's backend, which are filters, as HAProxy itself sees them: for metrics and for the console.
import type { FilterPoolConfig } from './haproxy.ts'
import { isServing } from './haproxy-plan.ts'
import { listServers, parseServers, runCommand, type ServerReport } from './haproxy-socket.ts'

/** What HAProxy answered, or why it did not; undefined where there is no socket. */
export type ServersLook = { servers: readonly ServerReport[] } | { trouble: string } | undefined

/** Never rejects. */
export async function lookAtServers({
  haproxySocket,
  haproxyBackend,
}: Pick<FilterPoolConfig, 'haproxySocket' | 'haproxyBackend'>): Promise<ServersLook> {
  if (haproxySocket === '') return undefined
  try {
    const answer = await runCommand(haproxySocket, listServers(haproxyBackend))
    return { servers: parseServers(answer, haproxyBackend) }
  } catch (error) {
    return { trouble: (error as Error).message }
  }
}

export const serverStates = ['up', 'draining', 'maintenance', 'down'] as const
export type ServerState = (typeof serverStates)[number]

/** `status` is HAProxy's own word, such as "UP 1/2" or "MAINT (via filters/a)". */
export function stateOf({ status }: Pick<ServerReport, 'status'>): ServerState {
  if (isServing(status)) return 'up'
  if (status.startsWith('DRAIN')) return 'draining'
  return status.startsWith('MAINT') ? 'maintenance' : 'down'
}
