// The primary of several processes on one port of Node. It has the configuration, the config listener and the bans, and
// hands the connections out in turn (node:cluster). Not SO_REUSEPORT: when a process with a socket of its own ends,
// the kernel resets the connections that wait at it, so that no restart would be without failed requests.
import cluster, { type Worker } from 'node:cluster'
import { availableParallelism } from 'node:os'
import { addressIn } from '../../../shared/address.ts'
import type { FilterConfig } from '../../../shared/config/filter.ts'
import type { Logger } from '../../../shared/logger.ts'
import { countProcess, withoutProcessGauges } from '../../../shared/program/process-counts.ts'
import type { Program } from '../../../shared/program/program.ts'
import { StartError } from '../../../shared/program/start-error.ts'
import { sumOfTwo } from '../../../shared/sums.ts'
import { type Bans, banPolicyOf, createBans } from '../../bans/bans.ts'
import { nodeSockets } from '../../http1/sockets.ts'
import { type Metrics, sumOf } from '../../metrics.ts'
import { Nodes } from '../../nodes/nodes.ts'
import { withoutNodeGauges } from '../../nodes/nodes-api.ts'
import { createVerdictLog, type VerdictLog } from '../../verdict-log.ts'
import { announce, type LookAt, lookAt, openConfigListener } from '../filter-program.ts'
import { banDriverOf, openStore } from '../shared-state.ts'
import {
  DRAIN_TIME,
  dispatcher,
  RETIRE_GRACE,
  type Strikes,
  type ToPrimary,
  type ToWorker,
} from './messages.ts'
import { createQuestions, type Questions } from './questions.ts'

/** Milliseconds that a worker has to tell its counters. */
const METRICS_TIMEOUT = 1_000

/** Milliseconds after which a worker that should have ended is ended. */
const END_TIMEOUT = RETIRE_GRACE + 2 * DRAIN_TIME + 2_000

/** A worker that lived for fewer milliseconds is replaced after a pause only. */
const SHORT_LIFE = 5_000
const MAX_PAUSE = 10_000

/** How many processes a configuration asks for. */
export function workersOf({ workers }: FilterConfig): number {
  return workers === 'auto' ? availableParallelism() : workers
}

/** A worker as the primary knows it. */
interface Member {
  worker: Worker
  /** Unix time in milliseconds. */
  since: number
  state: 'starting' | 'serving' | 'ending'
  metrics: Metrics | undefined
  /** Called when the metrics have come. */
  told(): void
}

/** The filter in `count` processes below this one. */
export async function startWorkers(program: Program<FilterConfig>, count: number): Promise<void> {
  const { logger, store, onConfigChange } = program
  const { now } = Date
  const shared = await openStore(store.current(), logger)
  const driver = banDriverOf(shared)
  const known = createBans(driver, banPolicyOf(store.current()), {
    logger,
    now,
    follower: {
      put: (ban) => workers.tellAll({ type: 'ban', ban }),
      drop: (network) => workers.tellAll({ type: 'lift', client: addressIn(network) }),
    },
  })
  const nodes: Nodes = new Nodes({
    logger,
    onChange: () => workers.tellAll({ type: 'nodes', nodes: nodes.known() }),
  })
  nodes.configure(store.current())
  const looks = lookAt(nodes, store.current, nodeSockets)
  const workers: Workers = new Workers({
    logger,
    config: store.current,
    bans: known,
    nodes,
    looks,
    onEnd: (end) => config.workerEnded(end),
  })
  const bans: Pick<Bans, 'list' | 'lift' | 'ban'> = {
    list: known.list,
    ban: async (client, seconds) => {
      const ban = await known.ban(client, seconds)
      workers.tellAll({ type: 'ban', ban })
      return ban
    },
    lift: (client) => {
      workers.tellAll({ type: 'lift', client })
      return known.lift(client)
    },
  }
  const processCounts = countProcess()
  const metrics = async () => {
    const { process, store, ...sums } = await workers.metrics()
    return {
      ...sums,
      bans: known.counters(),
      process: sumOfTwo(process, processCounts()),
      store: sumOfTwo(store, shared && { ...shared.counters }),
    }
  }
  const config = await openConfigListener(program, {
    bans,
    nodes,
    looks,
    metrics,
    insight: workers.questions,
  })
  const addresses = await Promise.all(Array.from({ length: count }, () => workers.begin())).catch(
    async (error) => {
      await Promise.all([workers.stop(), config.close()])
      throw error
    },
  )
  onConfigChange((next) => {
    known.configure(banPolicyOf(next))
    workers.tellAll({ type: 'config', config: next })
    // Those that other filters went on with, where bans were off here.
    void known.list().then((bans) => {
      for (const ban of bans) workers.tellAll({ type: 'ban', ban })
    })
  })
  process.on('SIGHUP', () => void workers.roll())
  announce(program, { listener: addresses[0]!, config: config.address }, looks, async () => {
    await Promise.all([workers.stop(), config.close()])
    driver.close?.()
    shared?.close()
  })
}

interface WorkersParts {
  logger: Logger
  config(): FilterConfig
  bans: Bans
  nodes: Nodes
  looks: LookAt
  /** Told why a worker ended that was to serve on. */
  onEnd(end: string): void
}

class Workers {
  readonly #logger: Logger
  readonly #config: () => FilterConfig
  readonly #bans: Bans
  readonly #nodes: Nodes
  readonly #looks: LookAt
  readonly #onEnd: WorkersParts['onEnd']
  readonly #banned: VerdictLog['banned']
  readonly #members = new Set<Member>()
  /** What those that are gone had counted. */
  #past = sumOf([])
  #stopping = false
  #rolling = false
  #shortLives = 0
  readonly questions: Questions = createQuestions((id, question) => {
    const asked = this.#serving()
    for (const { worker } of asked) tell(worker, { type: 'ask', id, question })
    return asked
  })

  constructor({ logger, config, bans, nodes, looks, onEnd }: WorkersParts) {
    this.#logger = logger
    this.#config = config
    this.#bans = bans
    this.#nodes = nodes
    this.#looks = looks
    this.#onEnd = onEnd
    this.#banned = createVerdictLog(logger).banned
  }

  #tellOthers(except: Worker, message: ToWorker): void {
    for (const { worker } of this.#members) if (worker !== except) tell(worker, message)
  }

  tellAll(message: ToWorker): void {
    for (const { worker } of this.#members) tell(worker, message)
  }

  #serving(): Member[] {
    return [...this.#members].filter(({ state }) => state === 'serving')
  }

  /** Starts a worker; resolves to its address when it listens. */
  async begin(): Promise<string> {
    const worker = cluster.fork()
    const member: Member = {
      worker,
      since: Date.now(),
      state: 'starting',
      metrics: undefined,
      told: () => {},
    }
    this.#members.add(member)
    const listening = new Promise<string>((resolve, reject) => {
      worker.on(
        'message',
        dispatcher<ToPrimary>({
          strikes: ({ strikes }) => void this.#strike(strikes),
          failed: ({ message }) => reject(new StartError(message)),
          counted: ({ counted }) => this.#tellOthers(worker, { type: 'counted', counted }),
          failure: ({ node }) => this.#looks.soon(node),
          ejection: ({ node, why }) => this.#nodes.eject(node, why),
          metrics: ({ metrics }) => {
            member.metrics = metrics
            member.told()
          },
          answer: ({ id, answer }) => this.questions.answered(member, id, answer),
          listening: ({ address }) => {
            member.state = 'serving'
            resolve(address)
          },
        }),
      )
      worker.once('exit', (code, signal) => {
        const end = signal ?? `exit code ${code}`
        reject(new StartError(`a worker ended with ${end} before it listened`))
        this.#gone(member, end)
      })
    })
    const [config, nodes] = [this.#config(), this.#nodes.known()]
    tell(worker, { type: 'start', config, bans: await this.#bans.list(), nodes })
    return listening
  }

  async #strike(strikes: Strikes[]): Promise<void> {
    for (const { network, strikeClass, count } of strikes) {
      const ban = await this.#bans.strike(addressIn(network), strikeClass, count)
      if (!ban) continue
      this.#banned(ban, strikeClass)
      this.tellAll({ type: 'ban', ban })
    }
  }

  #gone(member: Member, end: string): void {
    this.#members.delete(member)
    if (member.metrics) this.#past = sumOf([this.#past, withoutGauges(member.metrics)])
    member.told()
    this.questions.gone(member)
    if (member.state !== 'serving' || this.#stopping) return
    this.#logger.error('a worker ended; starting another', { pid: member.worker.process.pid, end })
    this.#onEnd(end)
    this.#replace(Date.now() - member.since)
  }

  #replace(lived: number): void {
    this.#shortLives = lived < SHORT_LIFE ? this.#shortLives + 1 : 0
    const again = () => {
      if (this.#stopping) return
      this.begin().catch((error: Error) => {
        this.#logger.error(error.message)
        this.#replace(0)
      })
    }
    setTimeout(again, this.#shortLives === 0 ? 0 : Math.min(MAX_PAUSE, 25 * 2 ** this.#shortLives))
  }

  /** Resolves when the worker is gone. */
  #end(member: Member, type: 'retire' | 'stop'): Promise<void> {
    return new Promise((resolve) => {
      const { worker } = member
      member.state = 'ending'
      if (worker.isDead()) return resolve()
      const timer = setTimeout(() => worker.process.kill('SIGKILL'), END_TIMEOUT)
      worker.once('exit', () => {
        clearTimeout(timer)
        resolve()
      })
      tell(worker, { type })
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all([...this.#members].map((member) => this.#end(member, 'stop')))
  }

  async metrics(): Promise<Metrics> {
    const asked = [...this.#members].map(
      (member) =>
        new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, METRICS_TIMEOUT)
          member.told = () => {
            clearTimeout(timer)
            resolve()
          }
          tell(member.worker, { type: 'tell' })
        }),
    )
    await Promise.all(asked)
    return sumOf([this.#past, ...[...this.#members].flatMap((member) => member.metrics ?? [])])
  }

  /** Replaces the workers one after another, without a failed request. */
  async roll(): Promise<void> {
    if (this.#rolling) return
    this.#rolling = true
    this.#logger.info('SIGHUP: replacing the workers one after another')
    try {
      for (const old of this.#serving()) {
        if (this.#stopping) return
        await this.begin()
        await this.#end(old, 'retire')
      }
      this.#logger.info('the workers are replaced')
    } catch (error) {
      this.#logger.error(`${(error as Error).message}; the workers that are left go on`)
    } finally {
      this.#rolling = false
    }
  }
}

/** A worker may end just as it is told something. */
function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

/** What is still true of a process that is gone: what waited in its queues is not. */
function withoutGauges(metrics: Metrics): Metrics {
  const relays = Object.entries(metrics.relays).map(([relay, counters]) => [
    relay,
    { ...counters, queued: 0, oldest: 0 },
  ])
  return {
    ...metrics,
    reads: { ...metrics.reads, entries: 0, bytes: 0 },
    relays: Object.fromEntries(relays),
    nodes: withoutNodeGauges(metrics.nodes),
    traffic: { ...metrics.traffic, underWay: 0 },
    listener: metrics.listener && { ...metrics.listener, connections: 0 },
    process: metrics.process && withoutProcessGauges(metrics.process),
    store: metrics.store && { ...metrics.store, away: 0 },
  }
}
