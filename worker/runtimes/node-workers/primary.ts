// The primary of several processes on one port of Node. It has the configuration, the config listener and the bans, and
// hands the connections out in turn (node:cluster). Not SO_REUSEPORT: when a process with a socket of its own ends,
// the kernel resets the connections that wait at it, so that no restart would be without failed requests.
import cluster, { type Worker } from 'node:cluster'
import { availableParallelism } from 'node:os'
import { addressIn } from '../../../shared/address.ts'
import type { FilterConfig } from '../../../shared/config/filter.ts'
import { type Program, StartError } from '../../../shared/node-program.ts'
import { type Bans, banPolicyOf, createBans } from '../../bans/bans.ts'
import { memoryBanDriver } from '../../bans/drivers/memory.ts'
import { nodeSockets } from '../../http1/sockets.ts'
import { type Metrics, sumOf } from '../../metrics.ts'
import { createVerdictLog } from '../../verdict-log.ts'
import { announce, openConfigListener } from '../filter-program.ts'
import {
  DRAIN_TIME,
  dispatcher,
  RETIRE_GRACE,
  type Strikes,
  type ToPrimary,
  type ToWorker,
} from './messages.ts'

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
  const memory = createBans(memoryBanDriver(now), banPolicyOf(store.current()), { logger, now })
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
    for (const { network, strikeClass, count } of strikes) {
      const ban = await memory.strike(addressIn(network), strikeClass, count)
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
      worker.on(
        'message',
        dispatcher<ToPrimary>({
          strikes: ({ strikes }) => void onStrikes(strikes),
          failed: ({ message }) => reject(new StartError(message)),
          metrics: ({ metrics }) => {
            member.metrics = metrics
            member.told()
          },
          listening: ({ address }) => {
            member.state = 'serving'
            resolve(address)
          },
        }),
      )
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

  const bans: Pick<Bans, 'list' | 'lift'> = {
    list: memory.list,
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

  announce(program, { listener: addresses[0]!, config: config.address }, nodeSockets, async () => {
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
