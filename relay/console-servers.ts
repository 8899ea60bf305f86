// What the console shows of HAProxy: the filters behind it, each with its state, its load and its errors.
import { figure } from '../shared/console/figures.ts'
import { counted, number, seconds } from '../shared/console/format.ts'
import type { History } from '../shared/console/history.ts'
import { type Html, html, nothing } from '../shared/console/html.ts'
import { type PlotDescription, plot } from '../shared/console/plot.ts'
import { table } from '../shared/console/table.ts'
import { type ServerState, type ServersLook, stateOf } from './haproxy-servers.ts'
import type { ServerReport } from './haproxy-socket.ts'

/** Numbers for the history. */
export function serverValues(look: ServersLook): Record<string, number> {
  const values = { active: 0, queued: 0 }
  if (!look || 'trouble' in look) return values
  for (const { active, queued } of look.servers) {
    values.active += active
    values.queued += queued
  }
  return values
}

const sessions: PlotDescription = {
  title: 'Requests at the filters',
  unit: 'at one time',
  series: [
    { name: 'active', label: 'at work', kind: 'gauge' },
    { name: 'queued', label: 'waiting in HAProxy', kind: 'gauge' },
  ],
}

/** Nothing where HAProxy is left alone. */
export const sessionsPlot = (look: ServersLook, history: History, now: number): Html | typeof nothing =>
  look ? plot(history, sessions, now) : nothing

/** Marks what changed of HAProxy and its servers since the look before. */
export function createServerMarking(): (history: History, look: ServersLook) => void {
  const states = new Map<string, ServerState>()
  let answered = true
  return (history, look) => {
    if (!look) return
    const answers = 'servers' in look
    if (answers !== answered)
      history.mark('node', answers ? 'HAProxy answers again' : `HAProxy does not answer: ${look.trouble}`)
    answered = answers
    if (!answers) return
    const isFirst = states.size === 0
    for (const server of look.servers) {
      const [before, state] = [states.get(server.name), stateOf(server)]
      states.set(server.name, state)
      if (before === state || (isFirst && state === 'up')) continue
      history.mark('node', `${server.address} is ${state}${state === 'down' ? `: ${whyDown(server)}` : ''}`)
    }
    const names = new Set(look.servers.map(({ name }) => name))
    for (const name of states.keys()) {
      if (names.has(name)) continue
      states.delete(name)
      history.mark('node', `${name} is no longer in HAProxy`)
    }
  }
}

/** How many filters take traffic. */
export function serversFigure(look: ServersLook): Html | typeof nothing {
  if (!look) return nothing
  if ('trouble' in look) return figure('Filters', '–', 'HAProxy does not answer', 'bad')
  const states = look.servers.map(stateOf)
  const up = states.filter((state) => state === 'up').length
  const tone = up === 0 || states.includes('down') ? 'bad' : up < states.length ? 'warn' : ''
  return figure('Filters', `${up} of ${states.length}`, 'up', tone)
}

const heads = ['Filter', 'State', 'Health check', 'At work', 'Waiting', 'Requests', 'Errors']

/** `problems` say why a filter that should serve does not, by its endpoint. */
export function serversSection(
  look: ServersLook,
  { haproxySocket, haproxyBackend }: { haproxySocket: string; haproxyBackend: string },
  problems: ReadonlyMap<string, string>,
): Html {
  if (!look) return html`<p class="empty">HAProxy is left alone: <code>haproxySocket</code> is empty.</p>`
  if ('trouble' in look)
    return html`<p class="warning">HAProxy is not reached at <code>${haproxySocket}</code>: ${look.trouble}</p>`
  const said = [...problems].map(
    ([subject, problem]) => html`<p class="warning"><code>${subject}</code> ${problem}</p>`,
  )
  const none = `The backend ${haproxyBackend} has no server.`
  return html`${table('Filters in HAProxy', heads, look.servers.map(serverRow), none)}${said}
<p class="hint">As HAProxy's backend <code>${haproxyBackend}</code> sees them. Requests and errors are since HAProxy started, or since a filter was added.</p>`
}

const tones: Record<ServerState, string> = { up: 'ok', draining: 'warn', maintenance: 'warn', down: 'bad' }

function serverRow(server: ServerReport): Html {
  const { name, address, active, queued, requests, connectionErrors, responseErrors, sinceSeconds } = server
  const state = stateOf(server)
  const errors = [
    ...(connectionErrors > 0 ? [`${number(connectionErrors)} connecting`] : []),
    ...(responseErrors > 0 ? [`${number(responseErrors)} answering`] : []),
  ]
  return html`<tr id="server-${name}">
  <th scope="row">${address}<br><small>${name}</small></th>
  <td><span class="badge ${tones[state]}">${state}</span><br><small class="whole">for ${seconds(sinceSeconds)}</small></td>
  <td class="words">${checkOf(server)}</td>
  <td class="number">${number(active)}</td>
  <td class="number">${number(queued)}</td>
  <td class="number">${number(requests)}</td>
  <td>${errors.length === 0 ? 'none' : errors.join(', ')}</td>
</tr>`
}

function checkOf(server: ServerReport): Html {
  const { check, checkMilliseconds, failedChecks, timesDown } = server
  const last = check === '' ? 'none so far' : isGood(check) ? 'passed' : whyDown(server)
  const took =
    check === '' || checkMilliseconds === undefined
      ? nothing
      : html` <small class="whole">${checkMilliseconds} ms</small>`
  const failed =
    failedChecks > 0
      ? html`<br><small>${counted(failedChecks, 'failed check')}, down ${counted(timesDown, 'time')}</small>`
      : nothing
  return html`${last}${took}${failed}`
}

/** As HAProxy's words of a check begin: L4OK, L6OK, L7OK, L7OKC. */
const isGood = (check: string) => /^L\dOK/.test(check)

const whyDown = ({ check, checkDetail }: ServerReport) =>
  [check, checkDetail].filter((part) => part !== '').join(': ') || 'not checked yet'
