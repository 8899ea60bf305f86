import { expect, it } from 'vitest'
import type { Ban } from './bans.ts'
import { createRefusals } from './refusals.ts'

const ban: Ban = { network: '203.0.113.9', until: 1_000, times: 1 }

it('a banned client was told often enough after its second refusal, until its next ban', () => {
  const refusals = createRefusals()
  refusals.count(ban)
  expect(refusals.isEnough(ban)).toBe(false)
  refusals.count(ban)
  expect(refusals.isEnough(ban)).toBe(true)
  expect(refusals.isEnough({ ...ban, network: '203.0.113.10' })).toBe(false)
  const next = { ...ban, until: 2_000, times: 2 }
  expect(refusals.isEnough(next)).toBe(false)
  refusals.count(next)
  expect(refusals.isEnough(next)).toBe(false)
})
