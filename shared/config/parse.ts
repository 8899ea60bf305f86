// Validates a configuration: returns it complete with defaults, or everything that is wrong with it.
import * as v from 'valibot'
import { parseAddress } from '../address.ts'

export type ConfigSchema<C> = v.GenericSchema<unknown, C> & {
  entries: Record<string, v.GenericSchema & { wrapped: v.GenericSchema }>
}

/** Changes of these are stored, but only a restart applies them. */
export const restartKeys = [
  'listenIP',
  'listenPort',
  'configListenIP',
  'configListenPort',
  'logFileLocation',
  'workers',
  'store',
  'storePrefix',
] as const

/** One thing wrong with a configuration: where, what was found, and what is allowed there. */
export interface ConfigIssue {
  path: string
  found: string
  allowed: string
}

export type ParsedConfig<C> = { config: C } | { issues: ConfigIssue[] }

/** Validates a whole configuration and fills in the defaults. */
export function parseConfig<C>(schema: ConfigSchema<C>, input: unknown): ParsedConfig<C> {
  if (typeof input === 'object' && (input === null || Array.isArray(input)))
    return {
      issues: [{ path: '(whole)', found: show(input), allowed: 'a JSON object of configuration keys' }],
    }
  const result = v.safeParse(schema, input)
  if (result.success) return { config: result.output }
  return { issues: result.issues.flatMap((issue) => toConfigIssues(schema, input, issue)) }
}

function toConfigIssues<C>(
  schema: ConfigSchema<C>,
  input: unknown,
  issue: v.BaseIssue<unknown>,
): ConfigIssue[] {
  const path = v.getDotPath(issue) ?? '(whole)'
  if (issue.type !== 'strict_object' || issue.expected !== 'never')
    return [{ path, found: show(issue.input), allowed: issue.message }]
  // valibot names the first unknown key only; an operator wants all of them at once.
  const parents = (issue.path ?? []).slice(0, -1)
  const known = Object.keys(
    parents.reduce<Entries>(
      (entries, { key }) => entriesOf(entries[key as string] ?? entries[ITEM]),
      schema.entries,
    ),
  )
  const object = parents.reduce(
    (value, item) => (value as Record<string, unknown>)[item.key as string],
    input,
  ) as object
  return Object.keys(object)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: [...parents.map((item) => String(item.key)), name].join('.'),
      found: 'an unknown key',
      allowed: known.toSorted().join(', '),
    }))
}

type Entries = Record<string, v.GenericSchema>

/** Stands for each item of a list. */
const ITEM = '[]'

/** The keys of an object's schema, which stands within optional, nullable and pipe; of a list, that of its items. */
function entriesOf(schema: object | undefined): Entries {
  type Parts = { wrapped?: object; pipe?: object[]; entries?: Entries; item?: v.GenericSchema }
  const { wrapped, pipe = [], entries, item } = (schema ?? {}) as Parts
  if (item) return { [ITEM]: item }
  return entries ?? Object.assign({}, ...(wrapped ? [wrapped] : pipe).map(entriesOf))
}

function show(value: unknown): string {
  const shown = JSON.stringify(value) ?? String(value)
  return shown.length > 100 ? `${shown.slice(0, 100)}...` : shown
}

/** `listenPort: found "abc"; allowed: a port from 0 to 65535` */
export function formatConfigIssue(issue: ConfigIssue): string {
  return `${issue.path}: found ${issue.found}; allowed: ${issue.allowed}`
}

/** Rows for a reference: every key with its default and its meaning. */
export function describeConfig<C>(
  schema: ConfigSchema<C>,
): { key: string; fallback: string; description: string }[] {
  const defaults = v.parse(schema, {}) as Record<string, unknown>
  return Object.entries(schema.entries).map(([name, entry]) => ({
    key: name,
    fallback: JSON.stringify(defaults[name]) ?? 'none',
    description: v.getDescription(entry.wrapped) ?? '',
  }))
}

/** What is wrong with where the config listener binds: whoever reaches it without a token may change everything. */
export function configListenerIssue(
  { configListenIP }: { configListenIP: string },
  token: string | undefined,
): ConfigIssue | undefined {
  const loopback = configListenIP === 'localhost' || parseAddress(configListenIP)?.range() === 'loopback'
  if (loopback || token !== undefined) return undefined
  return {
    path: 'configListenIP',
    found: `${show(configListenIP)} without PATRONEOS_CONFIG_TOKEN`,
    allowed: 'a loopback address, or any with a token',
  }
}
