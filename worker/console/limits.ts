// The screen Limits: how near the busiest clients are to each rate limit.
import type { RateLimit } from '../../shared/config/rate-limits.ts'
import { milliseconds, number, seconds } from '../../shared/console/format.ts'
import { type Html, html, nothing } from '../../shared/console/html.ts'
import type { Screen } from '../../shared/console/page.ts'
import { table } from '../../shared/console/table.ts'
import type { KeyCount } from '../limits/counts.ts'
import { shareBar } from './parts.ts'
import type { Watch } from './watch.ts'

const units: Record<RateLimit['on'], string> = {
  attempt: 'requests',
  failure: 'failed transactions',
  violation: 'violations',
  time: "of nodeos's time",
}

export function limitsScreen({ metrics, config, insight }: Watch): Screen {
  return {
    path: '/patroneos/console/limits',
    title: 'Limits',
    isLive: true,
    render: async () => {
      const [{ limits: counts }, fullest] = await Promise.all([metrics(), insight.limits()])
      const rows = config().rateLimits.map((limit) =>
        limitRow(limit, fullest[limit.name] ?? [], counts[limit.name]),
      )
      const heads = ['Limit', 'Allowed', 'Nearest to it', 'Rejected', 'Noted']
      return html`<h1>Limits</h1>${table('Rate limits', heads, rows, 'There is no rate limit: rateLimits is empty.')}
<p class="hint">Rejected and noted are requests over the limit since the start; those of a limit with "answer": "monitor" are noted only.</p>`
    },
  }
}

function limitRow(
  limit: RateLimit,
  keys: readonly KeyCount[],
  counts: { rejected: number; monitored: number } | undefined,
): Html {
  const { name, key, on, window, answer, limit: allowed } = limit
  const amount = (count: number) => (on === 'time' ? milliseconds(count) : number(count))
  const nearest = keys.map(
    (one) =>
      html`<li><code>${one.key}</code> ${shareBar(Math.min(1, one.count / Math.max(1, allowed)))} <small>${amount(one.count)}</small></li>`,
  )
  return html`<tr id="limit-${name}">
  <th scope="row">${name}${answer === 'monitor' ? html` <span class="badge warn">monitor</span>` : nothing}</th>
  <td>${amount(allowed)} ${units[on]} in ${seconds(window)}<br><small>for each ${key.join(' and ')}</small></td>
  <td>${keys.length === 0 ? html`<small>nobody</small>` : html`<ul class="nearest">${nearest}</ul>`}</td>
  <td class="number">${number(counts?.rejected ?? 0)}</td>
  <td class="number">${number(counts?.monitored ?? 0)}</td>
</tr>`
}
