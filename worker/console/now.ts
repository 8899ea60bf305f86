// The screen Now: how much traffic, what becomes of it, who is behind it, and what changed lately.

import { figure, marksList } from '../../shared/console/figures.ts'
import { number } from '../../shared/console/format.ts'
import { type Html, html } from '../../shared/console/html.ts'
import type { Screen } from '../../shared/console/page.ts'
import { type PlotDescription, plot } from '../../shared/console/plot.ts'
import { actionHead, table } from '../../shared/console/table.ts'
import { violations } from '../../shared/violations.ts'
import type { Ban } from '../bans/bans.ts'
import { topListOf } from '../top/top-api.ts'
import { measures, type TopSnapshot } from '../top/top-lists.ts'
import { amount, banAction, doingOf, measureNames, networkLink, shareBar, verdictTable } from './parts.ts'
import { valuesOf, type Watch } from './watch.ts'

const plots: readonly PlotDescription[] = [
  {
    title: 'Requests',
    unit: '/s',
    series: [
      { name: 'passed', label: 'passed', kind: 'counter' },
      { name: 'refused', label: 'refused', kind: 'counter' },
      { name: 'failed', label: 'failed transactions', kind: 'counter' },
      { name: 'trouble', label: 'trouble with nodeos', kind: 'counter' },
    ],
  },
  {
    title: "nodeos's time",
    unit: 'ms/s',
    series: [{ name: 'nodeTime', label: 'spent on requests', kind: 'counter' }],
  },
  {
    title: 'Requests at the nodes',
    unit: 'at one time',
    series: [
      { name: 'atWork', label: 'at work', kind: 'gauge' },
      { name: 'waiting', label: 'waiting for their turn', kind: 'gauge' },
    ],
  },
]

export function nowScreen(watch: Watch): Screen {
  const { history, insight, nodes, config } = watch
  return {
    path: '/patroneos',
    title: 'Now',
    isLive: true,
    scripts: ['bans.js'],
    render: async () => {
      const now = Date.now()
      const [metrics, nodeTime, top, latest, inForce] = await Promise.all([
        watch.metrics(),
        insight.time(),
        insight.top('1m'),
        insight.verdicts(''),
        watch.bans.list(),
      ])
      const mode =
        config().mode === 'monitor'
          ? html`<span class="badge warn">monitor mode: nothing is refused</span>`
          : html`<span class="badge ok">enforcing</span>`
      const { waiting, bans } = valuesOf(metrics, nodeTime)
      const isIn = nodes.states.filter((state) => state.isFit(now)).length
      const all = nodes.states.length
      const refused = history.rate('refused')
      const total = ['passed', 'failed', 'trouble'].reduce((sum, name) => sum + history.rate(name), refused)
      return html`<h1>Now ${mode}</h1>
<dl class="figures">
  ${figure('Requests', number(total), '/s')}
  ${figure('Refused', number(refused), '/s', refused > 0 ? 'warn' : '')}
  ${figure("nodeos's time", number(history.rate('nodeTime')), 'ms/s')}
  ${figure('Waiting', number(waiting), waiting === 1 ? 'request' : 'requests', waiting > 0 ? 'warn' : '')}
  ${figure('Nodes', `${isIn} of ${all}`, 'in', isIn < all ? 'bad' : '')}
  ${figure('Bans', number(bans), 'in force')}
</dl>
<section><h2 id="who">Who, in the last minute</h2>${whoTable(top, inForce)}</section>
<section><h2 id="hour">Lately</h2>${plots.map((each) => plot(history, each, now))}</section>
<div class="columns">
<section><h2 id="changed">What changed lately</h2>${marksList(history, now)}</section>
<section><h2 id="counts">Since the start</h2>${countsTable(metrics.verdicts)}</section>
</div>
<section><h2 id="latest">Last verdicts</h2>${verdictTable('Last verdicts', latest)}</section>`
    },
  }
}

/** For each measure the network that has most of it. */
function whoTable(top: TopSnapshot, inForce: readonly Ban[]): Html {
  const banned = new Set(inForce.map(({ network }) => network))
  const rows = measures.flatMap((measure) => {
    const [first] = topListOf(top, 'networks', measure, 1).top
    if (!first) return []
    return html`<tr id="who-${measure}">
  <th scope="row">${measureNames[measure]}</th>
  <td>${networkLink(first.key)}</td>
  <td>${doingOf(first)}</td>
  <td class="number">${amount(measure, first.count)}</td>
  <td>${shareBar(first.share)}</td>
  <td>${banAction(first.key, banned)}</td>
</tr>`
  })
  return table(
    'Who, in the last minute',
    ['Most of', 'Network', 'By', 'Amount', 'Share', actionHead],
    rows,
    'Nobody: no request was refused, no transaction failed, and nodeos spent no time.',
  )
}

function countsTable(verdicts: Record<string, number>): Html {
  const rows = Object.entries(verdicts)
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => {
      const meaning = Object.hasOwn(violations, code) ? violations[code as keyof typeof violations].text : ''
      return html`<tr id="count-${code}"><td><code>${code}</code> <small>${meaning}</small></td><td class="number">${number(count)}</td></tr>`
    })
  return table('Verdicts since the start', ['Verdict', 'Requests'], rows, 'No request so far.')
}
