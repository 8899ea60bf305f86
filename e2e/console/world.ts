// A filter with its console, as an operator meets it: a nodeos behind it, clients before it, a browser at its config
// listener. Whatever the browser complains of is kept.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Locator, Page } from 'playwright-core'
import { type Chromium, startChromium } from '../chromium.ts'
import { pushBody } from '../fuzz/transactions.ts'
import { type OneThread, startOneThread } from '../hostile/one-thread.ts'
import { type RunningFilter, startFilter } from '../http/filter.ts'

export const TOKEN = 'the-token-of-these-tests'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export interface World {
  filter: RunningFilter
  nodeos: OneThread
  page: Page
  /** Errors on the browser's console, those of the content security policy among them. */
  complaints: string[]
  /** The address of a page on the config listener. */
  at(path: string): string
  /** Sends a request as a client; resolves to the status, 0 where there is no answer. */
  send(client: string, path: string, body?: string, agent?: string): Promise<number>
  /** Calls the config API with the token. */
  operate(method: string, path: string, body?: object): Promise<Response>
  stop(): Promise<void>
}

let chromium: Promise<Chromium> | undefined

/** One browser serves all worlds of a file. */
export async function stopBrowser(): Promise<void> {
  await (await chromium)?.close()
  chromium = undefined
}

export async function startWorld(config: object = {}): Promise<World> {
  chromium ??= startChromium([])
  const { browser } = await chromium
  const nodeos = await startOneThread()
  const filter = await startFilter({ nodeosPort: nodeos.port, ...config }, 'node', {
    PATRONEOS_CONFIG_TOKEN: TOKEN,
  })
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  const at = (path: string) => `http://127.0.0.1:${filter.configPort}${path}`
  return {
    filter,
    nodeos,
    page,
    complaints,
    at,
    send: async (client, path, body, agent = 'test/1') => {
      const headers = {
        'x-forwarded-for': client,
        'user-agent': agent,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      }
      const method = body === undefined ? 'GET' : 'POST'
      const init = body === undefined ? { method, headers } : { method, headers, body }
      const answer = await fetch(`http://127.0.0.1:${filter.port}${path}`, init).catch(() => undefined)
      await answer?.arrayBuffer().catch(() => {})
      return answer?.status ?? 0
    },
    operate: (method, path, body) =>
      fetch(at(path), {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      }),
    stop: async () => {
      await page.context().clearCookies()
      await page.close()
      await filter.stop()
      nodeos.close()
    },
  }
}

export async function signIn({ page, at }: World): Promise<void> {
  await page.goto(at('/patroneos'))
  await page.getByLabel('Token').fill(TOKEN)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(at('/patroneos'))
}

/** The text of something, its blanks as they are shown. */
export const textOf = async (found: Locator) =>
  ((await found.textContent()) ?? '').replace(/\s+/g, ' ').trim()

let pushes = 0

/** A transaction of its own each time; on the contract `failing` nodeos fails it. */
export function transactionOn(account: string): string {
  const authorization = [{ actor: 'alice', permission: 'active' }]
  const data = (pushes++).toString(16).padStart(16, '0')
  return pushBody({ actions: [{ account, name: 'transfer', authorization, data }] })
}

/** What axe finds on the page that is serious or worse. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
      resultTypes: ['violations'],
    }),
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`)
}

interface AxeResults {
  violations: { id: string; help: string; impact: string; nodes: { html: string }[] }[]
}
