import { expect, test } from 'vitest'
import { newestVerdicts, RecentVerdicts } from './verdicts.ts'

const verdict = (at: number, client = '203.0.113.9') => ({
  at,
  client,
  code: 'INVALID_JSON' as const,
  detail: 'x'.repeat(1_000),
  request: 'POST /v1/chain/push_transaction',
  agent: '',
  enforced: true,
})

test('the last twenty of a network are kept, cut to a length', () => {
  const verdicts = new RecentVerdicts()
  for (let n = 0; n < 30; n++) verdicts.add('203.0.113.9', verdict(n * 1_000))
  const kept = verdicts.of('203.0.113.9')
  expect(kept.map(({ at }) => at / 1_000)).toEqual(Array.from({ length: 20 }, (_, n) => 29 - n))
  expect(kept[0]!.detail).toHaveLength(300)
  expect(verdicts.of('192.0.2.1')).toEqual([])
})

test('a flood is kept twenty times a second, and does not hide what others do', () => {
  const verdicts = new RecentVerdicts()
  verdicts.add('192.0.2.1', verdict(0, '192.0.2.1'))
  for (let n = 0; n < 10_000; n++) verdicts.add('203.0.113.9', verdict(n / 10))
  expect(verdicts.of('203.0.113.9')[0]!.at).toBeLessThan(2)
  expect(verdicts.of('').map(({ client }) => client)).toContain('192.0.2.1')
})

test('networks that were not heard of for longest are forgotten', () => {
  const verdicts = new RecentVerdicts()
  for (let n = 0; n < 600; n++) verdicts.add(`network ${n}`, verdict(n * 1_000))
  expect(verdicts.of('network 99')).toEqual([])
  expect(verdicts.of('network 100')).toHaveLength(1)
})

test('of several processes the newest are told', () => {
  const lists = [0, 1].map((odd) => Array.from({ length: 15 }, (_, n) => verdict(2 * n + odd)))
  expect(newestVerdicts(lists).map(({ at }) => at)).toEqual(Array.from({ length: 20 }, (_, n) => 29 - n))
})
