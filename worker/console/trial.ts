// What came of trying a configuration on the last requests, for people.
import { counted, number, seconds } from '../../shared/console/format.ts'
import { type Html, html, nothing } from '../../shared/console/html.ts'
import { table } from '../../shared/console/table.ts'
import type { Trial } from '../recent/trial.ts'
import { networkLink } from './parts.ts'

export function trialShown({ requests, since, before, after, passing, refused }: Trial): Html {
  if (since === undefined) return html`<p>There was no request so far to try it on.</p>`
  const age = seconds((Date.now() - since) / 1000)
  const rows = refused.map(
    (one) => html`<tr>
  <td><code>${one.code}</code></td>
  <td class="number">${number(one.requests)}</td>
  <td>${one.networks.map((network) => html`${networkLink(network)} `)}</td>
  <td><code>${one.request}</code><br><small>${one.detail}</small></td>
</tr>`,
  )
  const none = `It would have refused none of the last ${counted(requests, 'request')} that now pass.`
  return html`<h3>Tried on the last ${counted(requests, 'request')}, of ${age}</h3>
<p>Now ${number(before)} of them are refused, with your changes ${number(after)}.${passing > 0 ? ` ${counted(passing, 'request')} would pass that are refused now.` : nothing}</p>
${table('What it would have refused', ['It would refuse', 'Requests', 'Of', 'The last of them'], rows, none)}
<p class="hint">Rate limits, bans, and lists of addresses in files and URLs are not tried.</p>`
}
