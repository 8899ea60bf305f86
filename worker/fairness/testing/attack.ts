// One node behind a gate, a good client and attackers, over simulated time: what each of them gets.
import { vi } from 'vitest'
import type { FairnessConfig } from '../../../shared/config/fairness.ts'
import { createClassUsage, Gate, type RequestClass, type Ticket } from '../gate.ts'
import { randomFrom } from './simulation.ts'

export interface Attack {
  addresses: number
  /** Requests that each address has under way at one time. */
  each: number
  /** Milliseconds that one takes, on average; half of that at the least. */
  cost: number
  requestClass: RequestClass
  /** For how long the good client is looked at. */
  seconds: number
}

export interface Suffered {
  /** The share of the good client's requests that were let in. */
  served: number
  /** Milliseconds from its request to the answer. */
  p50: number
  p99: number
  /** The most that one attacking address had, in fair shares of the time. */
  most: number
  /** The share of its time that the node worked. */
  busy: number
}

/** What the good client sends, in turn, and the milliseconds that each takes. */
const GOOD: [RequestClass, kind: string, cost: number][] = [
  ['info', 'info', 0.2],
  ['read', 'read', 0.5],
  ['push', 'push', 1],
]
const GOOD_RATE = 60

/** Milliseconds after which whoever is refused comes again. */
const PAUSE = 100

/** Milliseconds in which the last requests are answered. */
const LAST = 1_000

/** Seconds that an attack lasts before the good client comes. */
const SETTLING = 4

/** Needs fake timers. */
export async function suffer(config: FairnessConfig, attack: Attack, threads: number): Promise<Suffered> {
  const gate = new Gate(config, createClassUsage())
  const events: { at: number; run(): void }[] = []
  const at = (time: number, run: () => void) => {
    let place = events.length
    while (place > 0 && events[place - 1]!.at > time) place--
    events.splice(place, 0, { at: time, run })
  }
  const random = randomFrom(1)
  const freeAt = Array.from({ length: threads }, () => 0)
  const used = new Map<string, number>()
  const from = SETTLING * 1000
  const until = from + attack.seconds * 1000
  const began = performance.now()
  const now = () => performance.now() - began

  const ask = (
    network: string,
    requestClass: RequestClass,
    kind: string,
    cost: number,
    done: (ok: boolean) => void,
  ) => {
    const ticket: Ticket = { network, requestClass, kind, bytes: 0, charged: 0 }
    const enter = () => {
      const entered = now()
      const thread = freeAt.indexOf(Math.min(...freeAt))
      freeAt[thread] = Math.max(entered, freeAt[thread]!) + cost
      if (entered >= from) used.set(network, (used.get(network) ?? 0) + cost)
      at(freeAt[thread]!, () => {
        gate.leave(ticket, now() - entered)
        done(true)
      })
    }
    const waiting = gate.enter(ticket, undefined)
    if (!waiting) enter()
    else void waiting.then((trouble) => (trouble === undefined ? enter() : done(false)))
  }

  for (let one = 0; one < attack.addresses * attack.each; one++) {
    const network = `10.0.0.${one % attack.addresses}`
    const again = () =>
      ask(network, attack.requestClass, 'attack', attack.cost * (0.5 + random()), (ok) =>
        at(now() + (ok ? 1 : PAUSE), again),
      )
    // All begin within half a second.
    at(random() * 500, again)
  }
  const times: number[] = []
  let sent = 0
  const good = () => {
    const [requestClass, kind, cost] = GOOD[sent++ % GOOD.length]!
    const asked = now()
    ask('good', requestClass, kind, cost, (ok) => {
      if (ok) times.push(now() - asked)
    })
    if (asked + 1000 / GOOD_RATE < until) at(asked + 1000 / GOOD_RATE, good)
  }
  at(from, good)

  for (let next = events.shift(); next && next.at < until + LAST; next = events.shift()) {
    await vi.advanceTimersByTimeAsync(Math.max(0, next.at - now()))
    next.run()
    await Promise.resolve()
  }
  times.sort((a, b) => a - b)
  const ofAttackers = [...used]
    .filter(([network]) => network !== 'good')
    .map(([, milliseconds]) => milliseconds)
  const all = [...used.values()].reduce((sum, milliseconds) => sum + milliseconds, 0)
  const elapsed = until + LAST - from
  return {
    served: times.length / sent,
    p50: times[Math.floor(times.length * 0.5)]!,
    p99: times[Math.floor(times.length * 0.99)]!,
    most: Math.max(0, ...ofAttackers) / ((threads * elapsed) / (attack.addresses + 1)),
    busy: all / threads / elapsed,
  }
}
