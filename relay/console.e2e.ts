// The relay's console in a real browser.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Chromium, skipWithoutChromium, startChromium } from '../e2e/chromium.ts'
import { seriousFindings, textOf } from '../e2e/console/world.ts'
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
  },
)
