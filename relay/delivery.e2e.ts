// Every report ends in the log exactly once and in a whole line, whatever happens to the file meanwhile, and where a
// relay ends that has answered for what it wrote.
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Address } from '../shared/address.ts'
import { createLogger } from '../shared/logger.ts'
import { importSecrets } from '../shared/report-message.ts'
import { createReporter, type Reporter, relayUrl } from '../worker/report.ts'
import { createRelayProcess } from './testing/relay-process.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const FILTERS = 20
const EVENTS = 10_000
const silent = createLogger({ readable: false, write: () => {} })

test('10,000 events of 20 filters outlive rotation, truncation, SIGHUP, SIGSTOP and a restart of the relay', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'patroneos-relay-'))
  const log = join(folder, 'fail2ban.log')
  const relay = await createRelayProcess(folder, { logFileLocation: log }, { PATRONEOS_RELAY_SECRET: SECRET })
  onTestFinished(() => {
    relay.signal('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  await relay.start()

  const secrets = await importSecrets(SECRET)
  const reporters = Array.from({ length: FILTERS }, () => {
    const reporter = createReporter({ secrets, logger: silent, send: fetch, now: Date.now })
    reporter.setRelays([relay.url])
    return reporter
  })

  // Each event is told by its own address, spread over the time in which the relay is troubled.
  const expected = Array.from(
    { length: EVENTS },
    (_, n) => `10.${n >> 14}.${(n >> 7) & 127}.${n & 127}` as Address,
  )
  const rounds = 100
  let next = 0
  const sending = (async () => {
    for (let round = 0; round < rounds; round++) {
      for (let left = EVENTS / rounds; left > 0; left--, next++)
        reporters[next % FILTERS]!.report(expected[next]!, 'INVALID_JSON')
      await sleep(80)
    }
  })()

  await sleep(700)
  renameSync(log, `${log}.1`)
  await vi.waitUntil(() => existsSync(log), 10_000)
  await sleep(700)
  renameSync(log, `${log}.2`)
  relay.signal('SIGHUP')
  await vi.waitUntil(() => existsSync(log), 10_000)
  await sleep(700)
  relay.signal('SIGSTOP')
  // All of its threads have to stop.
  await sleep(100)
  // Copied and cut while nothing is written, as logrotate's copytruncate can't promise.
  copyFileSync(log, `${log}.3`)
  truncateSync(log)
  await sleep(5_000)
  const takenOf = (reporter: Reporter) => reporter.counters()[relayUrl(relay.url)]!.sent
  const before = reporters.map(takenOf)
  relay.signal('SIGCONT')
  // What was sent again while the relay stood still is known to it as such only until it ends.
  await vi.waitUntil(() => reporters.every((reporter, n) => takenOf(reporter) > before[n]!), 20_000)
  expect(await relay.stop()).toBe(0)
  await relay.start()
  await sending
  await Promise.all(reporters.map((reporter) => reporter.drain(10_000)))
  expect(await relay.stop()).toBe(0)

  const files = readdirSync(folder).filter((name) => name.startsWith('fail2ban.log'))
  expect(files.toSorted()).toEqual(['fail2ban.log', 'fail2ban.log.1', 'fail2ban.log.2', 'fail2ban.log.3'])
  const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
  const whole = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\S+) false INVALID_JSON$/
  expect(lines.filter((line) => !whole.test(line))).toEqual([])
  expect(lines.map((line) => whole.exec(line)![1]).toSorted()).toEqual(expected.toSorted())
}, 60_000)
