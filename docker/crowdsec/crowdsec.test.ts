// CrowdSec's scenarios count what fail2ban's jails count, and ban at the same numbers.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { reportCodes, strikeClasses, strikeClassOf } from '../../shared/violations.ts'

const read = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8')

/** Each scenario's own lines, by the name of its class. */
const scenarios = new Map(
  read('scenarios/patroneos.yaml')
    .split('\n---\n')
    .map((text) => [/^name: patroneos\/(\w+)$/m.exec(text)?.[1], text]),
)
const numberIn = (pattern: RegExp, text: string | undefined) => Number(pattern.exec(text ?? '')?.[1])

test('there is one scenario for each class of violations, and no other', () => {
  expect([...scenarios.keys()].toSorted()).toEqual(strikeClasses.toSorted())
})

test.for(strikeClasses)('%s counts the codes of its class', (strike) => {
  const [, codes] = / in \[(.+)\]$/m.exec(scenarios.get(strike)!)!
  expect(codes!.replaceAll("'", '').split(', ').toSorted()).toEqual(
    reportCodes.filter((code) => strikeClassOf(code) === strike).toSorted(),
  )
})

test.for(strikeClasses)('%s bans at as many violations as its jail, in a minute', (strike) => {
  const [jail] = new RegExp(`\\[patroneos-${strike}\\](?:\n[^[].*)+`).exec(
    read('../fail2ban/jail.d/patroneos.conf'),
  )!
  const maxretry = numberIn(/^maxretry = (\d+)$/m, jail)
  expect(numberIn(/^capacity: (\d+)$/m, scenarios.get(strike)) + 1).toBe(maxretry)
  expect(numberIn(/^leakspeed: (\d+)s$/m, scenarios.get(strike)) * maxretry).toBe(60)
})
