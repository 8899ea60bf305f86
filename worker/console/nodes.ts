// The screen Nodes: which are in, how far behind each is, and what it is asked.
import { clock, counted, milliseconds, number, seconds } from '../../shared/console/format.ts'
import { type Html, html, nothing } from '../../shared/console/html.ts'
import type { Screen } from '../../shared/console/page.ts'
import { table } from '../../shared/console/table.ts'
import { shownNode } from '../nodes/nodes-api.ts'
import type { Watch } from './watch.ts'

const heads = [
  'Node',
  'State',
  'Head block',
  'Behind',
  'At work',
  'Waiting',
  'Requests',
  'Time to answer',
  'Failures',
]

export function nodesScreen({ nodes, metrics }: Watch): Screen {
  return {
    path: '/patroneos/console/nodes',
    title: 'Nodes',
    isLive: true,
    render: async () => {
      const counts = (await metrics()).nodes
      const rows = nodes.states.map((state) => nodeRow(shownNode(state, counts[state.name])))
      return html`<h1>Nodes</h1>${table('Nodes', heads, rows, 'There is no node.')}
<p class="hint">Counters are since the start. A node that is out is asked nothing while another one is in.</p>`
    },
  }
}

const tones = { in: 'ok', out: 'bad', unknown: 'warn' }

function nodeRow(node: ReturnType<typeof shownNode>): Html {
  const { name, url, weight, serves, state, reason, ejectedUntil, headBlock, headBlockTime } = node
  const age = headBlockTime === null ? undefined : (Date.now() - Date.parse(headBlockTime)) / 1000
  const failures = Object.entries(node.errors).filter(([, count]) => count > 0)
  const ejected = ejectedUntil === null ? nothing : html`, until ${clock(Date.parse(ejectedUntil))} UTC`
  return html`<tr id="node-${name}">
  <th scope="row">${name}<br><small>${url}<br>weight ${weight}, serves ${serves.join(', ')}</small></th>
  <td><span class="badge ${tones[state as keyof typeof tones]}">${state}</span>${reason === null ? nothing : html`<br><small>${reason}${ejected}</small>`}</td>
  <td class="number">${headBlock === null ? '–' : number(headBlock)}${age === undefined ? nothing : html`<br><small>${seconds(Math.max(0, age))} old</small>`}</td>
  <td class="number">${node.lagBlocks === null ? '–' : `${number(node.lagBlocks)} blocks`}</td>
  <td class="number">${number(node.requestsUnderWay - node.requestsWaiting)}${node.concurrency ? html` <small>of ${number(node.concurrency)}</small>` : nothing}</td>
  <td class="number">${number(node.requestsWaiting)}</td>
  <td class="number">${number(node.requests)}</td>
  <td class="number">${node.averageSecondsToAnswer === null ? '–' : milliseconds(node.averageSecondsToAnswer * 1000)}</td>
  <td>${failures.length === 0 ? 'none' : failures.map(([how, count]) => html`${number(count)} ${how}<br>`)}${node.ejections > 0 ? html`<small>ejected ${counted(node.ejections, 'time')}</small>` : nothing}</td>
</tr>`
}
