// Debian's Chromium for tests, without what it would ask the network for.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'

/** Where Chromium is missing its tests are skipped, and that is said; but not in CI, where they fail. */
export function skipWithoutChromium(what: string): boolean {
  const missing = !existsSync(CHROMIUM) && process.env.CI !== 'true'
  if (missing) console.warn(`!! NOT RUN: ${what}, as there is no ${CHROMIUM}`)
  return missing
}

export interface Chromium {
  browser: BrowserContext
  close(): Promise<void>
}

/** Starts it; these names lead to 127.0.0.1, and all others nowhere. */
export async function startChromium(names: string[]): Promise<Chromium> {
  const profile = mkdtempSync(join(tmpdir(), 'patroneos-browser-'))
  const rules = [...names.map((name) => `MAP ${name} 127.0.0.1`), 'MAP * ~NOTFOUND']
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      // Else the browser itself may keep pages from loopback; here the server is to do so.
      '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
      `--host-resolver-rules=${rules.join(',')},EXCLUDE 127.0.0.1,EXCLUDE localhost`,
    ],
  })
  return {
    browser,
    close: async () => {
      await browser.close()
      rmSync(profile, { recursive: true, force: true })
    },
  }
}
