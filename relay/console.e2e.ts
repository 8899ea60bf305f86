// The relay's console in a real browser.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createHaproxyProcess, skipWithoutHaproxy } from '../docker/haproxy/testing/haproxy-process.ts'
import { type Chromium, skipWithoutChromium, startChromium } from '../e2e/chromium.ts'
import { seriousFindings, textOf } from '../e2e/console/world.ts'
import { createFilter, type Filter, get } from './testing/behind-haproxy.ts'
import { createRelayProcess } from './testing/relay-process.ts'

describe.skipIf(skipWithoutChromium("the relay's console"))(
  "the relay's console",
  { timeout: 60_000 },
  () => {
    let chromium: Chromium
    beforeAll(async () => {
      chromium = await startChromium([])
    }, 60_000)
    afterAll(() => chromium.close())

    test('shows what is written, live, and edits the configuration', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'patroneos-relay-'))
      const relay = await createRelayProcess(folder, { logFileLocation: join(folder, 'fail2ban.log') }, {})
      await relay.start()
      const page = await chromium.browser.newPage()
      const complaints: string[] = []
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
      onTestFinished(async () => {
        await page.close()
        expect(await relay.stop()).toBe(0)
        rmSync(folder, { recursive: true })
        expect(complaints).toEqual([])
      })

      await page.goto(`${relay.configUrl()}/patroneos`)
      await page.getByText('live', { exact: true }).waitFor()
      await fetch(`${relay.url}/patroneos/fail2ban-relay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"host":"203.0.113.9","success":false,"message":"INVALID_JSON"}',
      })
      const last = page.getByRole('region', { name: 'Last events' })
      await last.getByText('INVALID_JSON').waitFor({ timeout: 2_000 })
      expect(await textOf(last)).toContain('203.0.113.9INVALID_JSON127.0.0.1')
      expect(await seriousFindings(page)).toEqual([])

      await page.getByRole('link', { name: 'Configuration' }).click()
      await page.getByLabel('logTimeFormat').selectOption('go')
      await page.locator('#difference').getByText('logTimeFormat').waitFor()
      expect(await page.getByRole('button', { name: 'Try in monitor mode' }).count()).toBe(0)
      await page.getByRole('button', { name: 'Apply' }).click()
      await page.getByText('The change is in force.').waitFor()
      const config = await (await fetch(`${relay.configUrl()}/patroneos/config`)).json()
      expect(config.logTimeFormat).toBe('go')
    })

    test.skipIf(skipWithoutHaproxy("the relay's console"))('shows the filters in HAProxy, live', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'patroneos-relay-'))
      const [first, second] = [await createFilter(0), await createFilter(0)]
      const haproxy = await createHaproxyProcess(folder)
      await haproxy.start({ PATRONEOS_FILTER: first.address })
      const settings = { haproxySocket: haproxy.socket, filterEndpoints: [first.url, second.url] }
      const relay = await createRelayProcess(
        folder,
        { logFileLocation: join(folder, 'fail2ban.log'), ...settings },
        {},
      )
      const page = await chromium.browser.newPage()
      onTestFinished(async () => {
        await page.close()
        await relay.stop()
        await haproxy.stop()
        await Promise.all([first.stop(), second.stop()])
        rmSync(folder, { recursive: true })
      })
      await relay.start()
      await page.goto(`${relay.configUrl()}/patroneos`)
      const figures = page.locator('.figures')
      await figures.getByText('2 of 2').waitFor()
      const table = page.getByRole('region', { name: 'Filters in HAProxy' })
      const row = (filter: Filter) => table.locator('tr', { hasText: filter.address })
      await row(second).getByText('up', { exact: true }).waitFor()
      await expect.poll(() => get(haproxy.port).then(({ status }) => status)).toBe(200)
      for (let asked = 0; asked < 9; asked++) await get(haproxy.port)
      await expect.poll(async () => requestsOf(table), { timeout: 5_000 }).toBeGreaterThanOrEqual(10)
      expect(await textOf(row(second))).toMatch(/up\s*for \d+ s\s*passed \d+ ms\s*0\s*0\s*\d+\s*none/)
      expect(await seriousFindings(page)).toEqual([])

      await second.stop()
      await row(second).getByText('down', { exact: true }).waitFor({ timeout: 10_000 })
      expect(await textOf(row(second))).toMatch(/L4CON.*failed check/)
      await figures.getByText('1 of 2').waitFor()
      await page.getByText(`${second.url} health check failed (L4CON)`).waitFor()
      const marks = page.locator('.marks')
      await marks.getByText(`${second.address} is down: L4CON`).waitFor({ timeout: 10_000 })
      await page.setViewportSize({ width: 360, height: 740 })
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)

      await haproxy.stop()
      await page.getByText(`HAProxy is not reached at ${haproxy.socket}`).waitFor({ timeout: 5_000 })
      await marks.getByText('HAProxy does not answer').waitFor({ timeout: 10_000 })
    })
  },
)

/** The sum of the requests that the filters were sent. */
async function requestsOf(table: Locator): Promise<number> {
  const cells = await table.locator('tbody tr td:nth-of-type(5)').allTextContents()
  return cells.reduce((sum, text) => sum + Number(text), 0)
}
