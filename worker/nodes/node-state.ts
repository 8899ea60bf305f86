// What is known of one node at this moment: by looks at it, and by what came of the requests it was sent.
import { Histogram, WAITING_BOUNDS } from '../../shared/histogram.ts'
import type { Gate } from '../fairness/gate.ts'
import type { ChainInfo } from './chain-info.ts'
import type { Node } from './node.ts'

/** How a request to a node failed. */
export type NodeFailure =
  /** No connection was made. */
  | 'unconnected'
  /** The connection broke before the answer was whole. */
  | 'closed'
  /** No answer in time. */
  | 'late'
  /** 429, 502 or 503: nodeos's "Busy", or a gateway before it. */
  | 'busy'

export const nodeFailures = ['unconnected', 'closed', 'late', 'busy'] as const satisfies NodeFailure[]

/** Statuses by which a node, or a gateway before it, says that it has not done what it was asked. */
export const isBusy = (status: number): boolean => status === 429 || status === 502 || status === 503

/** Counters of one node. */
export interface NodeCounts extends Record<NodeFailure, number> {
  requests: number
  /** Answers whose head has come, and the seconds that took in all. */
  answers: number
  seconds: number
  ejections: number
  /** Requests that were asked of it after another node had failed them. */
  retries: number
}

const noCounts = (): NodeCounts => ({
  requests: 0,
  answers: 0,
  seconds: 0,
  ejections: 0,
  retries: 0,
  unconnected: 0,
  closed: 0,
  late: 0,
  busy: 0,
})

/** What a look found, or what the primary of several processes says that it found. */
export interface Health {
  name: string
  origin: string
  /** Why it is out; undefined where it is in. */
  out: string | undefined
  /** Of its last good answer to get_info. */
  info: ChainInfo | undefined
  /** Unix time in milliseconds of the last look; 0 where there was none. */
  lookedAt: number
  /** Blocks behind the best node. */
  lag: number
  /** Unix time in milliseconds until which it takes no requests because they failed; why. */
  ejectedUntil: number
  ejectedFor: string
}

/** Something under way that may be asked of another node instead. */
export interface Waiting {
  giveUp(): void
}

export class NodeState {
  readonly node: Node
  /** Lets requests in by turns; undefined where none waits. */
  gate: Gate | undefined
  readonly health: Health
  counts: NodeCounts = noCounts()
  /** Seconds that requests waited for their turn, and until the heads of answers. */
  readonly times = { turn: new Histogram(WAITING_BOUNDS), answer: new Histogram(WAITING_BOUNDS) }
  /** Requests that it was sent and has not answered. */
  underWay = 0
  /** Those among them that can be asked of another node. */
  readonly waiting = new Set<Waiting>()
  /** Good looks in a row. */
  goodLooks = 0
  /** Failed requests in a row. */
  failures = 0
  /** Ejections in a row, each of which lasts twice as long. */
  ejections = 0
  /** It was ejected, and has given no good answer since. */
  isOnTrial = false
  /** Unix time in milliseconds at which its certificate expires; 0 where there is none, or it is not known. */
  certificateUntil = 0
  /** Unix time in milliseconds of its last answer to anything. */
  answeredAt = 0
  /** The state of smooth weighted round-robin. */
  turn = 0

  constructor(node: Node) {
    const { name, origin } = node
    this.node = node
    this.health = {
      name,
      origin,
      out: undefined,
      info: undefined,
      lookedAt: 0,
      lag: 0,
      ejectedUntil: 0,
      ejectedFor: '',
    }
  }

  get name(): string {
    return this.node.name
  }

  /** It was looked at, or there is nothing to wait for. */
  get isKnown(): boolean {
    return this.health.lookedAt > 0 || this.node.isOnly
  }

  isEjected(now: number): boolean {
    return this.health.ejectedUntil > now
  }

  /** Neither looks nor requests speak against it. */
  isFit(now: number): boolean {
    return this.health.out === undefined && !this.isEjected(now)
  }

  /** Whether it takes its share of requests. */
  isIn(now: number): boolean {
    return this.node.isOnly || (this.isKnown && this.isFit(now))
  }
}
