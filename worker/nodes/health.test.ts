// Which nodes are in after looks, as tables of what was found.
import { describe, expect, it } from 'vitest'
import { CHAIN_ID } from '../testing/nodeos-stand-in.ts'
import { infoBody } from '../testing/nodes.ts'
import { chainInfoOf } from './chain-info.ts'
import { assess, type Look } from './health.ts'
import { NodeState } from './node-state.ts'

const OTHER_CHAIN = 'f'.repeat(64)
const RULES = { maxHeadAge: 10, maxHeadLag: 20, healthInterval: 5 }

interface Found {
  head?: number
  age?: number
  chainId?: string
  trouble?: string
  mayRecover?: boolean
}

class Fleet {
  readonly states: NodeState[]
  chainId: string | undefined
  now = Date.now()

  constructor(count: number, serves: string[][] = []) {
    this.states = Array.from({ length: count }, (_, at) => {
      const name = `n${at}`
      const served = serves[at] ?? ['push', 'read']
      return new NodeState({
        name,
        origin: `http://${name}`,
        weight: 1,
        serves: served,
        health: '/',
        isOnly: false,
      })
    })
  }

  /** One round of looks; says who is out, and why. */
  look(...found: Found[]): (string | undefined)[] {
    const looks = found.map(({ trouble, mayRecover = false, ...info }, at): Look => {
      const age = (info.age ?? 0.3) - (this.now - Date.now()) / 1000
      const answered =
        trouble === undefined ? chainInfoOf(JSON.stringify(infoBody({ ...info, age }))) : undefined
      return { state: this.states[at]!, trouble, mayRecover, info: answered }
    })
    const { states, chainId, now } = this
    this.chainId = assess(looks, { states, chainId, now, rules: RULES })
    this.now += 5_000
    return this.states.map(({ health }) => health.out)
  }
}

const good: Found = { head: 1_000 }

describe('a node is out', () => {
  it.each<[string, Found[], (string | undefined)[]]>([
    ['when its head block is old', [good, { age: 14 }], [undefined, 'head block 14 s old']],
    ['not when it is a little old', [good, { age: 9 }], [undefined, undefined]],
    [
      'when it is behind the best',
      [{ head: 1_021 }, { head: 1_000 }, { head: 1_001 }],
      [undefined, 'head block 21 blocks behind n0', undefined],
    ],
    [
      'when it is of another chain than most',
      [{ chainId: OTHER_CHAIN, head: 9_999 }, good, good],
      ['of chain ffffffff..., where the others are of aca376f2...', undefined, undefined],
    ],
    ['when it fails', [good, { trouble: 'answers with 500' }], [undefined, 'answers with 500']],
    [
      'even if that is all of them',
      [{ trouble: 'refused' }, { age: 60 }],
      ['refused', 'head block 60 s old'],
    ],
  ])('%s', (_what, found, out) => {
    const fleet = new Fleet(found.length)
    expect(fleet.look(...found)).toEqual(out)
    expect(fleet.chainId).toBe(CHAIN_ID)
  })

  it('and does not set the mark for others then', () => {
    const fleet = new Fleet(2)
    expect(fleet.look({ head: 5_000, age: 60 }, { head: 1_000 })).toEqual(['head block 60 s old', undefined])
  })

  it('until two good looks', () => {
    const fleet = new Fleet(2)
    const outs = [{ trouble: 'x' }, good, { trouble: 'x' }, good, good].map(
      (found) => fleet.look(good, found)[1],
    )
    expect(outs).toEqual(['x', 'x', 'x', 'x', undefined])
  })
})

describe('the chain', () => {
  it('stays what it was where as many are of another one', () => {
    const fleet = new Fleet(2)
    fleet.look(good, good)
    expect(fleet.look({ chainId: OTHER_CHAIN, head: 1_000 }, good)[0]).toContain('of chain ffffffff')
    expect(fleet.chainId).toBe(CHAIN_ID)
  })

  it("is the first node's at first", () => {
    const fleet = new Fleet(2)
    expect(fleet.look(good, { chainId: OTHER_CHAIN, head: 1 })[1]).toContain('of chain ffffffff')
  })

  it('is still known of a node that does not answer now', () => {
    const fleet = new Fleet(3)
    fleet.look(good, good, { chainId: OTHER_CHAIN })
    const dead = { trouble: 'dead' }
    expect(fleet.look(dead, dead, { chainId: OTHER_CHAIN })[2]).toContain('of chain ffffffff')
  })
})

describe('a node that is only slow or busy', () => {
  const slow: Found = { trouble: 'late', mayRecover: true }

  it('is out where another one is in', () => {
    const fleet = new Fleet(2)
    fleet.look(good, good)
    expect(fleet.look(good, slow)).toEqual([undefined, 'late'])
  })

  it('is not where it is the last, until it has answered nothing at all for three looks', () => {
    const fleet = new Fleet(2)
    fleet.look(good, good)
    expect(fleet.look(slow, { trouble: 'dead' })).toEqual([undefined, 'dead'])
    fleet.states[0]!.answeredAt = fleet.now
    for (let looks = 0; looks < 3; looks++) expect(fleet.look(slow, { trouble: 'dead' })[0]).toBeUndefined()
    expect(fleet.look(slow, { trouble: 'dead' })[0]).toBe('late')
  })

  it('is not where it is the last for transactions', () => {
    const fleet = new Fleet(2, [['push'], ['read']])
    fleet.look(good, good)
    expect(fleet.look(slow, good)).toEqual([undefined, undefined])
  })
})
