// Keeps the servers of HAProxy's backend the same as the relay's `filterEndpoints`, over HAProxy's Runtime API,
// without a reload.
//
// Each round compares what HAProxy has with what it should have (haproxy-plan.ts) and carries the difference out
// (haproxy-socket.ts). So a restarted HAProxy, a lost socket and a half-finished change all heal in the same way, by
// the next round.
import { lookup } from 'node:dns/promises'
import type { Logger } from '../shared/logger.ts'
import { commandsOf, type Plan, planRound, type Step } from './haproxy-plan.ts'
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
  close(): Promise<void>
}

type Round = Pick<Plan, 'problems' | 'settled'>

export function createFilterPool(options: FilterPoolOptions): FilterPool {
  const { logger, interval = 1000, settleTime = 4000, drainTime = 30_000 } = options
  const addressesOf = createAddressBook(options.resolve ?? lookupAll)
  let config: FilterPoolConfig = { haproxySocket: '', haproxyBackend: '', filterEndpoints: [] }
  let closed = false
  let busy = false
  let timer: NodeJS.Timeout | undefined
  /** Rounds wait for one another: two at once would add a server twice. */
  let last: Promise<unknown> = Promise.resolve()
  let reported = new Map<string, string>()
  let pid: string | undefined
  const drainingSince = new Map<string, number>()

  const round = (): Promise<Round> => {
    const turn = last.then(async () => {
      busy = true
      try {
        const result = await reconcile()
        logChanges(result.problems)
        return result
      } finally {
        busy = false
      }
    })
    last = turn.catch(() => {})
    return turn
  }

  const reconcile = async (): Promise<Round> => {
    const { haproxySocket, haproxyBackend: backend, filterEndpoints } = config
    if (haproxySocket === '' || filterEndpoints.length === 0) return { problems: new Map(), settled: true }
    const { wanted, problems } = await addressesOf(filterEndpoints)
    const run = (command: string) => runCommand(haproxySocket, command)
    try {
      noteRestart(pidOf(await run('show info')))
      const servers = parseServers(await run(listServers(backend)), backend)
      for (const name of drainingSince.keys())
        if (!servers.some((server) => server.name === name && !wanted.has(server.address)))
          drainingSince.delete(name)
      const plan = planRound({ wanted, servers, drainingSince, now: Date.now(), drainTime })
      for (const [subject, problem] of plan.problems) problems.set(subject, problem)
      for (const step of plan.steps) await carryOut(step, backend, run, problems)
      return { problems, settled: plan.settled && problems.size === 0 }
    } catch (error) {
      problems.set('HAProxy', `not reached at ${haproxySocket}: ${(error as Error).message}`)
      return { problems, settled: false }
    }
  }

  const noteRestart = (now: string | undefined) => {
    if (pid !== undefined && now !== pid) {
      logger.info('HAProxy was restarted; its filters are set anew')
      drainingSince.clear()
    }
    pid = now
  }

  const carryOut = async (
    step: Step,
    backend: string,
    run: (command: string) => Promise<string>,
    problems: Map<string, string>,
  ) => {
    let answer = ''
    for (const command of commandsOf(step, backend)) {
      answer = await run(command)
      if (command.startsWith('add server ') && !answer.includes('New server registered')) {
        problems.set((step as Step & { kind: 'add' }).endpoint, `refused by HAProxy: ${answer}`)
        return
      }
    }
    if (step.kind === 'add')
      logger.info('filter added to HAProxy', { endpoint: step.endpoint, address: step.address })
    else if (step.kind === 'enable')
      logger.info('filter takes traffic', { endpoint: step.endpoint, address: step.address })
    else if (step.kind === 'drain') {
      drainingSince.set(step.name, Date.now())
      logger.info('filter drains', { address: step.address })
    } else if (step.kind === 'remove' && answer.includes('Server deleted'))
      logger.info('filter removed from HAProxy', { address: step.address })
  }

  const logChanges = (problems: Map<string, string>) => {
    for (const [subject, problem] of problems)
      if (reported.get(subject) !== problem)
        logger.warn('a filter endpoint is not in force', { subject, problem })
    for (const subject of reported.keys())
      if (!problems.has(subject)) logger.info('a filter endpoint is in force again', { subject })
    reported = problems
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
    close: async () => {
      closed = true
      clearInterval(timer)
      await last
    },
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
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
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
