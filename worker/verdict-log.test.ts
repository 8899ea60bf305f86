import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Address } from '../shared/address.ts'
import { createLogger } from '../shared/logger.ts'
import { violation } from '../shared/violations.ts'
import { createVerdictLog } from './verdict-log.ts'

let lines: { message: string; count?: number; [field: string]: unknown }[]
let verdicts: ReturnType<typeof createVerdictLog>
const client = '203.0.113.9' as Address
const found = violation('INVALID_JSON', 'The body is not one JSON text')

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 })
  lines = []
  verdicts = createVerdictLog(
    createLogger({ readable: false, write: (line) => lines.push(JSON.parse(line)) }),
  )
})
afterEach(() => vi.useRealTimers())

test('a violation is one line with the client, the code and the reason', () => {
  verdicts.violation(found, client, true)
  verdicts.violation(found, client, false)
  expect(lines).toMatchObject([
    { level: 'info', message: 'rejected', client, code: 'INVALID_JSON', detail: found.detail },
    { level: 'info', message: 'would be rejected', client, code: 'INVALID_JSON' },
  ])
})

test('a flood is ten lines a second and one that says how many more; all are counted', () => {
  for (let second = 0; second < 3; second++) {
    for (let n = 0; n < 10_000; n++) verdicts.violation(found, client, true)
    vi.setSystemTime(Date.now() + 1_000)
  }
  expect(lines.filter(({ message }) => message === 'rejected')).toHaveLength(30)
  expect(lines.filter(({ count }) => count !== undefined).map(({ count }) => count)).toEqual([9_990, 9_990])
  expect(lines).toHaveLength(32)
  expect(verdicts.counts().get('INVALID_JSON')).toBe(30_000)
})

test('a violation is counted in the class of the word that relays are told', () => {
  verdicts.violation(found, client, true)
  verdicts.violation({ ...found, reportedAs: 'INVALID_READ' }, client, true)
  verdicts.violation({ ...found, reportedAs: 'INVALID_READ' }, client, false)
  verdicts.violation(violation('OVERLOADED', 'Too many'), client, true)
  expect(verdicts.classes()).toEqual({ INVALID_JSON: { malformed: 1, reads: 2 }, OVERLOADED: { none: 1 } })
  expect(Object.fromEntries(verdicts.counts())).toEqual({ INVALID_JSON: 3, OVERLOADED: 1 })
})

test('every outcome is counted under its name, and none is logged', () => {
  verdicts.outcome('success')
  verdicts.outcome('success')
  verdicts.outcome('trouble')
  verdicts.outcome({ failed: 3, errors: [3050003, 3050003, 3080004] })
  expect(Object.fromEntries(verdicts.counts())).toEqual({ SUCCESS: 2, TROUBLE: 1, TRANSACTION_FAILED: 1 })
  expect(lines).toEqual([])
})
