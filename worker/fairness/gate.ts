// The gate before one node: lets in as many requests as the node does best with, and has the others wait in fair turns.
// Transactions and reads are two classes, whichever used less of the node's time lately first; what everybody needs
// before anything else (get_info) is a third one with room of its own.
import type { FairnessConfig } from '../../shared/config/fairness.ts'
import { type Controller, createController } from './controller.ts'
import { createCosts } from './costs.ts'
import { createFairQueue, type FairQueue, type Waiting } from './fair-queue.ts'
import { createUsage, type Usage } from './usage.ts'

export type RequestClass = 'push' | 'read' | 'info'

/** What each client network used, by class: who pushes much waits with pushes, not with reads. */
export type ClassUsage = Readonly<Record<RequestClass, Usage>>

export const createClassUsage = (): ClassUsage => ({
  push: createUsage(),
  read: createUsage(),
  info: createUsage(),
})

/** Why a request was not let in. */
export type GateTrouble =
  /** It waited too long, or too many others wait. */
  | 'overloaded'
  /** Its client has left. */
  | 'gone'
  /** The node is out. */
  | 'moved'

/** One request at a gate. */
export interface Ticket extends Waiting {
  readonly requestClass: RequestClass
  /** Set by the gate: milliseconds that were charged when it was let in. */
  charged: number
}

/** Who waits, and may leave. */
export interface Leaver {
  whenGone: (() => void) | undefined
}

/** Bytes of request bodies that wait. */
const MAX_BYTES = 33_554_432

/** Milliseconds after which one of the requests that nobody waits behind is looked at again. */
const SAMPLE_INTERVAL = 10

/** Milliseconds for which a node is taken to be shared after requests of two networks left it in turn. */
const SHARED = 1_000

interface Entry extends Waiting {
  ticket: Ticket
  resolve(trouble: GateTrouble | undefined): void
  timer: NodeJS.Timeout
}

export interface GateCounts {
  /** Requests that had to wait, and that were turned away. */
  waited: number
  overloaded: number
}

export class Gate {
  readonly counts: GateCounts = { waited: 0, overloaded: 0 }
  readonly #config: FairnessConfig
  readonly #controller: Controller
  /** Of client networks in each class, shared by all gates. */
  readonly #usage: ClassUsage
  /** Of the classes. */
  readonly #classes: Usage = createUsage()
  readonly #costs = createCosts()
  readonly #queues: Record<RequestClass, FairQueue<Entry>>
  /** Requests in the node, and those of them that are get_info. */
  #inside = 0
  #infos = 0
  /** Whose request left last, and when it was another one's before. */
  #network = ''
  #sharedAt = Number.NEGATIVE_INFINITY
  #sampledAt = Number.NEGATIVE_INFINITY
  #lastLeft = 0

  constructor(config: FairnessConfig, usage: ClassUsage) {
    this.#config = config
    this.#usage = usage
    this.#controller = createController(config.concurrency)
    this.#queues = {
      push: createFairQueue(usage.push, this.#costs),
      read: createFairQueue(usage.read, this.#costs),
      info: createFairQueue(usage.info, this.#costs),
    }
  }

  get waiting(): number {
    return this.#queues.push.length + this.#queues.read.length + this.#queues.info.length
  }

  get limit(): number {
    return this.#controller.limit
  }

  get inside(): number {
    return this.#inside + this.#infos
  }

  /** Undefined: let in. Else resolves when its turn has come, or to why there is none. */
  enter(ticket: Ticket, client: Leaver | undefined): Promise<GateTrouble | undefined> | undefined {
    const queue = this.#queues[ticket.requestClass]
    if (queue.length === 0 && this.#hasRoom(ticket.requestClass)) {
      this.#admit(ticket)
      return undefined
    }
    if (!this.#makeRoom(ticket)) {
      this.counts.overloaded++
      return Promise.resolve('overloaded')
    }
    this.counts.waited++
    return new Promise((resolve) => {
      const give = (trouble: GateTrouble) => {
        queue.remove(entry)
        this.#turnAway(entry, trouble)
      }
      const timer = setTimeout(() => give('overloaded'), this.#config.maxWait * 1000)
      const { network, bytes, kind } = ticket
      const entry: Entry = { ticket, network, bytes, kind, resolve, timer }
      queue.push(entry)
      if (client) client.whenGone = () => give('gone')
    })
  }

  /** A request is through, after so many milliseconds; 0 where it came to nothing. Returns its share of them. */
  leave(ticket: Ticket, milliseconds: number): number {
    const now = performance.now()
    const share = this.#shareOf(milliseconds, now)
    if (ticket.requestClass === 'info') this.#infos--
    else this.#inside--
    if (milliseconds > 0) {
      const { isPressed } = this
      if (ticket.network !== this.#network) {
        this.#network = ticket.network
        this.#sharedAt = now
      }
      // What requests take unhurried is known by a few of them.
      if (ticket.requestClass !== 'info' && (isPressed || now - this.#sampledAt >= SAMPLE_INTERVAL)) {
        const { kind } = ticket
        this.#sampledAt = now
        this.#costs.add(kind, share)
        if (isPressed) this.#controller.pressed(kind, milliseconds, this.#inside, now)
        else this.#controller.calm(kind, milliseconds, this.#inside, now - this.#sharedAt < SHARED, now)
      }
    }
    this.#charge(ticket, share - ticket.charged, now)
    if (this.waiting > 0) this.#next(now)
    return share
  }

  /**
   * What of the time was its own: at most that since another one was through, as a node that is asked for all it can do
   * begins with one when it ends another. All shares together are the time that the node worked.
   */
  #shareOf(milliseconds: number, now: number): number {
    const since = now - this.#lastLeft
    this.#lastLeft = now
    return Math.min(since, milliseconds)
  }

  /** The node is out: what waits for it goes elsewhere. */
  empty(): void {
    const now = performance.now()
    for (const queue of Object.values(this.#queues))
      for (let entry = queue.shift(now); entry; entry = queue.shift(now)) this.#turnAway(entry, 'moved')
  }

  get isPressed(): boolean {
    return this.#queues.push.length + this.#queues.read.length > 0
  }

  #hasRoom(requestClass: RequestClass): boolean {
    const { limit } = this.#controller
    return requestClass === 'info' ? this.#infos < Math.max(2, limit) : this.#inside < limit
  }

  #admit({ requestClass }: Ticket): void {
    if (requestClass === 'info') this.#infos++
    else this.#inside++
  }

  #charge({ requestClass, network }: Ticket, milliseconds: number, now: number): void {
    if (milliseconds === 0) return
    this.#usage[requestClass].add(network, milliseconds, now)
    this.#classes.add(requestClass, milliseconds, now)
  }

  /** Where too many wait, the last one of whoever has the most goes, unless that is the new one's own network. */
  #makeRoom({ network, requestClass, bytes }: Ticket): boolean {
    const isFull = () => this.waiting >= this.#config.maxQueue || this.#bytes() + bytes > MAX_BYTES
    while (isFull()) {
      const shed = this.#queues[requestClass].shed(network, performance.now())
      if (!shed) return false
      this.#turnAway(shed, 'overloaded')
    }
    return true
  }

  #bytes(): number {
    return this.#queues.push.bytes + this.#queues.read.bytes + this.#queues.info.bytes
  }

  #turnAway({ timer, resolve }: Entry, trouble: GateTrouble): void {
    clearTimeout(timer)
    if (trouble === 'overloaded') this.counts.overloaded++
    resolve(trouble)
  }

  /** Lets in whoever there is room for. */
  #next(now: number): void {
    for (let entry = this.#shift(now); entry; entry = this.#shift(now)) {
      const { timer, ticket, kind, resolve } = entry
      const cost = this.#costs.of(kind)
      clearTimeout(timer)
      this.#admit(ticket)
      // What is under way counts, or whoever asks for much at one time would have several turns for one.
      ticket.charged = cost
      this.#charge(ticket, cost, now)
      resolve(undefined)
    }
  }

  #shift(now: number): Entry | undefined {
    const { push, read, info } = this.#queues
    if (info.length > 0 && this.#hasRoom('info')) return info.shift(now)
    if (!this.#hasRoom('read')) return undefined
    if (push.length === 0 || read.length === 0) return (push.length > 0 ? push : read).shift(now)
    const isPushNext = this.#classes.of('push', now) <= this.#classes.of('read', now)
    return (isPushNext ? push : read).shift(now)
  }
}
