import { describe, expect, test } from 'vitest'
import { History } from './history.ts'
import { plot } from './plot.ts'

const MINUTE = 60_000
const requests = {
  title: 'Requests',
  unit: '/s',
  series: [
    { name: 'passed', label: 'passed', kind: 'counter' },
    { name: 'waiting', label: 'waiting', kind: 'gauge' },
  ],
} as const

/** A sample every two seconds: `rate` requests a second, and three that wait. */
function historyOf(minutes: number, rate: number): { history: History; now: number } {
  const history = new History()
  for (let at = 0; at <= minutes * MINUTE; at += 2_000)
    history.add({ at, values: { passed: (rate * at) / 1_000, waiting: 3 } })
  return { history, now: minutes * MINUTE }
}

describe('a plot', () => {
  test('says in words what it shows', () => {
    const { history, now } = historyOf(20, 40)
    expect(String(plot(history, requests, now))).toContain(
      'aria-label="Requests: now 43 /s, at most 43 /s in the last 1 h"',
    )
  })

  test('draws ten minutes while there is no more to draw', () => {
    const { history, now } = historyOf(2, 40)
    expect(String(plot(history, requests, now))).toContain('in the last 10 min')
  })

  test('stays within its frame, and draws nothing where nothing was measured', () => {
    const { history, now } = historyOf(20, 40)
    const [, path = ''] = /<path class="s0" d="([^"]+)"/.exec(String(plot(history, requests, now)))!
    const xs = [...path.matchAll(/[ML]([\d.]+) /g)].map(([, x]) => Number(x))
    expect(Math.min(...xs)).toBeGreaterThan(470)
    expect(Math.max(...xs)).toBeLessThanOrEqual(720)
    const ys = [...path.matchAll(/[ML][\d.]+ (-?[\d.]+)/g)].map(([, y]) => Number(y))
    expect(Math.min(...ys)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...ys)).toBeLessThanOrEqual(140)
  })

  test('marks what changed, escaped', () => {
    const { history, now } = historyOf(20, 40)
    history.mark('config', 'Configuration: <b>', now - MINUTE)
    expect(String(plot(history, requests, now))).toContain('<title>00:19:00 Configuration: &lt;b&gt;</title>')
  })

  test('takes a counter that began anew for one that stands still', () => {
    const history = new History()
    history.add({ at: 0, values: { passed: 100 } })
    history.add({ at: 2_000, values: { passed: 4 } })
    expect(history.rate('passed')).toBe(0)
  })

  test('has an hour of samples at the most', () => {
    const { history } = historyOf(90, 1)
    expect(history.samples).toHaveLength(1_800)
  })
})
