// Takes the pictures of docs/console.md: a filter with two nodes, one of which is away, wallets and attackers before it; and
// a relay beside a HAProxy with two filters, one of which is away too.
// `node e2e/console/pictures.ts`; with `--minutes 1` the plots have less to show, and
// `--only relay,nodes` takes those of single screens.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { createHaproxyProcess } from '../../docker/haproxy/testing/haproxy-process.ts'
import { createFilter, get } from '../../relay/testing/behind-haproxy.ts'
import { createRelayProcess, type RelayProcess } from '../../relay/testing/relay-process.ts'
import { startOneThread } from '../hostile/one-thread.ts'
import { freePort } from '../http/wire.ts'
import { signIn, startWorld, stopBrowser, transactionOn, type World } from './world.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '4' }, only: { type: 'string', default: '' } },
})
const FOLDER = join(import.meta.dirname, '../../docs/console')
const PUSH = '/v1/chain/push_transaction'
const ROWS = '/v1/chain/get_table_rows'
const SCANNER = '203.0.113.77'

let over = false

/** Does it again and again, with a pause of so many milliseconds between. */
async function keepOn(pause: number, act: () => Promise<unknown>): Promise<void> {
  while (!over) {
    await act()
    await sleep(pause * (0.5 + Math.random()))
  }
}

const wallet = () => `198.51.100.${1 + Math.floor(Math.random() * 60)}`
const read = (table: string, limit: number) =>
  `{"code":"eosio","scope":"eosio","table":"${table}","limit":${limit},"n":${Math.random()}}`

function startClients({ send }: World): void {
  for (let n = 0; n < 4; n++) {
    void keepOn(60, () => send(wallet(), ROWS, read('global', 1), 'anchor/1.4'))
    void keepOn(150, () => send(wallet(), PUSH, transactionOn('eosio.token'), 'eosjs/22.1'))
  }
  void keepOn(400, () => send('2001:db8:1:2::9', PUSH, '{"signatures":', 'curl/8.5'))
  void keepOn(300, () => send('192.0.2.44', `/v1/producer/${Math.random()}`, undefined, 'zgrab/0.x'))
  void keepOn(500, () => send('198.51.100.200', PUSH, transactionOn('failing'), 'bot/3'))
  // The scan begins later than the rest.
  setTimeout(
    () => void keepOn(20, () => send(SCANNER, ROWS, read('voters', 1000), 'python-requests/2.32')),
    40_000,
  )
}

const screensOf = ({ at }: World, relay: RelayProcess): Record<string, string> => ({
  now: at('/patroneos'),
  offenders: at('/patroneos/console/offenders?by=time&window=10m'),
  network: at(`/patroneos/console/network?network=${SCANNER}`),
  nodes: at('/patroneos/console/nodes'),
  relays: at('/patroneos/console/relays'),
  limits: at('/patroneos/console/limits'),
  configuration: at('/patroneos/console/configuration'),
  relay: `${relay.configUrl()}/patroneos`,
})

/** An edit that is tried, for the picture of it. */
async function edit(page: Page): Promise<void> {
  await page.getByLabel('maxSignatures').fill('5')
  await page.getByLabel('authorizerBlackList').fill('{"alice": true}')
  await page.locator('#difference').getByText('authorizerBlackList.alice').waitFor()
  await page.getByRole('button', { name: 'Try in monitor mode' }).click()
  await page.locator('#trial').getByText('Tried on').waitFor()
  await page.getByLabel('authorizerBlackList').scrollIntoViewIfNeeded()
}

async function takeAll(page: Page, screens: Record<string, string>): Promise<void> {
  const wide = { width: 1280, height: 860 }
  const looks = [
    { name: 'light', colorScheme: 'light', size: wide },
    { name: 'dark', colorScheme: 'dark', size: wide },
    { name: 'narrow', colorScheme: 'light', size: { width: 360, height: 740 } },
  ] as const
  for (const { name, colorScheme, size } of looks) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(size)
    for (const [screen, url] of Object.entries(screens)) {
      if (values.only !== '' && !values.only.split(',').includes(screen)) continue
      await page.goto(url)
      await sleep(1_500)
      if (screen === 'configuration') await edit(page)
      await page.screenshot({ path: join(FOLDER, `${screen}-${name}.png`) })
      if (screen === 'configuration') await page.getByRole('button', { name: 'Discard' }).click()
    }
  }
}

const folder = mkdtempSync(join(tmpdir(), 'patroneos-pictures-'))
const haproxy = await createHaproxyProcess(folder)
const spare = await createFilter(0)
await haproxy.start({ PATRONEOS_FILTER: spare.address })
const relay = await createRelayProcess(
  folder,
  { logFileLocation: join(folder, 'fail2ban.log'), haproxySocket: haproxy.socket },
  {},
)
await relay.start()
const second = await startOneThread()
const world = await startWorld({
  fairness: {},
  bans: { maxRetry: { malformed: 30, endpoints: 60, failed: 0 } },
  logEndpoints: [relay.url, `http://127.0.0.1:${await freePort()}`],
  rateLimits: [
    { name: 'failed transactions', key: ['ip'], on: 'failure', limit: 100, window: 60, answer: 'monitor' },
    { name: "nodeos's time", key: ['ip'], on: 'time', limit: 9_000, window: 10 },
  ],
})
await world.operate('POST', '/patroneos/config', {
  nodes: [
    { name: 'api-1', url: `http://127.0.0.1:${world.nodeos.port}` },
    { name: 'api-2', url: `http://127.0.0.1:${second.port}` },
  ],
})
await fetch(`${relay.configUrl()}/patroneos/config`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ filterEndpoints: [`http://127.0.0.1:${world.filter.port}`, spare.url] }),
})
mkdirSync(FOLDER, { recursive: true })
startClients(world)
void keepOn(1_000, () => get(haproxy.port).catch(() => {}))
const half = (Number(values.minutes) * 60_000) / 2
await sleep(half)
second.close()
await spare.stop()
await world.operate('POST', '/patroneos/bans', { client: '203.0.113.200', seconds: 86_400 })
await world.operate('POST', '/patroneos/config', { maxTransactions: 16, maxActions: 64 })
await sleep(half)
await signIn(world)
await takeAll(world.page, screensOf(world, relay))
over = true
await world.stop()
await relay.stop()
await haproxy.stop()
rmSync(folder, { recursive: true })
await stopBrowser()
