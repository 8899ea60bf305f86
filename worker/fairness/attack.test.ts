// What a good client gets of a node that is under attack.
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Attack, suffer } from './testing/attack.ts'

const FAIRNESS = { concurrency: 'auto', maxWait: 5, maxQueue: 1_000 } as const
const scans = { cost: 30, requestClass: 'read', seconds: 10 } as const
const pushes = { cost: 2, requestClass: 'push', seconds: 3 } as const

/** Up to which milliseconds its 99th percentile is: a few of the attackers' requests, of which one at least has begun. */
const bearable = ({ cost }: Attack, threads: number) => 10 + (6 * cost * 1.5) / threads

describe.each([1, 4])('of a node of %i threads', (threads) => {
  it.each<[string, Attack]>([
    ['scans from 50 addresses', { addresses: 50, each: 4, ...scans }],
    ['scans from 200 addresses', { addresses: 200, each: 2, ...scans }],
    ['scans over 256 connections of one address', { addresses: 1, each: 256, ...scans }],
    ['pushes from 50 addresses', { addresses: 50, each: 4, ...pushes }],
    ['pushes over 32 connections of one address', { addresses: 1, each: 32, ...pushes }],
  ])('all that it asks for, under %s', async (_name, attack) => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const found = await suffer(FAIRNESS, attack, threads)
    expect(found.served).toBe(1)
    expect(found.p99).toBeLessThan(bearable(attack, threads))
    // The node is not held back, and no attacker has much more than the others: a scan is the half of a fair share.
    expect(found.busy).toBeGreaterThan(0.9)
    expect(found.most).toBeLessThan(2.5)
  })
})
