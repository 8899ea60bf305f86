// Who is let in, and when.
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  type ClassUsage,
  createClassUsage,
  Gate,
  type GateTrouble,
  type RequestClass,
  type Ticket,
} from './gate.ts'
import { createUsage } from './usage.ts'

let usage: ClassUsage
beforeEach(() => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  usage = createClassUsage()
})

const gateOf = (settings: object = {}) =>
  new Gate({ concurrency: 1, maxWait: 5, maxQueue: 1_000, ...settings }, usage)
const ticket = (network: string, requestClass: RequestClass = 'read', bytes = 0): Ticket => ({
  network,
  requestClass,
  kind: requestClass,
  bytes,
  charged: 0,
})

/** Enters, and notes in `order` how that ended. */
function enter(
  gate: Gate,
  order: string[],
  name: string,
  one: Ticket,
  client?: { whenGone: (() => void) | undefined },
) {
  const note = (trouble: GateTrouble | undefined) => order.push(trouble ? `${name} ${trouble}` : name)
  const waiting = gate.enter(one, client)
  if (waiting) void waiting.then(note)
  else note(undefined)
}

it('lets in as many as the limit, and the others in turn', async () => {
  const gate = gateOf({ concurrency: 2 })
  const order: string[] = []
  const tickets = ['a', 'b', 'c', 'd'].map((network) => ticket(network))
  for (const one of tickets) enter(gate, order, one.network, one)
  expect([order, gate.waiting]).toEqual([['a', 'b'], 2])
  gate.leave(tickets[0]!, 1)
  await vi.advanceTimersByTimeAsync(0)
  expect([order, gate.waiting, gate.inside]).toEqual([['a', 'b', 'c'], 1, 2])
})

it('serves whoever used least lately, not whoever asks most', async () => {
  const gate = gateOf()
  const order: string[] = []
  const greedy = Array.from({ length: 6 }, () => ticket('greedy'))
  for (const one of greedy) enter(gate, order, 'greedy', one)
  const modest = ticket('modest')
  enter(gate, order, 'modest', modest)
  await vi.advanceTimersByTimeAsync(30)
  gate.leave(greedy[0]!, 30)
  await vi.advanceTimersByTimeAsync(0)
  expect(order).toEqual(['greedy', 'modest'])
  // A little is still less than what the other one used.
  await vi.advanceTimersByTimeAsync(1)
  gate.leave(modest, 1)
  enter(gate, order, 'modest', ticket('modest'))
  await vi.advanceTimersByTimeAsync(30)
  gate.leave(greedy[1]!, 30)
  await vi.advanceTimersByTimeAsync(0)
  expect(order).toEqual(['greedy', 'modest', 'greedy', 'modest'])
})

it.each([
  ['are of one kind', 'read', 'read'],
  ['are told apart', 'dear', 'cheap'],
])(
  'gives all that wait the same share of the time, where costly and cheap requests %s',
  async (_case, dear, cheap) => {
    const gate = gateOf({ maxWait: 300 })
    const used: Record<string, number> = { dear: 0, cheap: 0 }
    const costs: Record<string, number> = { dear: 30, cheap: 1 }
    const kinds: Record<string, string> = { dear, cheap }
    let inside: Ticket | undefined
    const ask = (network: string) => {
      const one = { ...ticket(network), kind: kinds[network]! }
      const entered = () => {
        inside = one
      }
      const waiting = gate.enter(one, undefined)
      if (waiting) void waiting.then(entered)
      else entered()
    }
    ask('dear')
    ask('cheap')
    for (let served = 0; served < 3_000; served++) {
      const one = inside!
      const { network } = one
      used[network]! += costs[network]!
      ask(network)
      await vi.advanceTimersByTimeAsync(costs[network]!)
      gate.leave(one, costs[network]!)
      await vi.advanceTimersByTimeAsync(0)
    }
    expect(used.dear! / (used.dear! + used.cheap!)).toBeGreaterThan(0.45)
    expect(used.dear! / (used.dear! + used.cheap!)).toBeLessThan(0.55)
  },
)

it('does not let reads starve transactions, and lets get_info past both', async () => {
  const gate = gateOf()
  const order: string[] = []
  const scan = ticket('a')
  enter(gate, order, 'scan', scan)
  for (let asked = 0; asked < 10; asked++) enter(gate, order, 'scan', ticket('b'))
  enter(gate, order, 'push', ticket('a', 'push'))
  enter(gate, order, 'info', ticket('a', 'info'))
  expect(order).toEqual(['scan', 'info'])
  gate.leave(scan, 30)
  await vi.advanceTimersByTimeAsync(0)
  expect(order).toEqual(['scan', 'info', 'push'])
})

describe('turns away', () => {
  it('whoever waits too long', async () => {
    const gate = gateOf()
    const order: string[] = []
    enter(gate, order, 'a', ticket('a'))
    enter(gate, order, 'b', ticket('b'))
    await vi.advanceTimersByTimeAsync(4_999)
    expect(order).toEqual(['a'])
    await vi.advanceTimersByTimeAsync(1)
    expect([order, gate.waiting, gate.counts]).toEqual([
      ['a', 'b overloaded'],
      0,
      { waited: 1, overloaded: 1 },
    ])
  })

  it('where too many wait, the last one of whoever has most', async () => {
    const gate = gateOf({ maxQueue: 3 })
    const order: string[] = []
    enter(gate, order, 'first', ticket('x'))
    for (const name of ['m1', 'm2', 'm3']) enter(gate, order, name, ticket('many'))
    enter(gate, order, 'm4', ticket('many'))
    enter(gate, order, 'few', ticket('few'))
    await vi.advanceTimersByTimeAsync(0)
    expect(order).toEqual(['first', 'm4 overloaded', 'm3 overloaded'])
    expect(gate.waiting).toBe(3)
  })

  it('where their bodies are too many bytes', async () => {
    const gate = gateOf()
    const order: string[] = []
    enter(gate, order, 'first', ticket('x'))
    for (let at = 0; at < 20; at++) enter(gate, order, `${at}`, ticket('y', 'read', 2_000_000))
    await vi.advanceTimersByTimeAsync(0)
    expect(gate.waiting).toBe(16)
    expect(order).toHaveLength(5)
  })
})

it('forgets a client that leaves', async () => {
  const gate = gateOf()
  const order: string[] = []
  const client: { whenGone: (() => void) | undefined } = { whenGone: undefined }
  enter(gate, order, 'a', ticket('a'))
  enter(gate, order, 'b', ticket('b'), client)
  client.whenGone!()
  await vi.advanceTimersByTimeAsync(10_000)
  expect([order, gate.waiting]).toEqual([['a', 'b gone'], 0])
})

it('sends what waits for a node that is out elsewhere', async () => {
  const gate = gateOf()
  const order: string[] = []
  for (const name of ['a', 'b', 'c']) enter(gate, order, name, ticket(name))
  gate.empty()
  await vi.advanceTimersByTimeAsync(0)
  expect(order).toEqual(['a', 'b moved', 'c moved'])
})

it('keeps no more than ten thousand networks, those that used most', () => {
  const used = createUsage()
  for (let at = 0; at < 100; at++) used.add(`heavy ${at}`, 1_000, 0)
  for (let at = 0; at < 200_000; at++) used.add(`light ${at}`, 0.1, 0)
  for (let at = 0; at < 100; at++) expect(used.of(`heavy ${at}`, 0)).toBe(1_000)
  expect(used.of('light 0', 0)).toBe(0)
  expect(used.of('heavy 0', 10_000)).toBe(500)
})
