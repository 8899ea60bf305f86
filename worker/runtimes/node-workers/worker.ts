// A worker process below the primary. It has no configuration of its own and serves until it is told to stop.
import { clientNetwork } from '../../../shared/address.ts'
import type { FilterConfig } from '../../../shared/config/filter.ts'
import type { Logger } from '../../../shared/logger.ts'
import { createProgramLogger, readSecrets } from '../../../shared/program/program.ts'
import { StartError } from '../../../shared/program/start-error.ts'
import { type BanDriver, banPolicyOf, createBans } from '../../bans/bans.ts'
import { nodeSockets } from '../../http1/sockets.ts'
import type { InsightAnswers } from '../../insight.ts'
import type { Counted } from '../../limits/rate-limits.ts'
import { Nodes } from '../../nodes/nodes.ts'
import { type FilterService, startService } from '../filter-program.ts'
import { openStore } from '../shared-state.ts'
import {
  DRAIN_TIME,
  dispatcher,
  type Question,
  RETIRE_GRACE,
  type Strikes,
  type ToPrimary,
  type ToWorker,
} from './messages.ts'

/** Milliseconds between two words on a node that fails requests. */
const FAILURE_INTERVAL = 1_000

/** Milliseconds in which strikes gather before the primary is told. */
const STRIKE_DELAY = 20

export async function runWorker(): Promise<void> {
  const logger = createProgramLogger()
  const bans = createBans(primaryBanDriver(), null, { logger, now: Date.now })
  const nodes = primaryNodes(logger)
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
    bans.configure(banPolicyOf(config))
    for (const ban of message.bans) bans.put(ban)
    nodes.configure(config)
    nodes.told(message.nodes)
    try {
      const parts = {
        config: () => config!,
        bans,
        nodes,
        logger,
        secrets: await readSecrets(),
        sockets: nodeSockets,
        shared: await openStore(config, logger),
        tellCounted: bundled((counted) => void toPrimary({ type: 'counted', counted })),
      }
      service = await startService(parts)
      await toPrimary({ type: 'listening', address: service.address })
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      await toPrimary({ type: 'failed', message: error.message })
      process.exit(1)
    }
  }

  process.on(
    'message',
    dispatcher<ToWorker>({
      start: (message) => void start(message),
      config: (message) => {
        config = message.config
        bans.configure(banPolicyOf(config))
        nodes.configure(config)
        service?.configure(config)
      },
      counted: ({ counted }) => service?.takeCounted(counted),
      ask: async ({ id, question }) => {
        const answer = await (service && answerTo(service.insight, question))
        void toPrimary({ type: 'answer', id, answer })
      },
      nodes: ({ nodes: known }) => nodes.told(known),
      ban: ({ ban }) => bans.put(ban),
      lift: ({ client }) => bans.drop(clientNetwork(client)),
      tell: () => {
        if (service) void toPrimary({ type: 'metrics', metrics: service.metrics() })
      },
      retire: () => void end(true),
      stop: () => void end(false),
    }),
  )
  // A terminal, or a supervisor that signals a whole group, tells the workers as well.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(false))
  process.on('SIGHUP', () => service?.reopenLogs())
}

function answerTo(insight: InsightAnswers, { name, about }: Question): Promise<unknown> {
  if (name === 'top') return insight.top(about)
  if (name === 'verdicts') return insight.verdicts(about)
  if (name === 'trial') return insight.trial(about)
  if (name === 'limits') return insight.limits()
  return name === 'time' ? insight.time() : insight.relayErrors()
}

/** What rate limits count is told in bundles, the same key once in each. */
function bundled(tell: (counted: Counted[]) => void): (counted: Counted) => void {
  let waiting = new Map<string, Counted>()
  const flush = () => {
    tell([...waiting.values()])
    waiting = new Map()
  }
  return ({ name, key, amount }) => {
    if (waiting.size === 0) setTimeout(flush, STRIKE_DELAY)
    const id = `${name}\n${key}`
    const counted = waiting.get(id)
    if (counted) counted.amount += amount
    else waiting.set(id, { name, key, amount })
  }
}

/** The primary looks at the nodes and logs what changes; a worker tells what its requests met. */
function primaryNodes(logger: Logger): Nodes {
  const toldAt = new Map<string, number>()
  return new Nodes({
    logger,
    onFailure: (node) => {
      const now = Date.now()
      if (now - (toldAt.get(node) ?? 0) < FAILURE_INTERVAL) return
      toldAt.set(node, now)
      void toPrimary({ type: 'failure', node })
    },
    onEjection: (node, why) => void toPrimary({ type: 'ejection', node, why }),
  })
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
function primaryBanDriver(): BanDriver {
  let waiting = new Map<string, Strikes>()
  const flush = () => {
    void toPrimary({ type: 'strikes', strikes: [...waiting.values()] })
    waiting = new Map()
  }
  return {
    strike: async (network, strikeClass, count) => {
      if (waiting.size === 0) setTimeout(flush, STRIKE_DELAY)
      const key = `${network} ${strikeClass}`
      const strikes = waiting.get(key)
      if (strikes) strikes.count += count
      else waiting.set(key, { network, strikeClass, count })
      return { ban: undefined, began: false }
    },
    // The operator asks the primary, which has the config listener.
    read: async () => [],
    list: async () => [],
    lift: async () => false,
  }
}
