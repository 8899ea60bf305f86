// Attacked in one way after another, the console names the attacker, what it does, and its share: within ten seconds.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { skipWithoutChromium } from '../chromium.ts'
import { signIn, startWorld, stopBrowser, textOf, transactionOn, type World } from './world.ts'

const ATTACKER = '203.0.113.9'
const GOOD = '198.51.100.7'
const PUSH = '/v1/chain/push_transaction'
const ROWS = '/v1/chain/get_table_rows'

/** Milliseconds in which the attacker is named. */
const NAMED_WITHIN = 10_000

interface Attack {
  name: string
  /** The row of the screen Now. */
  row: 'violations' | 'failures' | 'time'
  /** What it is said to do. */
  doing: string
  /** Sends one request; several are under way at one time. */
  send(world: World): Promise<unknown>
}

const attacks: Attack[] = [
  {
    name: 'broken bodies',
    row: 'violations',
    doing: `INVALID_JSON POST ${PUSH}`,
    send: ({ send }) => send(ATTACKER, PUSH, '{"signatures":'),
  },
  {
    name: 'a search for private calls',
    row: 'violations',
    doing: 'ENDPOINT_NOT_ALLOWED',
    send: ({ send }) => send(ATTACKER, `/v1/producer/${Math.floor(Math.random() * 1000)}`),
  },
  {
    name: 'transactions that fail',
    row: 'failures',
    doing: 'TRANSACTION_FAILED failing::transfer',
    send: ({ send }) => send(ATTACKER, PUSH, transactionOn('failing')),
  },
  {
    name: 'scans of a table',
    row: 'time',
    doing: `POST ${ROWS} eosio::voters`,
    send: ({ send }) =>
      send(
        ATTACKER,
        ROWS,
        `{"code":"eosio","scope":"eosio","table":"voters","limit":1000,"n":${Math.random()}}`,
      ),
  },
  {
    name: 'transactions that succeed, many',
    row: 'time',
    doing: `POST ${PUSH} eosio.token::transfer`,
    send: ({ send }) => send(ATTACKER, PUSH, transactionOn('eosio.token')),
  },
]

/** A wallet: a few reads and a transaction a second. */
async function beGood({ send }: World, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await send(GOOD, ROWS, '{"code":"eosio.token","scope":"alice","table":"accounts"}')
    await send(GOOD, PUSH, transactionOn('eosio.token'))
    await sleep(300)
  }
}

describe.skipIf(skipWithoutChromium('attackers in the console'))('attacked by', { timeout: 60_000 }, () => {
  afterAll(stopBrowser)

  test.each(attacks)('$name, it names who, how, and how much', async ({ row, doing, send }) => {
    const world = await startWorld()
    const { page, nodeos, operate } = world
    let over = false
    onTestFinished(async () => {
      over = true
      await world.stop()
      expect(world.complaints).toEqual([])
    })
    await signIn(world)
    void beGood(world, () => over)
    nodeos.used()
    for (let n = 0; n < 4; n++)
      void (async () => {
        while (!over) {
          await send(world)
          await sleep(20)
        }
      })()
    const named = page.locator(`#who-${row}`, { hasText: ATTACKER })
    await named.waitFor({ timeout: NAMED_WITHIN })
    expect(await textOf(named)).toContain(doing)

    // What is shown of it is right: nodeos itself knows whose its time was.
    await sleep(2_000)
    const used = nodeos.used()
    const all = [...used.values()].reduce((sum, milliseconds) => sum + milliseconds, 0)
    const answer = await operate('GET', `/patroneos/top?of=networks&by=${row}`)
    const [{ top }] = (await answer.json()).lists
    const [first] = top as { key: string; share: number }[]
    expect(first!.key).toBe(ATTACKER)
    if (row !== 'time') expect(first!.share).toBe(1)
    else expect(Math.abs(first!.share - (used.get(ATTACKER) ?? 0) / all)).toBeLessThan(0.15)
  })
})
