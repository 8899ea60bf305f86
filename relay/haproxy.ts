// Keeps the servers of HAProxy's backend the same as the relay's `filterEndpoints`, over HAProxy's Runtime API
// (a unix socket; "Unix Socket commands" in HAProxy's management guide), without a reload.
//
// Nothing is remembered of what was done: each round compares what HAProxy has with what it should have. So a
// restarted HAProxy, a lost socket and a half-finished change all heal in the same way, by the next round.
import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import type { Logger } from '../shared/logger.ts'

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

/** One line of `show stat`. */
interface Server {
  name: string
  /** address:port, as HAProxy writes it: an IPv6 address in brackets. */
  address: string
  status: string
  check: string
  sessions: number
}

/** What one round found: problems by endpoint or "HAProxy", and whether all is as it should be. */
interface Round {
  problems: Map<string, string>
  settled: boolean
}

export function createFilterPool(options: FilterPoolOptions): FilterPool {
  const { logger, interval = 1000, settleTime = 4000, drainTime = 30_000 } = options
  const resolve = options.resolve ?? lookupAll
  let config: FilterPoolConfig = { haproxySocket: '', haproxyBackend: '', filterEndpoints: [] }
  let closed = false
  let busy = false
  let timer: NodeJS.Timeout | undefined
  /** Rounds wait for one another: two at once would add a server twice. */
  let last: Promise<unknown> = Promise.resolve()
  let reported = new Map<string, string>()
  let pid: string | undefined
  const lastKnown = new Map<string, string[]>()
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
    const problems = new Map<string, string>()
    if (haproxySocket === '' || filterEndpoints.length === 0) return { problems, settled: true }
    const wanted = await addressesOf(filterEndpoints, problems)
    const run = (command: string) => runCommand(haproxySocket, command)
    try {
      const info = await run('show info')
      const now = /^Pid: (\d+)$/m.exec(info)?.[1]
      if (pid !== undefined && now !== pid) {
        logger.info('HAProxy was restarted; its filters are set anew')
        drainingSince.clear()
      }
      pid = now
      await addMissing(run, backend, wanted, await serversOf(run, backend), problems)
      const servers = await serversOf(run, backend)
      await enableHealthy(run, backend, wanted, servers, problems)
      const serving = servers.some(({ address, status }) => wanted.has(address) && isServing(status))
      const rest = servers.filter(({ address }) => !wanted.has(address))
      for (const name of drainingSince.keys())
        if (!rest.some((server) => server.name === name)) drainingSince.delete(name)
      // The old filters stay until a new one takes traffic: better a removed filter than none.
      if (serving) for (const server of rest) await remove(run, backend, server)
      else if (rest.length > 0)
        problems.set('HAProxy', 'no listed filter takes traffic yet; the ones in use are kept until then')
      const settled = [...wanted.keys()].every((address) =>
        servers.some((server) => server.address === address && isServing(server.status)),
      )
      return { problems, settled: settled && problems.size === 0 }
    } catch (error) {
      problems.set('HAProxy', `not reached at ${haproxySocket}: ${(error as Error).message}`)
      return { problems, settled: false }
    }
  }

  /** address:port of every filter, with the endpoint that it belongs to. */
  const addressesOf = async (endpoints: readonly string[], problems: Map<string, string>) => {
    const wanted = new Map<string, string>()
    for (const endpoint of endpoints) {
      const url = new URL(endpoint)
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
      if (url.protocol !== 'http:') {
        problems.set(endpoint, 'not used: HAProxy speaks plain http with filters')
        continue
      }
      const found = await resolve(host).catch((error: Error) => {
        const known = lastKnown.get(host) ?? []
        problems.set(
          endpoint,
          `${error.message}${known.length > 0 ? '; its last known addresses are kept' : ''}`,
        )
        return known
      })
      lastKnown.set(host, found)
      for (const address of found)
        wanted.set(`${address.includes(':') ? `[${address}]` : address}:${url.port || '80'}`, endpoint)
    }
    return wanted
  }

  const addMissing = async (
    run: (command: string) => Promise<string>,
    backend: string,
    wanted: Map<string, string>,
    servers: Server[],
    problems: Map<string, string>,
  ) => {
    for (const [address, endpoint] of wanted) {
      if (servers.some((server) => server.address === address)) continue
      const server = `${backend}/${serverName(address)}`
      // default-server lines do not apply to servers added here, so the check is spelled out. Draining first:
      // HAProxy takes a new server for healthy until its checks say otherwise.
      const answer = await run(`add server ${server} ${address} check inter 1s fall 2 rise 1`)
      if (!answer.includes('New server registered')) {
        problems.set(endpoint, `refused by HAProxy: ${answer}`)
        continue
      }
      await run(`enable health ${server}`)
      await run(`set server ${server} state drain`)
      logger.info('filter added to HAProxy', { endpoint, address })
    }
  }

  const enableHealthy = async (
    run: (command: string) => Promise<string>,
    backend: string,
    wanted: Map<string, string>,
    servers: Server[],
    problems: Map<string, string>,
  ) => {
    for (const server of servers) {
      const endpoint = wanted.get(server.address)
      if (endpoint === undefined || isServing(server.status)) continue
      if (server.status.startsWith('DRAIN') && server.check.startsWith('L7OK')) {
        await run(`set server ${backend}/${server.name} state ready`)
        server.status = 'UP'
        logger.info('filter takes traffic', { endpoint, address: server.address })
      } else if (server.status.startsWith('MAINT')) {
        await run(`enable health ${backend}/${server.name}`)
        await run(`set server ${backend}/${server.name} state drain`)
        problems.set(endpoint, 'not checked yet')
      } else {
        problems.set(
          endpoint,
          server.status === 'DRAIN' ? 'not checked yet' : `health check failed (${server.check})`,
        )
      }
    }
  }

  const remove = async (run: (command: string) => Promise<string>, backend: string, server: Server) => {
    const target = `${backend}/${server.name}`
    const since = drainingSince.get(server.name)
    if (since === undefined) {
      drainingSince.set(server.name, Date.now())
      await run(`set server ${target} state drain`)
      logger.info('filter drains', { address: server.address })
      return
    }
    const overdue = Date.now() - since > drainTime
    if (server.sessions > 0 && !overdue) return
    await run(`set server ${target} state maint`)
    if (overdue) await run(`shutdown sessions server ${target}`)
    // Refused while a connection lingers; then the next round asks again.
    if ((await run(`del server ${target}`)).includes('Server deleted'))
      logger.info('filter removed from HAProxy', { address: server.address })
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

function isServing(status: string): boolean {
  return status.startsWith('UP') || status === 'no check'
}

/** A name that HAProxy accepts, and that says where the filter is. */
function serverName(address: string): string {
  return address.replace(/^\[(.*)\]:(\d+)$/, '$1-$2').replace(/^([\d.]+):(\d+)$/, '$1-$2')
}

async function serversOf(run: (command: string) => Promise<string>, backend: string): Promise<Server[]> {
  // 4: servers only; -1: all of them.
  const [head = '', ...lines] = (await run(`show stat ${backend} 4 -1`)).split('\n')
  if (!head.startsWith('# pxname,')) throw new Error(`backend ${backend}: ${head || 'no answer'}`)
  const columns = head.slice(2).split(',')
  return lines
    .filter((line) => line.startsWith(`${backend},`))
    .map((line) => {
      const cells = line.split(',')
      const cell = (column: string) => cells[columns.indexOf(column)] ?? ''
      return {
        name: cell('svname'),
        address: cell('addr'),
        status: cell('status'),
        check: cell('check_status').replace(/^\* /, ''),
        sessions: Number(cell('scur')) + Number(cell('qcur')),
      }
    })
}

/** Sends one command and reads the answer, on one line where it is a sentence. */
function runCommand(socketPath: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    const chunks: Buffer[] = []
    socket.setTimeout(2000, () => socket.destroy(new Error('no answer within 2 s')))
    // Not end(): HAProxy takes a half-closed connection for an aborted one. It closes after its answer.
    socket.on('connect', () => socket.write(`${command}\n`))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      const answer = Buffer.concat(chunks).toString().trim()
      resolve(answer.startsWith('#') || answer.includes(': ') ? answer : answer.replace(/\s+/g, ' '))
    })
  })
}

async function lookupAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}
