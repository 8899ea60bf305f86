// The shipped fail2ban files, judged by fail2ban itself: fail2ban-regex for the filter, fail2ban-client for the jails.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { INNOCENT_LINES, LINE_TIME, relayLinesOf } from '../../relay/testing/lines.ts'
import { reportCodes, type StrikeClass, strikeClasses, strikeClassOf } from '../../shared/violations.ts'
import { skipWithoutFail2ban, writeFail2banConfig } from './testing/fail2ban-config.ts'

const skipped = skipWithoutFail2ban('docker/fail2ban')
const FILTER = join(import.meta.dirname, 'filter.d/patroneos.conf')
const codesOf = (strike: StrikeClass) =>
  reportCodes.filter((code) => strikeClassOf(code) === strike).toSorted()

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'patroneos-fail2ban-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What fail2ban-regex finds in the lines: who is to blame, and the time in seconds since 1970. */
function found(lines: string, regex: string): { id: string; time: number }[] {
  const file = join(folder, 'lines.log')
  writeFileSync(file, lines)
  const output = execFileSync('fail2ban-regex', ['--usedns', 'no', '-o', 'row', file, regex], {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  })
  return [...output.matchAll(/^\['(.+?)',\t(\d+)/gm)].map(([, id, time]) => ({ id: id!, time: Number(time) }))
}

const blamed = (id: string) => ({ id, time: Math.floor(Date.parse(LINE_TIME) / 1000) })

describe.skipIf(skipped)('the filter', () => {
  test.for(['iso', 'go'])('reads what the relay writes, with times of the form "%s"', async (format) => {
    const hosts = [
      '203.0.113.9',
      '::ffff:203.0.113.10',
      '2001:db8:1:2::9',
      '2001:db8:1:2:3:4:5:6',
      '2001:db8::7',
    ]
    expect(found(await relayLinesOf(hosts, 'INVALID_JSON', format), FILTER)).toEqual(
      ['203.0.113.9', '203.0.113.10', '2001:db8:1:2::/64', '2001:db8:1:2::/64', '2001:db8::/64'].map(blamed),
    )
  })

  test('reads every code that a relay may write', async () => {
    const lines = await Promise.all(reportCodes.map((code) => relayLinesOf(['203.0.113.9'], code)))
    expect(found(lines.join(''), FILTER)).toHaveLength(reportCodes.length)
  })

  test('reads lines of the original, which had ports in them', () => {
    expect(found('2026/11/23 16:20:11 203.0.113.9:51234 false INVALID_JSON\n', FILTER)).toEqual([
      blamed('203.0.113.9'),
    ])
  })

  test('takes none of these for a violation', () => {
    expect(found(INNOCENT_LINES.map(([, line]) => `${line}\n`).join(''), FILTER)).toEqual([])
  })

  // What the original's files in docker/proxy/fail2ban/filter.d say (github.com/EOSIO/patroneos).
  test.for([
    ['invalid-json.conf', '<HOST> .*? INVALID_JSON', 'INVALID_JSON'],
    ['signatures.conf', '<HOST> .*? INVALID_NUMBER_SIGNATURES', 'INVALID_NUMBER_SIGNATURES'],
    ['contracts.conf', '<HOST> .*? BLACKLISTED_CONTRACT', 'BLACKLISTED_CONTRACT'],
    ['transaction-size.conf', '<HOST> .*? INVALID_TRANSACTION_SIZE', 'INVALID_TRANSACTION_SIZE'],
    ['max-transactions.conf', '<HOST> .*? TOO_MANY_TRANSACTIONS', 'TOO_MANY_TRANSACTIONS'],
    ['failed-transactions.conf', '<HOST> .*? TRANSACTION_FAILED', 'TRANSACTION_FAILED'],
  ] as const)('the original has one that still reads our lines: %s', async ([, regex, code]) => {
    const hosts = ['203.0.113.9', '2001:db8:1:2::9']
    const [iso, go] = await Promise.all([relayLinesOf(hosts, code), relayLinesOf(hosts, code, 'go')])
    expect(found(iso + go, regex)).toEqual([...hosts, ...hosts].map(blamed))
  })
})

describe.skipIf(skipped)('the jails', () => {
  /** fail2ban's own reading of its configuration: jail -> setting -> value, in Python's notation. */
  const jails = new Map<string, Map<string, string>>()

  beforeAll(() => {
    const logpath = join(folder, 'fail2ban.log')
    writeFileSync(logpath, '')
    const configuration = writeFail2banConfig(folder, { logpath })
    const dump = execFileSync('fail2ban-client', ['-c', configuration, '-d'], { encoding: 'utf8' })
    for (const [, jail, setting, value] of dump.matchAll(
      /^\['(?:multi-)?set', '(.+?)', '(.+?)', (.+)\]$/gm,
    )) {
      if (!jails.has(jail!)) jails.set(jail!, new Map())
      const settings = jails.get(jail!)!
      settings.set(setting!, [settings.get(setting!), value].filter(Boolean).join('\n'))
    }
  })
  const settingsOf = (strike: string) => jails.get(`patroneos-${strike}`) ?? new Map<string, string>()

  test('are one for each class of violations, and no other', () => {
    const ours = [...jails.keys()].filter((name) => name.startsWith('patroneos-'))
    expect(ours.toSorted()).toEqual(strikeClasses.map((strike) => `patroneos-${strike}`).toSorted())
  })

  test.for(strikeClasses)('%s counts the codes of its class', (strike) => {
    const [, codes] = /false \(\?:([A-Z_|]+)\)/.exec(settingsOf(strike).get('addfailregex')!)!
    expect(codes!.split('|').toSorted()).toEqual(codesOf(strike))
  })

  test.for([
    ['malformed', 3],
    ['signatures', 3],
    ['contracts', 3],
    ['size', 3],
    ['batch', 3],
    ['failed', 20],
    ['endpoints', 20],
  ] as const)('%s bans for 300 s at %i violations in 60 s, and longer each time', ([strike, maxretry]) => {
    expect(Object.fromEntries(settingsOf(strike))).toMatchObject({
      maxretry: String(maxretry),
      findtime: "'60'",
      bantime: "'300'",
      'bantime.increment': 'True',
      'bantime.maxtime': "'86400'",
      'bantime.overalljails': 'True',
      addignoreip: expect.stringContaining("'127.0.0.0/8'"),
      usedns: "'no'",
      logtimezone: "'UTC'",
    })
  })

  test.for(strikeClasses)('%s drops, before NAT and from its start on, both address families', (strike) => {
    const action = settingsOf(strike).get('action')!
    for (const part of [
      'type filter hook prerouting priority -150',
      'flags interval',
      "['blocktype', 'drop']",
      "['actionstart_on_demand', False]",
      "['families', 'inet4 inet6']",
      "['addr_type', 'ipv4_addr']",
      "['addr_type?family=inet6', 'ipv6_addr']",
      `['name', '${strike}']`,
    ])
      expect(action).toContain(part)
  })
})
