// What the READMEs say of the shipped files is so.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { reportCodes, strikeClasses, strikeClassOf } from '../shared/violations.ts'

const read = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8')

test("HAProxy's names every variable, and no other", () => {
  const names = (...files: string[]) =>
    new Set(files.flatMap((file) => read(`haproxy/${file}`).match(/PATRONEOS_[A-Z0-9_]+/g)!))
  expect(names('README.md')).toEqual(names('haproxy.cfg', 'make-certificate'))
})

describe.each([
  ['fail2ban', 'patroneos-'],
  ['crowdsec', 'patroneos/'],
])("%s's", (program, prefix) => {
  test.for(strikeClasses)('says what counts in the class %s', (strike) => {
    const [, codes] = new RegExp(`^\\| \`${prefix}${strike}\` \\| (.+?) \\|`, 'm').exec(
      read(`${program}/README.md`),
    )!
    expect(codes!.replaceAll('`', '').split(', ').toSorted()).toEqual(
      reportCodes.filter((code) => strikeClassOf(code) === strike).toSorted(),
    )
  })
})

test('docs/redis.md shows the user of Redis as it is shipped', () => {
  const userOf = (file: string) => /^user patroneos .*$/m.exec(read(file))?.[0]
  expect(userOf('../docs/redis.md')).toBe(userOf('redis/redis.conf'))
})
