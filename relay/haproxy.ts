// Keeps the servers of HAProxy's backend the same as the relay's `filterEndpoints`, over HAProxy's Runtime API,
// without a reload.
//
// Each round compares what HAProxy has with what it should have (haproxy-plan.ts) and carries the difference out
// (haproxy-socket.ts). So a restarted HAProxy, a lost socket and a half-finished change all heal in the same way, by
// the next round.
import { lookup } from 'node:dns/promises'
import { unbracketed } from '../shared/address.ts'
import type { Logger } from '../shared/logger.ts'
import { commandsOf, type Plan, planRound, type Server, type Step } from './haproxy-plan.ts'
import { listServers, parseServers, pidOf, runCommand } from './haproxy-socket.ts'

/** The part of the relay's configuration that this follows. */
export interface FilterPoolConfig {
  /** Path of the Runtime API's socket; "" leaves HAProxy alone. */
  haproxySocket: string
  haproxyBackend: string
  /** Base URLs of the filters; an empty list leaves HAProxy as it is, rather than without any filter. */
  filterEndpoints: readonly string[]
}

export interface FilterPoolOptions {
  logger: Logger
  /** ms between two rounds. */
  interval?: number
  /** ms that `apply` waits for added filters to take traffic, before it reports those that do not yet. */
  settleTime?: number
  /** ms that requests under way on a removed filter may take before they are cut. */
  drainTime?: number
  /** Addresses of a host name. */
  resolve?: (host: string) => Promise<string[]>
}

export interface FilterPool {
  /** Puts a configuration in force, and answers with what is wrong with it so far, in words. */
  apply(config: FilterPoolConfig): Promise<string[]>
  /** What keeps filters from taking traffic, by endpoint or "HAProxy", as of the last round. */
  problems(): ReadonlyMap<string, string>
  close(): Promise<void>
}

type Round = Pick<Plan, 'problems' | 'settled'>

export function createFilterPool(options: FilterPoolOptions): FilterPool {
  const { logger, interval = 1000, settleTime = 4000 } = options
  const reconciler = new Reconciler(options)
  let config: FilterPoolConfig = { haproxySocket: '', haproxyBackend: '', filterEndpoints: [] }
  let closed = false
  let busy = false
  let timer: NodeJS.Timeout | undefined
  /** Rounds wait for one another: two at once would add a server twice. */
  let last: Promise<unknown> = Promise.resolve()

  const round = (): Promise<Round> => {
    const turn = last.then(async () => {
      busy = true
      return reconciler.round(config).finally(() => {
        busy = false
      })
    })
    last = turn.catch(() => {})
    return turn
  }

  const tick = async () => {
    if (busy) return
    await round().catch((error: Error) =>
      logger.error('reconciling with HAProxy failed', { error: error.message }),
    )
  }

  return {
    apply: async (next) => {
      config = next
      if (!closed) timer ??= setInterval(tick, interval)
      const deadline = Date.now() + settleTime
      let result = await round()
      while (!result.settled && Date.now() < deadline && !closed) {
        await new Promise((done) => setTimeout(done, Math.min(250, interval)))
        result = await round()
      }
      return [...result.problems].map(([subject, problem]) => `${subject}: ${problem}`)
    },
    problems: () => reconciler.problems,
    close: async () => {
      closed = true
      clearInterval(timer)
      await last
    },
  }
}

type Run = (command: string) => Promise<string>

/** Compares and carries out, one round at a time. */
class Reconciler {
  readonly #logger: Logger
  readonly #drainTime: number
  readonly #addressesOf: ReturnType<typeof createAddressBook>
  readonly #drainingSince = new Map<string, number>()
  #pid: string | undefined
  #reported = new Map<string, string>()

  get problems(): ReadonlyMap<string, string> {
    return this.#reported
  }

  constructor({ logger, drainTime = 30_000, resolve = lookupAll }: FilterPoolOptions) {
    this.#logger = logger
    this.#drainTime = drainTime
    this.#addressesOf = createAddressBook(resolve)
  }

  async round({ haproxySocket, haproxyBackend: backend, filterEndpoints }: FilterPoolConfig): Promise<Round> {
    if (haproxySocket === '' || filterEndpoints.length === 0) {
      this.#reported = new Map()
      return { problems: this.#reported, settled: true }
    }
    const { wanted, problems } = await this.#addressesOf(filterEndpoints)
    const run: Run = (command) => runCommand(haproxySocket, command)
    let settled = false
    try {
      this.#noteRestart(pidOf(await run('show info')))
      const servers = parseServers(await run(listServers(backend)), backend)
      this.#forgetWanted(servers, wanted)
      const [drainingSince, drainTime] = [this.#drainingSince, this.#drainTime]
      const plan = planRound({ wanted, servers, drainingSince, now: Date.now(), drainTime })
      for (const [subject, problem] of plan.problems) problems.set(subject, problem)
      for (const step of plan.steps) await this.#carryOut(step, backend, run, problems)
      settled = plan.settled && problems.size === 0
    } catch (error) {
      problems.set('HAProxy', `not reached at ${haproxySocket}: ${(error as Error).message}`)
    }
    this.#logChanges(problems)
    return { problems, settled }
  }

  #noteRestart(now: string | undefined): void {
    if (this.#pid !== undefined && now !== this.#pid) {
      this.#logger.info('HAProxy was restarted; its filters are set anew')
      this.#drainingSince.clear()
    }
    this.#pid = now
  }

  #forgetWanted(servers: Server[], wanted: ReadonlyMap<string, string>): void {
    const unwanted = new Set(servers.filter(({ address }) => !wanted.has(address)).map(({ name }) => name))
    for (const name of this.#drainingSince.keys()) if (!unwanted.has(name)) this.#drainingSince.delete(name)
  }

  async #carryOut(step: Step, backend: string, run: Run, problems: Map<string, string>): Promise<void> {
    let answer = ''
    for (const command of commandsOf(step, backend)) {
      answer = await run(command)
      if (step.kind === 'add' && command.startsWith('add ') && !answer.includes('New server registered')) {
        problems.set(step.endpoint, `refused by HAProxy: ${answer}`)
        return
      }
    }
    this.#logStep(step, answer)
  }

  #logStep(step: Step, answer: string): void {
    const logger = this.#logger
    if (step.kind === 'add')
      logger.info('filter added to HAProxy', { endpoint: step.endpoint, address: step.address })
    else if (step.kind === 'enable')
      logger.info('filter takes traffic', { endpoint: step.endpoint, address: step.address })
    else if (step.kind === 'drain') {
      this.#drainingSince.set(step.name, Date.now())
      logger.info('filter drains', { address: step.address })
    } else if (step.kind === 'remove' && answer.includes('Server deleted'))
      logger.info('filter removed from HAProxy', { address: step.address })
  }

  #logChanges(problems: Map<string, string>): void {
    for (const [subject, problem] of problems)
      if (this.#reported.get(subject) !== problem)
        this.#logger.warn('a filter endpoint is not in force', { subject, problem })
    for (const subject of this.#reported.keys())
      if (!problems.has(subject)) this.#logger.info('a filter endpoint is in force again', { subject })
    this.#reported = problems
  }
}

/** Finds the addresses of endpoints; the last known ones serve while a name is not found. */
function createAddressBook(resolve: (host: string) => Promise<string[]>) {
  const lastKnown = new Map<string, string[]>()
  return async (endpoints: readonly string[]) => {
    const wanted = new Map<string, string>()
    const problems = new Map<string, string>()
    for (const endpoint of endpoints) {
      const url = new URL(endpoint)
      const host = unbracketed(url.hostname)
      if (url.protocol !== 'http:') {
        problems.set(endpoint, 'not used: HAProxy speaks plain http with filters')
        continue
      }
      const found = await resolve(host).catch((error: Error) => {
        const known = lastKnown.get(host) ?? []
        const kept = known.length > 0 ? '; its last known addresses are kept' : ''
        problems.set(endpoint, `${error.message}${kept}`)
        return known
      })
      lastKnown.set(host, found)
      for (const address of found)
        wanted.set(`${address.includes(':') ? `[${address}]` : address}:${url.port || '80'}`, endpoint)
    }
    return { wanted, problems }
  }
}

async function lookupAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}
