// The metrics as they are documented, and as the programs print them. Prometheus's own tool judges their form.
import { spawnSync } from 'node:child_process'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startBun, startDeno, startNode } from '../worker/runtimes/testing/runtimes.ts'
import {
  familiesOf,
  filterExample,
  readMetricsPage,
  relayExample,
  withMetricTables,
} from './metrics-reference.ts'
import { skipWithoutPromtool } from './promtool.ts'

test('docs/metrics.md has the tables of today (npm run reference rewrites them)', async () => {
  expect(readMetricsPage()).toBe(await withMetricTables(readMetricsPage()))
})

describe.skipIf(skipWithoutPromtool('the form of metrics'))('promtool finds nothing wrong', () => {
  test.each([
    ['the filter', filterExample],
    ['the relay', relayExample],
  ])('with those of %s', async (_what, example) => {
    const { stderr, stdout, status } = spawnSync('promtool', ['check', 'metrics'], {
      input: await example(),
      encoding: 'utf8',
    })
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' })
  })
})

test.each(Object.entries({ Node: startNode, Bun: startBun, Deno: startDeno }))(
  'the filter on %s prints those that are documented',
  async (name, start) => {
    const filter = await start({ config: { nodeosPort: 1 }, relaySecret: '' })
    onTestFinished(() => filter.stop())
    const text = await (await filter.operate('GET', 'metrics')).text()
    expect(text).toContain(`runtime="${name.toLowerCase()}"`)
    const printed = familiesOf(text)
    // Those of a store are printed where there is one.
    const documented = familiesOf(await filterExample()).filter(
      (family) => !family.name.startsWith('patroneos_store_'),
    )
    const shown = ({ name, type, help }: (typeof printed)[number]) => `${name} ${type} ${help}`
    // Deno shows its descriptors to whom it allows everything.
    const expected = documented.filter((family) => name !== 'Deno' || !family.name.endsWith('_fds'))
    expect(printed.map(shown)).toEqual(expected.map(shown))
  },
)
