// How nodes share requests.
import { describe, expect, it } from 'vitest'
import type { Address } from '../../shared/address.ts'
import { balances } from '../../shared/config/nodes.ts'
import { picks } from './balance.ts'
import { NodeState } from './node-state.ts'

const stateOf = (name: string, weight: number) =>
  new NodeState({ name, origin: `http://${name}`, weight, serves: ['read'], health: '/', isOnly: false })

const REQUESTS = 20_000
const clientOf = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}` as Address

/** Shares of requests, of which `atOneTime` are under way. */
function sharesOf(pick: (typeof picks)['random'], states: NodeState[], atOneTime: number): number[] {
  const counts = new Map(states.map((state) => [state, 0]))
  const underWay: NodeState[] = []
  for (let index = 0; index < REQUESTS; index++) {
    const state = pick(states, clientOf(index))
    counts.set(state, counts.get(state)! + 1)
    state.underWay++
    underWay.push(state)
    // Answers come in any order.
    if (underWay.length > atOneTime) {
      const [done] = underWay.splice(Math.floor(Math.random() * underWay.length), 1)
      done!.underWay--
    }
  }
  return states.map((state) => counts.get(state)! / REQUESTS)
}

describe.each(balances)('%s', (balance) => {
  it.each([
    [[1, 1, 1], 0],
    [[1, 2, 5], 0],
    [[1, 2, 5], 64],
    [[3, 1], 300],
  ])('gives shares by weight within three hundredths: %j with %i at one time', (weights, atOneTime) => {
    const states = weights.map((weight, at) => stateOf(`n${at}`, weight))
    const total = weights.reduce((sum, weight) => sum + weight)
    for (const [at, share] of sharesOf(picks[balance], states, atOneTime).entries())
      expect(Math.abs(share - weights[at]! / total)).toBeLessThan(0.03)
  })

  it('takes the only one', () => {
    const state = stateOf('a', 0)
    expect(picks[balance]([state], clientOf(1))).toBe(state)
  })
})

it('least-requests spares a node whose requests are not answered', () => {
  const [stuck, good] = [stateOf('stuck', 1), stateOf('good', 1)]
  stuck.underWay = 10
  for (let index = 0; index < 100; index++)
    expect(picks['least-requests']([stuck, good], clientOf(index))).toBe(good)
})

describe('client', () => {
  const states = ['a', 'b', 'c', 'd'].map((name) => stateOf(name, 1))

  it('keeps every client on its node, an IPv6 /64 being one', () => {
    for (let index = 0; index < 1_000; index++) {
      const [first, ...rest] = Array.from({ length: 5 }, () => picks.client(states, clientOf(index)))
      expect(new Set([first, ...rest]).size).toBe(1)
    }
    const [one, other] = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9'] as Address[]
    expect(picks.client(states, one!)).toBe(picks.client(states, other!))
  })

  it('moves only the clients of a node that leaves', () => {
    const left = states.slice(1)
    for (let index = 0; index < 1_000; index++) {
      const before = picks.client(states, clientOf(index))
      if (before !== states[0]) expect(picks.client(left, clientOf(index))).toBe(before)
    }
  })
})
