// Three nodes as processes, and a filter in front of them as its operators start it.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningFilter, startFilter } from '../http/filter.ts'
import { freePort } from '../http/wire.ts'
import type { Fault, FromStandIn, ToStandIn } from './stand-in.ts'

/** Everything that can be wrong with a node. */
export const faults = ['killed', 'stopped', 'behind', 'another chain', 'busy', 'mute', 'resets'] as const
export type AnyFault = (typeof faults)[number]

export class FleetNode {
  readonly name: string
  readonly executed: string[] = []
  port = 0
  #child: ChildProcess | undefined

  constructor(name: string) {
    this.name = name
  }

  async start(): Promise<void> {
    const child = fork(join(import.meta.dirname, 'stand-in.ts'), [String(this.port)])
    this.#child = child
    child.on('message', (message: FromStandIn) => {
      if ('executed' in message) this.executed.push(...message.executed)
      else this.port = message.port
    })
    await once(child, 'message')
  }

  #tell(message: ToStandIn): void {
    // One that was killed a moment ago takes it no more.
    this.#child?.send(message, () => {})
  }

  /** Asks what it executed, which a killed one can no more say: so it is asked often. */
  ask(): void {
    if (this.#child?.connected) this.#tell({ tell: true })
  }

  break(fault: AnyFault): void {
    if (fault === 'killed') this.#child?.kill('SIGKILL')
    else if (fault === 'stopped') this.#child?.kill('SIGSTOP')
    else this.#tell({ fault })
  }

  async mend(fault: AnyFault): Promise<void> {
    if (fault === 'killed') await this.start()
    else if (fault === 'stopped') this.#child?.kill('SIGCONT')
    else this.#tell({ fault: 'none' satisfies Fault })
  }

  stop(): void {
    this.#child?.kill('SIGKILL')
  }
}

export interface Fleet {
  nodes: readonly FleetNode[]
  filter: RunningFilter
  /** `in` or `out` with the reason, by name. */
  states(): Promise<Record<string, string>>
  /** Resolves when a node is in, or out. */
  until(name: string, state: 'in' | 'out'): Promise<void>
  stop(): Promise<void>
}

export async function startFleet(settings: object): Promise<Fleet> {
  const nodes = ['api-1', 'api-2', 'api-3'].map((name) => new FleetNode(name))
  for (const node of nodes) await node.start()
  const configListenPort = await freePort()
  const filter = await startFilter({
    configListenPort,
    maxConnectionsPerClient: 5_000,
    nodes: nodes.map(({ name, port }) => ({ name, url: `http://127.0.0.1:${port}` })),
    ...settings,
  })
  const states = async () => {
    const listed = await (await fetch(`http://127.0.0.1:${configListenPort}/patroneos/nodes`)).json()
    return Object.fromEntries(
      (listed as { name: string; state: string; reason: string }[]).map(({ name, state, reason }) => [
        name,
        reason ? `${state}: ${reason}` : state,
      ]),
    )
  }
  return {
    nodes,
    filter,
    states,
    until: async (name, state) => {
      for (const began = Date.now(); Date.now() - began < 30_000; await sleep(50))
        if ((await states())[name]?.startsWith(state)) return
      throw new Error(`${name} is not ${state}: ${JSON.stringify(await states())}\n${filter.log()}`)
    },
    stop: async () => {
      await filter.stop()
      for (const node of nodes) node.stop()
    },
  }
}
