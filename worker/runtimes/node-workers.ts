// Several processes on one port of Node. The primary has the configuration, the config listener and the bans, and
// hands the connections out in turn (node:cluster). Not SO_REUSEPORT: when a process with a socket of its own ends,
// the kernel resets the connections that wait at it, so that no restart would be without failed requests.
import cluster, { type Worker } from 'node:cluster'
import { availableParallelism } from 'node:os'
import type { Address } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config.ts'
import { createProgramLogger, type Program, readSecrets, StartError } from '../../shared/node-program.ts'
import type { StrikeClass } from '../../shared/violations.ts'
import { type Ban, type BanStore, banPolicyOf } from '../bans/ban-store.ts'
import { createMemoryBans, type MemoryBans } from '../bans/memory.ts'
import { nodeSockets } from '../http1/sockets.ts'
import { type Metrics, sumOf } from '../metrics.ts'
import { createVerdictLog } from '../verdict-log.ts'
import {
  announce,
  DRAIN_TIME,
  type FilterService,
  openConfigListener,
  startService,
} from './filter-program.ts'

/** Milliseconds in which strikes gather before the primary is told. */
const STRIKE_DELAY = 20

/** Milliseconds that a worker has to tell its counters. */
const METRICS_TIMEOUT = 1_000

/** Milliseconds in which a client of a worker that retires sends its next request, and is told to go elsewhere. */
const RETIRE_GRACE = 1_000

/** Milliseconds after which a worker that should have ended is ended. */
const END_TIMEOUT = RETIRE_GRACE + 2 * DRAIN_TIME + 2_000

/** A worker that lived for fewer milliseconds is replaced after a pause only. */
const SHORT_LIFE = 5_000
const MAX_PAUSE = 10_000

interface Strikes {
  client: Address
  strikeClass: StrikeClass
  count: number
}

type ToWorker =
  | { type: 'start'; config: FilterConfig; bans: Ban[] }
  | { type: 'config'; config: FilterConfig }
  | { type: 'ban'; ban: Ban }
  | { type: 'lift'; client: Address }
  | { type: 'tell' }
  /** Serve what comes on the connections that there are, and end. */
  | { type: 'retire' }
  /** Finish what is under way, and end. */
  | { type: 'stop' }

type ToPrimary =
  | { type: 'listening'; address: string }
  | { type: 'failed'; message: string }
  | { type: 'strikes'; strikes: Strikes[] }
  | { type: 'metrics'; metrics: Metrics }

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
  const memory = createMemoryBans(banPolicyOf(store.current()), Date.now)
  const { banned } = createVerdictLog(logger)
  const members = new Set<Member>()
  /** What those that are gone had counted. */
  let past = sumOf([])
  let stopping = false
  let shortLives = 0

  const tellAll = (message: ToWorker) => {
    for (const { worker } of members) tell(worker, message)
  }

  const onStrikes = async (strikes: Strikes[]) => {
    for (const { client, strikeClass, count } of strikes) {
      const ban = await memory.strike(client, strikeClass, count)
      if (!ban) continue
      banned(ban, strikeClass)
      tellAll({ type: 'ban', ban })
    }
  }

  const onExit = (member: Member, end: string) => {
    members.delete(member)
    if (member.metrics) past = sumOf([past, withoutGauges(member.metrics)])
    member.told()
    if (member.state !== 'serving' || stopping) return
    logger.error('a worker ended; starting another', { pid: member.worker.process.pid, end })
    replace(Date.now() - member.since)
  }

  /** Starts a worker; resolves to its address when it listens. */
  const begin = async (): Promise<string> => {
    const worker = cluster.fork()
    const member: Member = {
      worker,
      since: Date.now(),
      state: 'starting',
      metrics: undefined,
      told: () => {},
    }
    members.add(member)
    const listening = new Promise<string>((resolve, reject) => {
      worker.on('message', (message: ToPrimary) => {
        if (message.type === 'strikes') void onStrikes(message.strikes)
        else if (message.type === 'failed') reject(new StartError(message.message))
        else if (message.type === 'metrics') {
          member.metrics = message.metrics
          member.told()
        } else {
          member.state = 'serving'
          resolve(message.address)
        }
      })
      worker.once('exit', (code, signal) => {
        const end = signal ?? `exit code ${code}`
        reject(new StartError(`a worker ended with ${end} before it listened`))
        onExit(member, end)
      })
    })
    tell(worker, { type: 'start', config: store.current(), bans: await memory.list() })
    return listening
  }

  const replace = (lived: number) => {
    shortLives = lived < SHORT_LIFE ? shortLives + 1 : 0
    const again = () => {
      if (stopping) return
      begin().catch((error: Error) => {
        logger.error(error.message)
        replace(0)
      })
    }
    setTimeout(again, shortLives === 0 ? 0 : Math.min(MAX_PAUSE, 25 * 2 ** shortLives))
  }

  /** Resolves when the worker is gone. */
  const end = (member: Member, type: 'retire' | 'stop'): Promise<void> =>
    new Promise((resolve) => {
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

  const metrics = async (): Promise<Metrics> => {
    const asked = [...members].map(
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
    const told = [...members].flatMap((member) => member.metrics ?? [])
    return { ...sumOf([past, ...told]), bans: memory.counters() }
  }

  const bans: BanStore = {
    ...memory,
    lift: (client) => {
      tellAll({ type: 'lift', client })
      return memory.lift(client)
    },
  }

  const stop = async () => {
    stopping = true
    await Promise.all([...members].map((member) => end(member, 'stop')))
  }

  const config = await openConfigListener(program, { bans, metrics })
  const addresses = await Promise.all(Array.from({ length: count }, begin)).catch(async (error) => {
    await Promise.all([stop(), config.close()])
    throw error
  })
  onConfigChange((next) => {
    memory.configure(banPolicyOf(next))
    tellAll({ type: 'config', config: next })
  })

  const roll = async () => {
    logger.info('SIGHUP: replacing the workers one after another')
    for (const old of [...members].filter(({ state }) => state === 'serving')) {
      if (stopping) return
      await begin()
      await end(old, 'retire')
    }
    logger.info('the workers are replaced')
  }
  let rolling = false
  process.on('SIGHUP', async () => {
    if (rolling) return
    rolling = true
    await roll().catch((error: Error) => logger.error(`${error.message}; the workers that are left go on`))
    rolling = false
  })

  announce(program, { listener: addresses[0]!, config: config.address }, async () => {
    await Promise.all([stop(), config.close()])
  })
}

/** A worker may end just as it is told something. */
function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

/** What is still true of a process that is gone: what waited in its queues is not. */
function withoutGauges(metrics: Metrics): Metrics {
  const relays = Object.entries(metrics.relays).map(([relay, counters]) => [
    relay,
    { ...counters, queued: 0 },
  ])
  return { ...metrics, relays: Object.fromEntries(relays) }
}

/** One of the processes below the primary: it has no configuration of its own, and serves until it is told to end. */
export async function runWorker(): Promise<void> {
  const logger = createProgramLogger()
  const memory = createMemoryBans(null, Date.now)
  const bans: MemoryBans = { ...memory, strike: gatherStrikes() }
  let config: FilterConfig | undefined
  let service: FilterService | undefined
  let ending = false

  const end = async (retire: boolean) => {
    if (ending) return
    ending = true
    if (retire) {
      service?.retire()
      await new Promise((resolve) => setTimeout(resolve, RETIRE_GRACE))
    }
    await service?.close(DRAIN_TIME)
    if (service) await toPrimary({ type: 'metrics', metrics: service.metrics() })
    process.exit(0)
  }

  const start = async (message: ToWorker & { type: 'start' }) => {
    config = message.config
    memory.configure(banPolicyOf(config))
    for (const ban of message.bans) memory.put(ban)
    try {
      const parts = {
        config: () => config!,
        bans,
        logger,
        secrets: await readSecrets(),
        sockets: nodeSockets,
      }
      service = await startService(parts)
      await toPrimary({ type: 'listening', address: service.address })
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      await toPrimary({ type: 'failed', message: error.message })
      process.exit(1)
    }
  }

  process.on('message', (message: ToWorker) => {
    if (message.type === 'start') void start(message)
    else if (message.type === 'config') {
      config = message.config
      memory.configure(banPolicyOf(config))
      service?.configure(config)
    } else if (message.type === 'ban') memory.put(message.ban)
    else if (message.type === 'lift') void memory.lift(message.client)
    else if (message.type === 'tell') {
      if (service) void toPrimary({ type: 'metrics', metrics: service.metrics() })
    } else void end(message.type === 'retire')
  })
  // A terminal, or a supervisor that signals a whole group, tells the workers as well.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(false))
  process.on('SIGHUP', () => {})
}

/** Resolves when the primary has been told; it may be gone. */
function toPrimary(message: ToPrimary): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, undefined, undefined, () => resolve())
    else resolve()
  })
}

/**
 * Strikes are counted by the primary, for all workers. They are told in bundles, so that a flood of violations is
 * not a flood of messages too; the ban comes back as a message.
 */
function gatherStrikes(): MemoryBans['strike'] {
  let waiting = new Map<string, Strikes>()
  const flush = () => {
    void toPrimary({ type: 'strikes', strikes: [...waiting.values()] })
    waiting = new Map()
  }
  return async (client, strikeClass, count) => {
    if (waiting.size === 0) setTimeout(flush, STRIKE_DELAY)
    const key = `${client} ${strikeClass}`
    const strikes = waiting.get(key)
    if (strikes) strikes.count += count
    else waiting.set(key, { client, strikeClass, count })
    return undefined
  }
}
