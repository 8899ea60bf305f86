// The screen Configuration: every key with its meaning, edited in place. What is typed is judged by the listener at once,
// its difference to what is in force is shown, and it can be tried before it is applied. Applying is a change by the config
// API, with the tag of what the page shows.
import type { Context } from 'hono'
import {
  type ConfigIssue,
  type ConfigSchema,
  configListenerIssue,
  formatConfigIssue,
  parseConfig,
  restartKeys,
} from '../config/parse.ts'
import { type ConfigRoute, etagOf, mergePatch } from '../config-api.ts'
import type { ConfigStore } from '../config-store.ts'
import { errorBody } from '../error-body.ts'
import { isObject } from '../json.ts'
import { type Change, type Changes, differencesOf, patchOf } from './changes.ts'
import { type Control, type Field, fieldsOf, textOf } from './fields.ts'
import { clock, seconds } from './format.ts'
import { type Html, html, nothing } from './html.ts'
import type { Screen } from './page.ts'
import { actionHead, table } from './table.ts'

export interface ConfigurationParts<C> {
  schema: ConfigSchema<C>
  store: ConfigStore<C>
  token: string | undefined
  changes: Changes<C & object>
  /** What of a valid configuration may surprise. */
  warnings(config: C): string[]
  /** What a configuration would have done to the last requests; absent where there are none to try it on. */
  tryOut?(next: C): Promise<Html>
}

/** What every program with a console has in its configuration. */
export interface ConsoleConfig {
  configListenIP: string
  /** There is a console. */
  console: boolean
}

export function configurationScreen<C extends ConsoleConfig>(parts: ConfigurationParts<C>): Screen {
  const { schema, store, changes, tryOut } = parts
  const fields = fieldsOf(schema)
  return {
    path: '/patroneos/console/configuration',
    title: 'Configuration',
    scripts: ['configuration.js'],
    render: async () => {
      const config = store.current()
      const kept = store.transient
        ? html`<p class="hint">Changes are not kept: ${store.transient}.</p>`
        : nothing
      const tryButton = tryOut
        ? html`<button type="button" id="try" class="quiet" disabled>Try in monitor mode</button>`
        : nothing
      return html`<h1>Configuration</h1>${kept}
<section><h2 id="changes">Last changes</h2>${changesTable(changes.all, config, schema)}</section>
<section><h2 id="keys">Keys</h2>
<div class="finder">
  <label for="find">Find</label> <input id="find" type="search" autocomplete="off" placeholder="name or meaning">
  <label><input id="only-set" type="checkbox"> only those that differ from the default</label>
</div>
<form id="configuration" data-etag="${await etagOf(config)}" novalidate>${fields.map((field) => fieldRow(field, config[field.key as keyof C]))}</form>
</section>
<aside id="pending" aria-labelledby="pending-title" hidden>
  <h2 id="pending-title">Your changes</h2>
  <div class="content" tabindex="0" role="region" aria-labelledby="pending-title">
    <div id="difference" role="status"></div>
    <div id="trial" role="status"></div>
  </div>
  <div class="buttons"><button type="button" id="discard" class="quiet">Discard</button>${tryButton}<button type="button" id="apply" disabled>Apply</button></div>
</aside>`
    },
  }
}

function fieldRow({ key, description, fallback, control }: Field, value: unknown): Html {
  const isDefault = JSON.stringify(value) === JSON.stringify(fallback)
  const badge = isDefault
    ? html`<span class="badge">default</span>`
    : html`<span class="badge set">set</span>`
  const restart = restartKeys.some((name) => name === key) ? html` <small>after a restart</small>` : nothing
  const reset = isDefault
    ? nothing
    : html`<button type="button" class="small" data-reset="${key}">Default: ${textOf({ kind: 'json' }, fallback).slice(0, 60)}<span class="hidden"> for ${key}</span></button>`
  return html`<div class="key" id="key-${key}" data-key="${key}" data-default="${JSON.stringify(fallback)}" data-set="${isDefault ? '' : 'yes'}">
  <div class="name"><label for="value-${key}"><code>${key}</code></label> ${badge}${restart}</div>
  <p id="meaning-${key}" class="soft">${description}</p>
  <div class="value">${controlFor(key, control, textOf(control, value))}${reset}</div>
  <p id="error-${key}" class="error" role="alert"></p>
</div>`
}

/** Lines of the tallest text that is shown at once. */
const MAX_LINES = 12

function controlFor(key: string, control: Control, text: string): Html {
  const common = html`id="value-${key}" name="${key}" data-kind="${control.kind}" aria-describedby="meaning-${key} error-${key}" autocomplete="off" spellcheck="false"`
  if (control.kind === 'flag' || control.kind === 'choice') {
    const options = 'options' in control ? control.options : ['true', 'false']
    return html`<select ${common}>${options.map((option) => html`<option ${option === text ? html`selected` : nothing}>${option}</option>`)}</select>`
  }
  if (control.kind === 'integer')
    return html`<input ${common} type="number" step="1" min="${control.minimum}" max="${control.maximum}" value="${text}">`
  if (control.kind === 'json') {
    const lines = Math.min(MAX_LINES, text.split('\n').length)
    return html`<textarea ${common} rows="${lines}">${text}</textarea>`
  }
  return html`<input ${common} type="text" value="${text}">`
}

function changesTable<C extends object>(all: readonly Change[], config: C, schema: ConfigSchema<C>): Html {
  const rows = all.map((change) => {
    const edits = editsOf(change, config, schema)
    const undo = edits
      ? html`<button type="button" class="small" data-undo="${JSON.stringify(edits)}">Undo…<span class="hidden"> the change of ${clock(change.at)}</span></button>`
      : html`<small>undone</small>`
    return html`<tr>
  <td>${clock(change.at)}<br><small>${seconds((Date.now() - change.at) / 1000)} ago</small></td>
  <td>${differenceList(change.differences)}</td>
  <td>${undo}</td>
</tr>`
  })
  return table('Last changes', ['Time (UTC)', 'What', actionHead], rows, 'None since the start.')
}

/** The values that take a change back, as whole keys; undefined where they are in force, or would not be valid now. */
function editsOf<C extends object>({ undo }: Change, config: C, schema: ConfigSchema<C>): object | undefined {
  const parsed = parseConfig(schema, mergePatch(config, undo))
  if ('issues' in parsed) return undefined
  const next = Object.entries(parsed.config as object)
  const edits = next.filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(config[key as keyof C]),
  )
  return edits.length > 0 ? Object.fromEntries(edits) : undefined
}

const shown = (value: unknown) => (value === undefined ? 'none' : textOf({ kind: 'json' }, value))

const differenceList = (differences: Change['differences']): Html =>
  html`<ul class="differences">${differences.map(
    ({ path, before, after }) =>
      html`<li><code>${path}</code> <del>${shown(before)}</del> → <ins>${shown(after)}</ins></li>
`,
  )}</ul>`

/** The routes that judge and try what is typed: a JSON object of keys and their whole values. */
export function configurationRoutes<C extends ConsoleConfig>(parts: ConfigurationParts<C>): ConfigRoute[] {
  const { tryOut } = parts
  const check: ConfigRoute = {
    method: 'POST',
    path: '/patroneos/console/check',
    handle: async (c) => {
      const judged = await judge(c, parts)
      return c.json('next' in judged ? checked(judged.next, parts) : judged)
    },
  }
  if (!tryOut) return [check]
  const attempt: ConfigRoute = {
    method: 'POST',
    path: '/patroneos/console/try',
    handle: async (c) => {
      const judged = await judge(c, parts)
      if (!('next' in judged))
        return c.json(errorBody('INVALID_CONFIG', 400, judged.issues.map(({ text }) => text).join('; ')), 400)
      return c.json({ html: String(await tryOut(judged.next)) })
    },
  }
  return [check, attempt]
}

interface ShownIssue {
  /** The key in whose value it is; "" where it is none of them. */
  key: string
  text: string
}

async function judge<C extends ConsoleConfig>(
  c: Context,
  { schema, store, token }: ConfigurationParts<C>,
): Promise<{ next: C } | { issues: ShownIssue[] }> {
  const edits: unknown = await c.req.json().catch(() => undefined)
  if (!isObject(edits)) return { issues: [{ key: '', text: 'a JSON object of keys is allowed' }] }
  const parsed = parseConfig(schema, { ...store.current(), ...edits })
  if ('issues' in parsed) return { issues: parsed.issues.map(shownIssue) }
  const open = configListenerIssue(parsed.config, token)
  return open ? { issues: [shownIssue(open)] } : { next: parsed.config }
}

function shownIssue(issue: ConfigIssue): ShownIssue {
  const [key = ''] = issue.path.split('.')
  return { key, text: formatConfigIssue(issue) }
}

/** What a valid change comes to. */
function checked<C extends ConsoleConfig>(next: C, { store, warnings }: ConfigurationParts<C>) {
  const before = store.current()
  const differences = differencesOf(before, next)
  const known = new Set(warnings(before))
  const surprising = warnings(next).filter((warning) => !known.has(warning))
  const restart = restartKeys.filter((key) => differences.some(({ path }) => path.split('.')[0] === key))
  const notes = html`${surprising.map((warning) => html`<p class="warning">${warning}</p>`)}${
    restart.length > 0
      ? html`<p class="warning">${restart.join(', ')}: in force after a restart</p>`
      : nothing
  }`
  const shown = differences.length > 0 ? differenceList(differences) : html`<p>No difference.</p>`
  return { issues: [], patch: patchOf(before, next), html: String(html`${shown}${notes}`) }
}
