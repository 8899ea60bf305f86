// The console in a real browser, through every screen.
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { skipWithoutChromium } from '../chromium.ts'
import { freePort } from '../http/wire.ts'
import {
  seriousFindings,
  signIn,
  startWorld,
  stopBrowser,
  TOKEN,
  textOf,
  transactionOn,
  type World,
} from './world.ts'

const PUSH = '/v1/chain/push_transaction'
const ATTACKER = '203.0.113.9'
const screen = (name: string) => `/patroneos/console/${name}`

async function start(config: object = {}): Promise<World> {
  const world = await startWorld(config)
  onTestFinished(async () => {
    const { complaints } = world
    await world.stop()
    expect(complaints).toEqual([])
  })
  return world
}

async function startSignedIn(config: object = {}): Promise<World> {
  const world = await start(config)
  await signIn(world)
  return world
}

describe.skipIf(skipWithoutChromium('the console'))('the console', { timeout: 120_000 }, () => {
  afterAll(stopBrowser)

  test('is entered with the token, and left', async () => {
    const world = await start()
    const { page, at } = world
    await page.goto(at('/patroneos'))
    expect(page.url()).toBe(at(screen('sign-in')))
    expect(await seriousFindings(page)).toEqual([])
    await page.getByLabel('Token').fill('a guess')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('This is not the token.').waitFor()
    expect(await seriousFindings(page)).toEqual([])
    // The browser notes the 401 that it was answered.
    expect(world.complaints.splice(0).join()).toMatch(/401/)
    await signIn(world)
    await page.getByRole('heading', { name: 'Now' }).waitFor()
    const cookies = await page.context().cookies()
    expect(cookies).toMatchObject([{ name: 'patroneos-filter', httpOnly: true, sameSite: 'Strict' }])
    expect(cookies[0]!.value).not.toContain(TOKEN)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(at(screen('sign-in')))
    await page.goto(at('/patroneos'))
    expect(page.url()).toBe(at(screen('sign-in')))
  })

  test('shows a violation within two seconds, who it was, and why', async () => {
    const { page, send } = await startSignedIn()
    await page.getByText('live', { exact: true }).waitFor()
    await page.getByText('Nobody: no request was refused').waitFor()
    expect(await send(ATTACKER, PUSH, '{', '<img src=x onerror=alert(1)>')).toBe(400)
    const row = page.locator('#who-violations')
    await row.waitFor({ timeout: 2_000 })
    expect(await textOf(row)).toMatch(
      /203\.0\.113\.9\s+INVALID_JSON POST \/v1\/chain\/push_transaction\s+1\s+100 %/,
    )
    await page.getByText('<img src=x onerror=alert(1)>').waitFor()
    await row.getByRole('link', { name: ATTACKER }).click()
    await page.getByRole('heading', { name: ATTACKER, level: 1 }).waitFor()
    const verdicts = page.getByRole('region', { name: 'Last verdicts' })
    expect(await textOf(verdicts)).toMatch(/INVALID_JSON\s+POST \/v1\/chain\/push_transaction/)
    expect(await seriousFindings(page)).toEqual([])
  })

  test('bans and unbans with the keyboard alone', async () => {
    const { page, at, send } = await startSignedIn()
    await send(ATTACKER, PUSH, '{')
    await page.goto(at(screen('offenders')))
    const button = page.locator(`[data-ban="${ATTACKER}"]`)
    await button.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: `Ban ${ATTACKER}` }).waitFor()
    await page.keyboard.press('Escape')
    expect(await send(ATTACKER, '/v1/chain/get_info')).toBe(200)
    await button.focus()
    await page.keyboard.press('Enter')
    await page.getByLabel('For', { exact: true }).selectOption('1 day')
    expect(await seriousFindings(page)).toEqual([])
    await page.getByRole('button', { name: 'Ban', exact: true }).focus()
    await page.keyboard.press('Enter')
    await page.getByText(`${ATTACKER} is banned.`).waitFor()
    expect(await send(ATTACKER, '/v1/chain/get_info')).toBe(403)
    const ban = page.getByRole('region', { name: 'Bans in force' })
    await ban.getByText(/23 h 59 min|1 d/).waitFor()
    await ban.getByRole('button', { name: `Unban ${ATTACKER}` }).focus()
    await page.keyboard.press('Enter')
    await page.getByText(`The ban of ${ATTACKER} is lifted.`).waitFor()
    expect(await send(ATTACKER, '/v1/chain/get_info')).toBe(200)
    await page.getByText('Nobody is banned.').waitFor()
  })

  test('says why somebody cannot be banned', async () => {
    const { page, at, send, complaints } = await startSignedIn({ ipAllowList: [ATTACKER] })
    await send(ATTACKER, PUSH, '{')
    await page.goto(at(screen(`network?network=${ATTACKER}`)))
    await page.getByRole('button', { name: `Ban… ${ATTACKER}` }).click()
    await page.getByRole('button', { name: 'Ban', exact: true }).click()
    await page
      .getByText(`${ATTACKER} is not banned: ${ATTACKER} is on ipAllowList, which is never banned`)
      .waitFor()
    // The browser notes the 409 that it was answered.
    expect(complaints.splice(0).join()).toMatch(/409/)
  })

  test('shows nodes, relays and limits', async () => {
    const { page, at, send } = await startSignedIn({
      logEndpoints: [`http://127.0.0.1:${await freePort()}`],
      rateLimits: [{ name: 'bad', key: ['ip'], on: 'violation', limit: 4, window: 60 }],
    })
    for (let n = 0; n < 2; n++) await send(ATTACKER, PUSH, '{')
    await page.goto(at(screen('nodes')))
    const node = page.locator('tbody tr')
    await node.getByText('in', { exact: true }).waitFor()
    expect(await textOf(node)).toMatch(/0 blocks/)
    expect(await seriousFindings(page)).toEqual([])
    await page.goto(at(screen('relays')))
    await page.getByText(/ECONNREFUSED/).waitFor()
    expect(await textOf(page.locator('tbody tr'))).toMatch(/fail2ban-relay\s+2\s+0\s+0\s+0/)
    expect(await seriousFindings(page)).toEqual([])
    await page.goto(at(screen('limits')))
    await page.getByText('4 violations in 1 min').waitFor()
    expect(await textOf(page.locator('.nearest'))).toMatch(/203\.0\.113\.9\s+50 %\s+2/)
    expect(await seriousFindings(page)).toEqual([])
  })

  test('refuses a wrong value with its reason, shows the difference, tries it, applies it, and takes it back', async () => {
    const { page, at, send, operate } = await startSignedIn()
    const push = () => send('198.51.100.7', PUSH, transactionOn('eosio.token'))
    expect(await push()).toBe(202)
    await page.goto(at(screen('configuration')))
    const apply = page.getByRole('button', { name: 'Apply' })

    await page.getByLabel('maxSignatures').fill('-1')
    const reason = page.locator('#error-maxSignatures')
    await reason.getByText('maxSignatures: found -1; allowed: a whole number from 0 to 1000000').waitFor()
    expect(await apply.isDisabled()).toBe(true)
    await page.getByLabel('contractBlackList').fill('{eosio.token}')
    await page.locator('#error-contractBlackList').getByText('this is no JSON').waitFor()
    await page.getByLabel('maxSignatures').fill('9')
    await page.getByLabel('contractBlackList').fill('{"eosio.token": true}')
    const difference = page.locator('#difference')
    await difference.getByText('contractBlackList.eosio.token').waitFor()
    expect(await textOf(difference)).toBe('contractBlackList.eosio.token none → true maxSignatures 10 → 9')

    await page.getByRole('button', { name: 'Try in monitor mode' }).click()
    const trial = page.locator('#trial')
    await trial.getByText('Tried on the last 1 request').waitFor()
    expect(await textOf(trial)).toMatch(/BLACKLISTED_CONTRACT\s+1\s+198\.51\.100\.7/)
    expect(await seriousFindings(page)).toEqual([])
    expect(await push()).toBe(202)

    await Promise.all([page.waitForEvent('load'), apply.click()])
    await page.getByText('The change is in force.').waitFor()
    expect(await push()).toBe(400)
    expect(await (await operate('GET', '/patroneos/config')).json()).toMatchObject({ maxSignatures: 9 })

    const changes = page.getByRole('region', { name: 'Last changes' })
    expect(await textOf(changes)).toContain('maxSignatures 10 → 9')
    await changes.getByRole('button', { name: /^Undo/ }).click()
    await difference.getByText('contractBlackList.eosio.token').waitFor()
    expect(await textOf(difference)).toBe('contractBlackList.eosio.token true → none maxSignatures 9 → 10')
    await Promise.all([page.waitForEvent('load'), apply.click()])
    await page.getByText('The change is in force.').waitFor()
    expect(await push()).toBe(202)
    await page.goto(at('/patroneos'))
    const marks = page.locator('.marks li', { hasText: 'Configuration: contractBlackList, maxSignatures' })
    await marks.first().waitFor()
  })

  test('does not apply over a change that somebody else made, and keeps what was typed', async () => {
    const world = await startSignedIn()
    const { page, at, operate, complaints } = world
    await page.goto(at(screen('configuration')))
    await page.getByLabel('maxSignatures').fill('5')
    await page.getByText('maxSignatures 10 → 5').waitFor()
    await operate('POST', '/patroneos/config', { maxActions: 7 })
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.getByText('changed by somebody else meanwhile').waitFor()
    expect(complaints.splice(0).join()).toMatch(/412/)
    await page.getByText('maxSignatures 10 → 5').waitFor()
    expect(await page.getByLabel('maxActions').inputValue()).toBe('7')
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.getByText('The change is in force.').waitFor()
    const config = await (await operate('GET', '/patroneos/config')).json()
    expect(config).toMatchObject({ maxSignatures: 5, maxActions: 7 })
  })

  test('is not cut off at 360 pixels, in light and in dark', async () => {
    const { page, at, send } = await startSignedIn()
    await send('2001:db8:1234:5678::9', PUSH, '{', 'a-user-agent-of-one-very-long-word/'.repeat(3))
    const names = [
      'offenders',
      'nodes',
      'relays',
      'limits',
      'configuration',
      'network?network=2001:db8:1234:5678::',
    ]
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width: 360, height: 740 })
      for (const path of ['/patroneos', ...names.map(screen)]) {
        await page.goto(at(path))
        expect([path, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([path, 360])
        if (colorScheme === 'dark') expect([path, await seriousFindings(page)]).toEqual([path, []])
      }
    }
  })
})
