// The shipped CrowdSec files, judged by CrowdSec itself: `cscli explain` for the parser, alerts and decisions for scenarios
// and profile, and packets for what the firewall bouncer makes of them.
import { type ChildProcess, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../e2e/http/wire.ts'
import { INNOCENT_LINES, LINE_TIME, relayLinesOf } from '../../relay/testing/lines.ts'
import { reportCodes, strikeClassOf } from '../../shared/violations.ts'
import {
  cscli,
  end,
  skipWithoutCrowdsec,
  startLocalApi,
  writeCrowdsecConfig,
} from './testing/crowdsec-config.ts'

const ROOT = join(import.meta.dirname, '../..')
const skipped = skipWithoutCrowdsec('docker/crowdsec')

/** A CrowdSec of its own with a running API. */
async function startCrowdsec() {
  const folder = mkdtempSync(join(tmpdir(), 'patroneos-crowdsec-'))
  const configuration = writeCrowdsecConfig(folder, await freePort(), join(folder, 'fail2ban.log'))
  return { folder, configuration, api: await startLocalApi(configuration) }
}

describe.skipIf(skipped)('the parser', () => {
  let crowdsec: { folder: string; configuration: string; api: ChildProcess } | undefined
  beforeAll(async () => {
    crowdsec = await startCrowdsec()
  })
  afterAll(async () => {
    await end(crowdsec?.api)
    if (crowdsec) rmSync(crowdsec.folder, { recursive: true })
  })

  /** What cscli explains of each line: whom it blames, as what is banned, when, and the scenarios that count it. */
  function explained(lines: string) {
    const file = join(crowdsec!.folder, 'lines.log')
    writeFileSync(file, lines)
    const output = cscli(crowdsec!.configuration, 'explain', '-v', '--type', 'patroneos', '--file', file)
    const found = output.split(/^line: /m).slice(1)
    return new Map(
      found.map((text) => {
        const value = (name: string) => new RegExp(`${name} :(?: {2}->)? (.+)$`, 'm').exec(text)?.[1]
        return [
          text.split('\n', 1)[0],
          {
            address: value('evt.Meta.source_ip'),
            banned: value('evt.Meta.patroneos_range'),
            time: value('evt.MarshaledTime'),
            scenarios: [...text.matchAll(/patroneos\/(\w+)$/gm)].map(([, name]) => name),
          },
        ]
      }),
    )
  }

  test.for([
    ['iso', LINE_TIME],
    ['go', '2026-11-23T16:20:11Z'],
  ])('reads what the relay writes, with times of the form "%s"', async ([format, time]) => {
    const hosts = {
      '203.0.113.9': '203.0.113.9/32',
      '2001:db8:1:2::9': '2001:db8:1:2::/64',
      '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
      '2001:db8::7': '2001:db8::/64',
    }
    const found = explained(await relayLinesOf(Object.keys(hosts), 'INVALID_JSON', format))
    expect([...found.values()]).toEqual(
      expect.arrayContaining(
        Object.entries(hosts).map(([address, banned]) => ({
          address,
          banned,
          time,
          scenarios: ['malformed'],
        })),
      ),
    )
    expect(found.size).toBe(4)
  })

  test('reads mapped addresses, lines of the original with their ports, and IPv6 lines without /64', () => {
    const lines = {
      [`${LINE_TIME} ::ffff:203.0.113.10 false INVALID_JSON`]: '203.0.113.10/32',
      '2026/11/23 16:20:11 203.0.113.9:51234 false INVALID_JSON': '203.0.113.9/32',
      [`${LINE_TIME} 2001:db8:1:2::9 false INVALID_JSON`]: '2001:db8:1:2::/64',
    }
    const found = explained(`${Object.keys(lines).join('\n')}\n`)
    expect(Object.fromEntries([...found].map(([line, { banned }]) => [line, banned]))).toEqual(lines)
  })

  test('counts every code that a relay may write in the scenario of its class, and in no other', async () => {
    const lines = await Promise.all(reportCodes.map((code) => relayLinesOf(['203.0.113.9'], code)))
    const found = explained(lines.join(''))
    const classes = [...found].map(([line, { scenarios }]) => [line!.split(' ').at(-1), scenarios])
    const expected = reportCodes.map((code) => [code, [strikeClassOf(code)].filter(Boolean)])
    expect(Object.fromEntries(classes)).toEqual(Object.fromEntries(expected))
  })

  test('takes none of these for a violation', () => {
    const found = explained(INNOCENT_LINES.map(([, line]) => `${line}\n`).join(''))
    expect(found.size).toBe(INNOCENT_LINES.length)
    for (const [line, { address, scenarios }] of found)
      expect({ line, address, scenarios }).toEqual({ line, address: undefined, scenarios: [] })
  })
})

/** One line a violation, `apart` seconds from one another and the first `ago` seconds ago. */
function violationsOf(
  host: string,
  codes: string[],
  ago: number,
  apart = 0.1,
): { at: number; line: string }[] {
  return codes.map((code, index) => {
    const at = Date.now() - (ago - index * apart) * 1000
    return { at, line: `${new Date(at).toISOString()} ${host} false ${code}\n` }
  })
}
const times = (count: number, code: string): string[] => Array(count).fill(code)

describe.skipIf(skipped)('scenarios and profile', () => {
  /**
   * The bans that follow from the lines: whom, for what, and for how many minutes, a started one counted as one. `earlier`
   * are bans that were lifted, by range.
   */
  async function bansOf(
    violations: { at: number; line: string }[],
    earlier: Record<string, number> = {},
  ): Promise<[banned: string, scenario: string, minutes: number][]> {
    const { folder, configuration, api } = await startCrowdsec()
    onTestFinished(async () => {
      await end(api)
      rmSync(folder, { recursive: true })
    })
    for (const [range, bans] of Object.entries(earlier))
      for (let ban = 0; ban < bans; ban++)
        cscli(configuration, 'decisions', 'add', '--range', range, '--duration', '5m')
    cscli(configuration, 'decisions', 'delete', '--all')

    const log = join(folder, 'lines.log')
    const lines = violations.toSorted((one, other) => one.at - other.at).map(({ line }) => line)
    writeFileSync(log, lines.join(''))
    execFileSync(
      'crowdsec',
      ['-c', configuration, '-no-api', '-dsn', `file://${log}`, '-type', 'patroneos'],
      { stdio: 'pipe' },
    )
    const alerts: { decisions: { value: string; scenario: string; duration: string }[] }[] | null =
      JSON.parse(cscli(configuration, 'decisions', 'list', '-o', 'json'))
    return (alerts ?? [])
      .flatMap(({ decisions }) => decisions)
      .map(({ value, scenario, duration }): [string, string, number] => [
        value,
        scenario,
        Math.ceil(secondsOf(duration) / 60),
      ])
      .toSorted()
  }

  test('3 violations, and 20 of the classes for clumsy clients, ban an address or a /64 for 5 minutes', async () => {
    const bans = await bansOf([
      ...violationsOf('203.0.113.9', times(3, 'INVALID_JSON'), 10),
      ...violationsOf('203.0.113.10', times(2, 'INVALID_JSON'), 10),
      ...violationsOf('203.0.113.11', ['INVALID_JSON', 'BODY_TOO_LARGE', 'TOO_MANY_TRANSACTIONS'], 10),
      ...violationsOf('203.0.113.12', times(20, 'TRANSACTION_FAILED'), 10),
      ...violationsOf('203.0.113.13', times(19, 'TRANSACTION_FAILED'), 10),
      ...['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:3:4:5:6'].flatMap((host) =>
        violationsOf(host, ['PARSE_ERROR'], 10),
      ),
      ...violationsOf('127.0.0.2', times(9, 'INVALID_JSON'), 10),
      // One every 21 s.
      ...violationsOf('203.0.113.14', times(9, 'INVALID_JSON'), 200, 21),
    ])
    expect(bans).toEqual([
      ['2001:db8:1:2::/64', 'patroneos/malformed', 5],
      ['203.0.113.12/32', 'patroneos/failed', 5],
      ['203.0.113.9/32', 'patroneos/malformed', 5],
    ])
  })

  test('whoever comes back is banned for twice as long, and for a day at most', async () => {
    const hosts = ['203.0.113.1', '203.0.113.2', '203.0.113.8', '203.0.113.9', '2001:db8::1']
    const bans = await bansOf(
      hosts.flatMap((host) => violationsOf(host, times(3, 'INVALID_JSON'), 10)),
      {
        '203.0.113.1/32': 1,
        '203.0.113.2/32': 2,
        '203.0.113.8/32': 8,
        '203.0.113.9/32': 9,
        '2001:db8::/64': 1,
      },
    )
    expect(bans.map(([banned, , minutes]) => [banned, minutes])).toEqual([
      ['2001:db8::/64', 10],
      ['203.0.113.1/32', 10],
      ['203.0.113.2/32', 20],
      ['203.0.113.8/32', 1280],
      ['203.0.113.9/32', 1440],
    ])
  })
})

/** Seconds of a duration as Go prints it: 1h2m3.4s. */
function secondsOf(duration: string): number {
  const units: Record<string, number> = { h: 3600, m: 60, s: 1 }
  return [...duration.matchAll(/([\d.]+)(h|m|s)(?!s)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * units[unit!]!,
    0,
  )
}

/** The page's commands change these in the folder, and install and start nothing. */
const SET_UP_OVER_COPIES = `
cp -a /etc/crowdsec crowdsec
mkdir system
mount --bind crowdsec /etc/crowdsec
mount --bind system /etc/systemd/system
rm -f /etc/crowdsec/profiles.yaml.local
printf 'mode: nftables\\napi_key: key\\n' > /etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml.local
apt-get() { :; }
systemctl() { :; }
cd() { builtin cd "\${1/#\\/opt\\/patroneos/$ROOT}"; }
`
/** Whether both programs take it, the address at which the API is asked, and the firewall's tables while the bouncer runs. */
const TAKEN = `
crowdsec -t -c /etc/crowdsec/config.yaml
crowdsec-firewall-bouncer -t -c /etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml
sed -n 's/^url/api/p' /etc/crowdsec/local_api_credentials.yaml
cscli config show --key Config.API.Server.ListenURI
$(sed -n 's/^ExecStartPre=//p' /etc/systemd/system/crowdsec-firewall-bouncer.service.d/patroneos.conf)
nft list tables
eval "$(sed -n 's/^ExecStopPost=//p' /etc/systemd/system/crowdsec-firewall-bouncer.service.d/patroneos.conf)"
nft list tables
echo and none after it
`

const BOUNCER = '/usr/bin/crowdsec-firewall-bouncer'
const cannotBan = skipped || !existsSync(BOUNCER) || process.getuid?.() !== 0
if (cannotBan)
  console.error(
    'NOT TESTED: bans of the firewall bouncer (root; Debian packages crowdsec-firewall-bouncer, nftables, socat)',
  )

test.skipIf(cannotBan && !process.env.CI)(
  'the firewall bouncer drops packets of a banned address and /64, of nobody else, and takes them again when the ban is lifted',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'patroneos-crowdsec-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const log = join(folder, 'fail2ban.log')
    writeFileSync(log, '')
    const configuration = writeCrowdsecConfig(folder, 8083, log)
    const output = execFileSync(
      'unshare',
      ['-n', 'bash', join(import.meta.dirname, 'testing/ban.sh'), configuration, folder],
      { encoding: 'utf8', timeout: 100_000, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    expect(output.trim().split('\n')).toEqual([
      'before: 203.0.113.9 2001:db8:1:2::9 2001:db8:1:2:3::4 203.0.113.10 2001:db8:1:3::9',
      'banned: 203.0.113.10 2001:db8:1:3::9',
      'lifted: 203.0.113.9 2001:db8:1:2::9 2001:db8:1:2:3::4 203.0.113.10 2001:db8:1:3::9',
      'from a log that was rotated: 203.0.113.9 2001:db8:1:2::9 2001:db8:1:2:3::4 2001:db8:1:3::9',
    ])
  },
  120_000,
)

test.skipIf(cannotBan && !process.env.CI)(
  'what the page says to set up is taken by CrowdSec and its bouncer',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'patroneos-crowdsec-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const page = readFileSync(join(ROOT, 'docs/ban-with-crowdsec.md'), 'utf8')
    const [, script] = /```sh\n(apt-get install .*?)```/s.exec(page)!
    // Over copies of what it changes, in a mount namespace of its own.
    const output = execFileSync(
      'unshare',
      ['-mn', 'bash', '-euc', `${SET_UP_OVER_COPIES}\n${script}\n${TAKEN}`],
      {
        encoding: 'utf8',
        cwd: folder,
        env: { ...process.env, ROOT },
        timeout: 60_000,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    expect(output.trim().split('\n')).toEqual([
      'api: http://127.0.0.1:8083',
      '127.0.0.1:8083',
      'table ip patroneos-crowdsec',
      'table ip6 patroneos-crowdsec6',
      'and none after it',
    ])
  },
  60_000,
)
