// The console of the relay, smaller than the filter's: what it writes and refuses, and its configuration.
import { version } from '../shared/build-info.ts'
import { type RelayConfig, relayConfigSchema } from '../shared/config/relay.ts'
import { Changes, keysOf } from '../shared/console/changes.ts'
import {
  type ConfigurationParts,
  configurationRoutes,
  configurationScreen,
} from '../shared/console/configuration.ts'
import { type Console, createConsole } from '../shared/console/console.ts'
import { figure, marksList } from '../shared/console/figures.ts'
import { clock, number } from '../shared/console/format.ts'
import { History, SAMPLE_INTERVAL } from '../shared/console/history.ts'
import { html } from '../shared/console/html.ts'
import type { Screen } from '../shared/console/page.ts'
import { type PlotDescription, plot } from '../shared/console/plot.ts'
import { table } from '../shared/console/table.ts'
import type { Program } from '../shared/program/program.ts'
import type { Relay } from './app.ts'

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

export function createRelayConsole(program: Program<RelayConfig>, relay: Relay): Console {
  const { store, token, logger, onConfigChange } = program
  const history = new History()
  history.mark('start', 'The relay started')
  const look = () => {
    if (store.current().console) history.add({ at: Date.now(), values: { ...relay.counts() } })
  }
  setInterval(look, SAMPLE_INTERVAL).unref()
  const changes = new Changes(store.current())
  onConfigChange((config) => {
    const change = changes.note(config)
    if (change) history.mark('config', `Configuration: ${keysOf(change)}`)
  })
  const configuration: ConfigurationParts<RelayConfig> = {
    schema: relayConfigSchema,
    store,
    token,
    changes,
    warnings: () => [],
  }
  return createConsole({
    program: 'relay',
    version,
    token,
    logger,
    isOn: () => store.current().console,
    screens: [nowScreen(relay, history, store.current), configurationScreen(configuration)],
    routes: configurationRoutes(configuration),
  })
}

function nowScreen(relay: Relay, history: History, config: () => RelayConfig): Screen {
  return {
    path: '/patroneos',
    title: 'Now',
    isLive: true,
    render: async () => {
      const now = Date.now()
      const { written, repeated, refused, failed } = relay.counts()
      const { logFileLocation, filterEndpoints } = config()
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
  ${figure('Filters', number(filterEndpoints.length), 'behind HAProxy')}
</dl>
<p class="hint">Written to <code>${logFileLocation}</code>, which fail2ban reads.</p>
<section><h2>Lately</h2>${plot(history, events, now)}${plot(history, messages, now)}</section>
<section><h2>What changed lately</h2>${marksList(history, now)}</section>
<section><h2>Last events</h2>${table('Last events', ['Time (UTC)', 'Address', 'Code', 'From filter'], latest, 'None so far.')}</section>`
    },
  }
}
