// The screen Relays: what waits for each, what it took, and why it takes nothing.
import { clock, number, seconds } from '../../shared/console/format.ts'
import { html, nothing } from '../../shared/console/html.ts'
import type { Screen } from '../../shared/console/page.ts'
import { table } from '../../shared/console/table.ts'
import type { Watch } from './watch.ts'

export function relaysScreen({ metrics, config, insight }: Watch): Screen {
  return {
    path: '/patroneos/console/relays',
    title: 'Relays',
    isLive: true,
    render: async () => {
      const [{ relays }, errors] = await Promise.all([metrics(), insight.relayErrors()])
      const now = Date.now()
      const rows = Object.entries(relays).map(([url, { queued, sent, dropped, refused }]) => {
        const lastError = errors[url]
        const tone = queued > 100 || dropped > 0 ? 'bad' : 'ok'
        const error = lastError
          ? html`${lastError.reason}<br><small>${clock(lastError.at)} UTC, ${seconds((now - lastError.at) / 1000)} ago</small>`
          : 'none'
        return html`<tr id="relay-${url}">
  <th scope="row"><code>${url}</code></th>
  <td class="number"><span class="badge ${tone}">${number(queued)}</span></td>
  <td class="number">${number(sent)}</td>
  <td class="number">${number(dropped)}</td>
  <td class="number">${number(refused)}</td>
  <td>${error}</td>
</tr>`
      })
      const heads = ['Relay', 'Waiting', 'Sent', 'Dropped', 'Refused', 'Last error']
      const isMonitoring = config().mode === 'monitor'
      return html`<h1>Relays</h1>${table('Relays', heads, rows, 'There is no relay: logEndpoints is empty, and violations are reported to nobody.')}
<p class="hint">Reports since the start. Beyond 10,000 that wait, the oldest are dropped.</p>${isMonitoring ? html`<p class="hint">In monitor mode nothing is reported.</p>` : nothing}`
    },
  }
}
