// The clock of the chain, over simulated nodes.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createChainClock } from './chain-clock.ts'

const START = Date.parse('2026-11-27T12:00:00Z')
const SLOT = 500

interface Node {
  /** The head's time at a true time, in milliseconds from START. */
  head(time: number): number
}
const slotOf = (time: number) => Math.floor(time / SLOT) * SLOT
const live: Node = { head: slotOf }
const stalled = (since = 0): Node => ({ head: (time) => slotOf(Math.min(time, since)) })
const syncing = (behind: number, speed: number): Node => ({
  head: (time) => slotOf(Math.min(time, time * speed - behind)),
})
/** Misses all blocks of a producer, six seconds, every two minutes. */
const missing: Node = {
  head: (time) => (time % 120_000 < 6_000 ? time - (time % 120_000) - SLOT : slotOf(time)),
}

interface Run {
  nodes: Node[]
  /** Milliseconds by which the local clock is ahead, at a time. */
  ahead: (time: number) => number
  seconds?: number
  interval?: number
  /** Milliseconds that each answer takes. */
  latency?: (look: number) => number
}

function run({ nodes, ahead, seconds = 120, interval = 5_000, latency = () => 20 }: Run) {
  const clock = createChainClock()
  for (let time = 0, look = 0; time <= seconds * 1000; time += interval)
    for (const node of nodes) {
      const answered = time + latency(look++)
      clock.observe(START + node.head(time), START + answered + ahead(answered))
    }
  return clock
}

const by = (milliseconds: number) => () => milliseconds

describe('a clock', () => {
  it.each([0, 1_500, -1_500])('that is right within two seconds (%d ms) is right', (ahead) => {
    const clock = run({ nodes: [live], ahead: by(ahead) })
    expect(clock.offset()).toBe(0)
    expect(clock.warning()).toBeUndefined()
  })
  it.each([
    [31_000, 'ahead of'],
    [-31_000, 'behind'],
  ])('that is off by %d ms is put right, and said to be %s the chain', (ahead, way) => {
    const clock = run({ nodes: [live], ahead: by(ahead) })
    expect(Math.abs(clock.offset() + ahead)).toBeLessThan(1_000)
    expect(clock.warning()).toContain(`this machine's clock is 31 s ${way} the chain`)
  })
  it('is not known from one look, nor from half a minute less a look', () => {
    expect(run({ nodes: [live], ahead: by(31_000), seconds: 1 }).offset()).toBe(0)
    expect(run({ nodes: [live], ahead: by(31_000), seconds: 25 }).offset()).toBe(0)
  })
  it('that was set right is right again within a minute', () => {
    const clock = run({ nodes: [live], ahead: (time) => (time < 100_000 ? 31_000 : 0), seconds: 160 })
    expect(clock.offset()).toBe(0)
    expect(clock.warning()).toBeUndefined()
  })
  it('that was set wrong is found out', () => {
    const clock = run({ nodes: [live], ahead: (time) => (time < 100_000 ? 0 : -600_000), seconds: 160 })
    expect(Math.abs(clock.offset() - 600_000)).toBeLessThan(1_000)
  })
})

describe('nothing is learned', () => {
  it.each<[string, Node]>([
    ['of a node that stands still', stalled()],
    ['of one that stopped after ten seconds', stalled(10_000)],
    ['of one that catches up fast', syncing(3_600_000, 100)],
    ['of one that catches up at one and a half of real time', syncing(3_600_000, 1.5)],
    ['of one that catches up at 1.1 of real time', syncing(3_600_000, 1.1)],
    ['of one that falls behind', { head: (time) => slotOf(time * 0.9) }],
  ])('%s', (_what, node) => {
    expect(run({ nodes: [node], ahead: by(0), seconds: 600 }).offset()).toBe(0)
  })
})

describe('of several nodes', () => {
  it('those that are behind or stand still do not count', () => {
    const nodes = [stalled(), live, syncing(3_600_000, 100), live]
    expect(run({ nodes, ahead: by(0), seconds: 300 }).offset()).toBe(0)
    expect(Math.abs(run({ nodes, ahead: by(31_000), seconds: 300 }).offset() + 31_000)).toBeLessThan(1_000)
  })
})

it('missed blocks and slow answers do not move a clock that is right', () => {
  const latencies = fc.array(fc.integer({ min: 1, max: 1_400 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(latencies, fc.integer({ min: 1_000, max: 10_000 }), (list, interval) => {
      const latency = (look: number) => list[look % list.length]!
      const clock = run({ nodes: [missing, live], ahead: by(0), seconds: 900, interval, latency })
      expect(clock.offset()).toBe(0)
      expect(clock.warning()).toBeUndefined()
    }),
    { numRuns: 200 },
  )
})

it('whatever the clock, the time of the chain is known to about two seconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: -10_000_000, max: 10_000_000 }), (ahead) => {
      const off = run({ nodes: [live], ahead: by(ahead) }).offset() + ahead
      expect(Math.abs(off)).toBeLessThan(2_600)
    }),
  )
})
