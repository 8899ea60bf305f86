// The console of the relay, smaller than the filter's: what it writes and refuses, the filters in HAProxy, and its
// configuration.
import { version } from '../shared/build-info.ts'
import { type RelayConfig, relayConfigSchema } from '../shared/config/relay.ts'
import { type Console, createConsole } from '../shared/console/console.ts'
import { figure, marksList } from '../shared/console/figures.ts'
import { clock, number } from '../shared/console/format.ts'
import type { History } from '../shared/console/history.ts'
import { html } from '../shared/console/html.ts'
import type { Screen } from '../shared/console/page.ts'
import { type PlotDescription, plot } from '../shared/console/plot.ts'
import { createRecord } from '../shared/console/record.ts'
import { table } from '../shared/console/table.ts'
import type { Program } from '../shared/program/program.ts'
import type { Relay } from './app.ts'
import {
  createServerMarking,
  serversFigure,
  serversSection,
  serverValues,
  sessionsPlot,
} from './console-servers.ts'
import type { FilterPool } from './haproxy.ts'
import { lookAtServers } from './haproxy-servers.ts'

const events: PlotDescription = {
  title: 'Events written',
  unit: '/s',
  series: [{ name: 'written', label: 'written', kind: 'counter' }],
}
const messages: PlotDescription = {
  title: 'Messages not written',
  unit: '/s',
  series: [
    { name: 'repeated', label: 'came again', kind: 'counter' },
    { name: 'refused', label: 'refused', kind: 'counter' },
    { name: 'failed', label: 'could not be written', kind: 'counter' },
  ],
}

export function createRelayConsole(
  { store, token, logger, onConfigChange }: Program<RelayConfig>,
  relay: Relay,
  pool: Pick<FilterPool, 'problems'>,
): Console {
  const markServers = createServerMarking()
  const record = createRecord({
    program: 'relay',
    config: store.current,
    look: async (history) => {
      const servers = await lookAtServers(store.current())
      history.add({ at: Date.now(), values: { ...relay.counts(), ...serverValues(servers) } })
      markServers(history, servers)
    },
  })
  record.start()
  onConfigChange(record.configured)
  return createConsole({
    program: 'relay',
    version,
    logger,
    configuration: {
      schema: relayConfigSchema,
      store,
      token,
      changes: record.changes,
      warnings: () => [],
    },
    screens: [nowScreen(relay, pool, record.history, store.current)],
  })
}

function nowScreen(
  relay: Relay,
  pool: Pick<FilterPool, 'problems'>,
  history: History,
  config: () => RelayConfig,
): Screen {
  return {
    path: '/patroneos',
    title: 'Now',
    isLive: true,
    render: async () => {
      const look = await lookAtServers(config())
      const now = Date.now()
      const { written, repeated, refused, failed } = relay.counts()
      const latest = relay
        .latest()
        .map(
          ({ at, host, message, from }) =>
            html`<tr><td>${clock(at)}</td><td>${host}</td><td><code>${message}</code></td><td>${from}</td></tr>`,
        )
      return html`<h1>Now</h1>
<dl class="figures">
  ${figure('Events', number(history.rate('written')), '/s')}
  ${figure('Written', number(written), 'events')}
  ${figure('Came again', number(repeated), repeated === 1 ? 'message' : 'messages')}
  ${figure('Refused', number(refused), refused === 1 ? 'message' : 'messages', refused > 0 ? 'warn' : '')}
  ${figure('Not written', number(failed), failed === 1 ? 'message' : 'messages', failed > 0 ? 'bad' : '')}
  ${serversFigure(look)}
</dl>
<p class="hint">Written to <code>${config().logFileLocation}</code>, which fail2ban reads.</p>
<section><h2 id="servers">Filters in HAProxy</h2>${serversSection(look, config(), pool.problems())}</section>
<section><h2 id="hour">Lately</h2>${plot(history, events, now)}${plot(history, messages, now)}${sessionsPlot(look, history, now)}</section>
<section><h2 id="changed">What changed lately</h2>${marksList(history, now)}</section>
<section><h2 id="latest">Last events</h2>${table('Last events', ['Time (UTC)', 'Address', 'Code', 'From filter'], latest, 'None so far.')}</section>`
    },
  }
}
