// Pieces that several screens of the filter show.
import { clock, milliseconds, number, percent } from '../../shared/console/format.ts'
import { type Html, html, nothing } from '../../shared/console/html.ts'
import { table } from '../../shared/console/table.ts'
import type { RecentVerdict } from '../recent/verdicts.ts'
import type { Window } from '../top/sliding-top.ts'
import type { TopEntry } from '../top/top-api.ts'
import type { Measure } from '../top/top-lists.ts'

export const windowNames: Record<Window, string> = { '1m': '1 minute', '10m': '10 minutes', '1h': '1 hour' }

export const measureNames: Record<Measure, string> = {
  violations: 'Refused requests',
  failures: 'Failed transactions',
  time: "nodeos's time",
}

/** A number of a measure, with its unit where the measure's name does not say it. */
export const amount = (measure: Measure, count: number) =>
  measure === 'time' ? milliseconds(count) : number(count)

export const networkLink = (network: string) =>
  html`<a class="network" href="/patroneos/console/network?network=${encodeURIComponent(network)}">${network}</a>`

export const banButton = (network: string) =>
  html`<button class="small" data-ban="${network}">Ban…<span class="hidden"> ${network}</span></button>`

export const unbanButton = (network: string) =>
  html`<button class="small" data-unban="${network}">Unban<span class="hidden"> ${network}</span></button>`

/** What can be done about a network. */
export const banAction = (network: string, banned: ReadonlySet<string>) =>
  banned.has(network)
    ? html`<span class="badge bad">banned</span> ${unbanButton(network)}`
    : banButton(network)

/** A share as a bar and as a number. */
export const shareBar = (share: number) =>
  html`<span class="share"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8" /><rect class="bar" width="${(100 * share).toFixed(1)}" height="8" /></svg> ${percent(share)}</span>`

/** What a network does most. */
export function doingOf({ doing = [] }: TopEntry): Html {
  const [first, ...others] = doing
  if (!first) return html`<small>requests while it is shut out</small>`
  const more = others.length > 0 ? html` <small>and ${others.length} more</small>` : nothing
  return html`<code>${first.what}</code>${more}`
}

export function verdictTable(label: string, verdicts: readonly RecentVerdict[]): Html {
  return table(
    label,
    ['Time (UTC)', 'Address', 'Code', 'Request', 'Reason'],
    verdicts.map(
      ({ at, client, code, request, detail, enforced, agent }) => html`<tr>
  <td>${clock(at)}</td>
  <td>${networkLink(client)}</td>
  <td><code>${code}</code>${enforced || code === 'TRANSACTION_FAILED' ? nothing : html` <small>not enforced</small>`}</td>
  <td><code>${request || '–'}</code></td>
  <td>${detail}${agent ? html` <small>${agent}</small>` : nothing}</td>
</tr>`,
    ),
    'None so far.',
  )
}
