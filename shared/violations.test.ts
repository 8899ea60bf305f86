// The table of verdicts: what clients, operators and fail2ban count on.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { reportCodes, strikeClasses, strikeClassOf, type ViolationCode, violations } from './violations.ts'

/** Statuses that clients and balancers were told of; they stay. */
const statuses: [status: number, codes: ViolationCode[]][] = [
  [
    400,
    [
      'INVALID_HTTP',
      'INVALID_JSON',
      'PARSE_ERROR',
      'TOO_MANY_TRANSACTIONS',
      'INVALID_TRANSACTION_SIZE',
      'INVALID_NUMBER_SIGNATURES',
      'BLACKLISTED_CONTRACT',
      'BLACKLISTED_ACTION',
      'BLACKLISTED_AUTHORIZER',
      'TOO_MANY_ACTIONS',
      'TOO_MANY_AUTHORIZATIONS',
      'UNPACKED_TRANSACTION',
    ],
  ],
  [403, ['ENDPOINT_NOT_ALLOWED', 'BANNED']],
  [405, ['METHOD_NOT_ALLOWED']],
  [413, ['BODY_TOO_LARGE']],
  [415, ['UNSUPPORTED_ENCODING']],
  [429, ['RATE_LIMITED']],
  [431, ['TOO_MANY_HEADERS']],
  [500, ['NODEOS_REQUEST_NOT_CREATED']],
  [503, ['NODEOS_UNREACHABLE', 'OVERLOADED']],
  [504, ['NODEOS_TIMEOUT']],
]

describe('the table of verdicts', () => {
  test.each(statuses)('%i is answered with %j', (status, codes) => {
    for (const code of codes) expect(violations[code].status, code).toBe(status)
  })

  test('counts nothing against a client that it did not do', () => {
    const blameless = reportCodes.filter((code) => strikeClassOf(code) === null)
    expect(blameless).toEqual([
      'REQUEST_TIMEOUT',
      'BANNED',
      'BLOCKED_ADDRESS',
      'OVERLOADED',
      'NODEOS_REQUEST_NOT_CREATED',
      'NODEOS_UNREACHABLE',
      'NODEOS_TIMEOUT',
      'SUCCESS',
    ])
  })

  test('has codes that fail2ban reads as words', () => {
    for (const code of reportCodes) expect(code).toMatch(/^[A-Z_]+$/)
  })
})

const jails = readFileSync(new URL('../docker/fail2ban/jail.d/patroneos.conf', import.meta.url), 'utf8')

test.each(strikeClasses)('the jail of the class "%s" counts the codes of that class', (strikeClass) => {
  const [, jail = ''] = jails.split(`[patroneos-${strikeClass}]`)
  const codes = /^filter = patroneos\[codes="([A-Z_|]+)"\]$/m.exec(jail)?.[1]?.split('|')
  expect(codes?.toSorted()).toEqual(
    reportCodes.filter((code) => strikeClassOf(code) === strikeClass).toSorted(),
  )
})
