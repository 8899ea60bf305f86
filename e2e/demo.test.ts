// The demonstration shows what it promises.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { violations } from '../shared/violations.ts'

test('npm run demo: each kind of request with its verdict and reason, and its line in the log', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'demo.ts'),
  ])
  expect(stderr).toBe('')
  const rows = stdout
    .split('\n')
    .map((line) =>
      /^ {2}(203\S+) {2,}(.*?) {2,}(accepted|failed.*?|rejected \d+)(?: {2,}(\w+)?.*)?$/.exec(line),
    )
    .filter((row) => row !== null)
  expect(rows.filter(([, , , verdict]) => verdict === 'accepted').length).toBeGreaterThanOrEqual(4)
  const expected = rows
    .filter(([, , , verdict]) => verdict !== 'accepted')
    .map(
      ([, client, , verdict, reason]) =>
        `${client} false ${verdict?.startsWith('failed') ? 'TRANSACTION_FAILED' : reason}`,
    )
  const logged = stdout.match(/203\.0\.113\.\d+ false \w+/g)
  expect(logged).toEqual(expected)

  // Those are left out that take more than one request, or a filter set up for them.
  const elsewhere =
    /^NODEOS_|^INVALID_HTTP$|^REQUEST_TIMEOUT$|^RATE_LIMITED$|^BANNED$|^BLOCKED_ADDRESS$|^OVERLOADED$|^TOO_MANY_(?:HEADERS|AUTHORIZATIONS|REQUESTS)$|^UNSUPPORTED_ENCODING$/
  for (const code of Object.keys(violations).filter((code) => !elsewhere.test(code)))
    expect(stdout).toContain(` false ${code}\n`)
})
