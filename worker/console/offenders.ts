// The screen Offenders: who and what is heaviest, and who is banned, with buttons to ban and unban.
import { clock, seconds } from '../../shared/console/format.ts'
import { type Html, html, nothing } from '../../shared/console/html.ts'
import type { Screen } from '../../shared/console/page.ts'
import { actionHead, table } from '../../shared/console/table.ts'
import type { Ban } from '../bans/bans.ts'
import { windows } from '../top/sliding-top.ts'
import { topListOf } from '../top/top-api.ts'
import { type Measure, measures, type Subject, type TopSnapshot } from '../top/top-lists.ts'
import {
  amount,
  banAction,
  doingOf,
  measureNames,
  networkLink,
  shareBar,
  unbanButton,
  windowNames,
} from './parts.ts'
import type { Watch } from './watch.ts'

const PATH = '/patroneos/console/offenders'

/** Rows of the list of networks, of the other lists, and of bans. */
const MAX_NETWORKS = 20
const MAX_OTHERS = 8
const MAX_BANS = 50

/** One of them, and many. */
const subjectNames: Record<Exclude<Subject, 'networks'>, [string, string]> = {
  accounts: ['Account', 'Accounts'],
  contracts: ['Contract', 'Contracts'],
  tables: ['Table', 'Tables'],
  agents: ['User agent', 'User agents'],
}

export function offendersScreen({ insight, bans }: Watch): Screen {
  return {
    path: PATH,
    title: 'Offenders',
    isLive: true,
    scripts: ['bans.js'],
    render: async (query) => {
      const window = windows.find((one) => one === query.get('window')) ?? '1m'
      const measure = measures.find((one) => one === query.get('by')) ?? 'violations'
      const [top, inForce] = await Promise.all([insight.top(window), bans.list()])
      const others = Object.entries(subjectNames) as [Subject, [string, string]][]
      return html`<h1>Offenders</h1>
<div class="choices">
  ${choices('By', measures, measure, (by) => ({ by, window }), measureNames)}
  ${choices('Within', windows, window, (within) => ({ by: measure, window: within }), windowNames)}
</div>
<section><h2 id="networks">Networks</h2>${networksTable(top, measure, inForce)}</section>
<div class="columns">${others.map(([subject, names]) => subjectList(top, subject, names, measure))}</div>
<section><h2 id="bans">Bans in force</h2>${bansTable(inForce)}</section>`
    },
  }
}

function choices<W extends string>(
  label: string,
  words: readonly W[],
  current: W,
  query: (word: W) => Record<string, string>,
  names: Record<W, string>,
): Html {
  return html`<div role="group" aria-label="${label}"><span class="soft">${label}</span>${words.map(
    (word) => {
      const mark = word === current ? html`aria-current="true"` : nothing
      return html`<a href="${PATH}?${String(new URLSearchParams(query(word)))}" ${mark}>${names[word]}</a>`
    },
  )}</div>`
}

const nobody: Record<Measure, string> = {
  violations: 'Nobody: no request was refused.',
  failures: 'Nobody: no transaction failed.',
  time: 'Nobody: nodeos spent no time.',
}

function networksTable(top: TopSnapshot, measure: Measure, inForce: readonly Ban[]): Html {
  const banned = new Set(inForce.map(({ network }) => network))
  const { top: entries } = topListOf(top, 'networks', measure, MAX_NETWORKS)
  const rows = entries.map((entry) => {
    const { key, count, share } = entry
    return html`<tr id="network-${key}">
  <td>${networkLink(key)}</td>
  <td>${doingOf(entry)}</td>
  <td class="number">${amount(measure, count)}</td>
  <td>${shareBar(share)}</td>
  <td>${banAction(key, banned)}</td>
</tr>`
  })
  return table('Networks', ['Network', 'By', 'Amount', 'Share', actionHead], rows, nobody[measure])
}

function subjectList(
  top: TopSnapshot,
  subject: Subject,
  [one, many]: [string, string],
  measure: Measure,
): Html {
  const { top: entries } = topListOf(top, subject, measure, MAX_OTHERS)
  const rows = entries.map(
    ({ key, count, share }) =>
      html`<tr><td><code>${key}</code></td><td class="number">${amount(measure, count)}</td><td>${shareBar(share)}</td></tr>`,
  )
  return html`<section><h2 id="${subject}">${many}</h2>${table(many, [one, 'Amount', 'Share'], rows, 'None.')}</section>`
}

function bansTable(bans: readonly Ban[]): Html {
  const now = Date.now()
  const rows = bans
    .toSorted((a, b) => b.until - a.until)
    .slice(0, MAX_BANS)
    .map(
      ({ network, until, times, byHand }) => html`<tr id="ban-${network}">
  <td>${networkLink(network)}</td>
  <td>${clock(until)}</td>
  <td class="number">${seconds((until - now) / 1000)}</td>
  <td class="number">${byHand ? 'by hand' : times}</td>
  <td>${unbanButton(network)}</td>
</tr>`,
    )
  const more = bans.length > MAX_BANS ? html`<p>And ${bans.length - MAX_BANS} more.</p>` : nothing
  const heads = ['Network', 'Until (UTC)', 'Left', 'In a row', actionHead]
  return html`${table('Bans in force', heads, rows, 'Nobody is banned.')}${more}`
}
