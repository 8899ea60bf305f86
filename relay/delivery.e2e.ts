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
  statSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Address } from '../shared/address.ts'
import { createLogger } from '../shared/logger.ts'
import { importSecrets, RELAY_PATH, signReport } from '../shared/report-message.ts'
import { createReporter } from '../worker/report.ts'
import { createRelayProcess, type RelayProcess } from './testing/relay-process.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const FILTERS = 20
const EVENTS = 10_000
const silent = createLogger({ readable: false, write: () => {} })

/** A relay that is to be started, with a folder of its own; both end with the test. */
async function relayForTest() {
  const folder = mkdtempSync(join(tmpdir(), 'patroneos-relay-'))
  const log = join(folder, 'fail2ban.log')
  const relay = await createRelayProcess(folder, { logFileLocation: log }, { PATRONEOS_RELAY_SECRET: SECRET })
  onTestFinished(() => {
    relay.signal('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  return { folder, log, relay }
}

/** What the filters report with. */
async function reportersTo(relay: RelayProcess) {
  const secrets = await importSecrets(SECRET)
  return Array.from({ length: FILTERS }, () => {
    const reporter = createReporter({ secrets, logger: silent, send: fetch, now: Date.now })
    reporter.setRelays([relay.url])
    return reporter
  })
}

test('10,000 events of 20 filters outlive rotation, truncation, SIGHUP, SIGSTOP and a restart of the relay', async () => {
  const { folder, log, relay } = await relayForTest()
  await relay.start()

  const reporters = await reportersTo(relay)

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
  relay.signal('SIGCONT')
  expect(await relay.stop()).toBe(0)
  await relay.start()
  await sending
  await Promise.all(reporters.map((reporter) => reporter.drain(30_000)))
  expect(await relay.stop()).toBe(0)

  const files = readdirSync(folder).filter((name) => /^fail2ban\.log(?:\.\d)?$/.test(name))
  expect(files.toSorted()).toEqual(['fail2ban.log', 'fail2ban.log.1', 'fail2ban.log.2', 'fail2ban.log.3'])
  const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
  const whole = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\S+) false INVALID_JSON$/
  expect(lines.filter((line) => !whole.test(line))).toEqual([])
  expect(lines.map((line) => whole.exec(line)![1]).toSorted()).toEqual(expected.toSorted())
}, 90_000)

test('10,000 events outlive a relay that is killed twenty times, whatever it does then', async () => {
  const { log, relay } = await relayForTest()
  const reporters = await reportersTo(relay)
  const expected = Array.from({ length: EVENTS }, (_, n) => `10.${n >> 14}.${(n >> 7) & 127}.${n & 127}`)
  const ended = { value: false }
  const sending = (async () => {
    for (const [n, address] of expected.entries()) {
      reporters[n % FILTERS]!.report(address as Address, 'INVALID_JSON')
      if (n % 10 === 0) await sleep(6)
    }
    ended.value = true
  })()
  for (let kills = 0; kills < 20; kills++) {
    await relay.start()
    const size = () => (existsSync(log) ? statSync(log).size : 0)
    const before = size()
    // While it writes.
    await vi.waitUntil(() => size() > before || ended.value, { timeout: 20_000, interval: 1 })
    await sleep(Math.random() * 60)
    await relay.kill()
  }
  await relay.start()
  await sending
  await Promise.all(reporters.map((reporter) => reporter.drain(20_000)))
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1)
  expect(lines.map((line) => line.split(' ')[1]).toSorted()).toEqual(expected.toSorted())
}, 120_000)

test('a message that was written and answered is not written again by the relay that comes after', async () => {
  const { log, relay } = await relayForTest()
  const [secret] = await importSecrets(SECRET)
  const body = '{"host":"203.0.113.9","success":false,"message":"INVALID_JSON"}'
  const headers = await signReport(secret!, 'msg_1', Date.now() / 1000, body)
  const send = () => fetch(`${relay.url}${RELAY_PATH}`, { method: 'POST', headers: { ...headers }, body })
  for (let kills = 0; kills < 3; kills++) {
    await relay.start()
    expect((await send()).status).toBe(200)
    await relay.kill()
  }
  expect(readFileSync(log, 'utf8')).toMatch(/^\S+ 203\.0\.113\.9 false INVALID_JSON\n$/)
})
