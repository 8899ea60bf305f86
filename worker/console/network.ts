// A look at one network: whether it is banned, what it does, and the last verdicts against it.
import { clock, seconds } from '../../shared/console/format.ts'
import { type Html, html } from '../../shared/console/html.ts'
import type { Screen } from '../../shared/console/page.ts'
import { table } from '../../shared/console/table.ts'
import { windows } from '../top/sliding-top.ts'
import { networkIn, topListOf } from '../top/top-api.ts'
import { measures, type TopSnapshot } from '../top/top-lists.ts'
import {
  amount,
  banButton,
  doingOf,
  measureNames,
  shareBar,
  unbanButton,
  verdictTable,
  windowNames,
} from './parts.ts'
import type { Watch } from './watch.ts'

export function networkScreen({ insight, bans }: Watch): Screen {
  return {
    path: '/patroneos/console/network',
    title: 'Network',
    isLive: true,
    scripts: ['bans.js'],
    isListed: false,
    render: async (query) => {
      const text = query.get('network') ?? ''
      const network = networkIn(text)
      if (network === undefined)
        return html`<h1>No such network</h1>
<p>Found <code>${text.slice(0, 100)}</code>; allowed is an address, or a network as listed.</p>${lookForm('')}`
      const [verdicts, inForce, tops] = await Promise.all([
        insight.verdicts(network),
        bans.list(),
        Promise.all(windows.map((window) => insight.top(window))),
      ])
      const ban = inForce.find((one) => one.network === network)
      const standing = ban
        ? html`<span class="badge bad">banned</span> until ${clock(ban.until)} UTC, ${seconds((ban.until - Date.now()) / 1000)} from now ${unbanButton(network)}`
        : html`<span class="badge ok">not banned</span> ${banButton(network)}`
      return html`<h1>${network}</h1>
<p>${standing}</p>
<section><h2 id="does">What it does</h2>${doesTable(tops, network)}</section>
<section><h2 id="verdicts">Last verdicts against it</h2>${verdictTable('Last verdicts', verdicts)}</section>
${lookForm(network)}`
    },
  }
}

const lookForm = (
  network: string,
) => html`<form class="look" method="get" action="/patroneos/console/network">
  <label for="look">Look at another address</label>
  <input id="look" name="network" value="${network}" autocomplete="off" spellcheck="false">
  <button>Look</button>
</form>`

/** A row for each measure, a column for each window. */
function doesTable(tops: readonly TopSnapshot[], network: string): Html {
  const rows = measures.map((measure) => {
    const cells = tops.map((top) => {
      const all = topListOf(top, 'networks', measure, Number.POSITIVE_INFINITY).top
      const entry = all.find(({ key }) => key === network)
      return entry
        ? html`<td>${amount(measure, entry.count)} ${shareBar(entry.share)}<br>${doingOf(entry)}</td>`
        : html`<td>–</td>`
    })
    return html`<tr><th scope="row">${measureNames[measure]}</th>${cells}</tr>`
  })
  return table('What it does', ['Measure', ...windows.map((window) => windowNames[window])], rows, '')
}
