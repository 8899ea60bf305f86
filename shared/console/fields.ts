// What a form needs to know of each key of a configuration: its meaning, its default, and the control that fits, which the
// JSON Schema tells that @valibot/to-json-schema makes. That leaves out what only code can check; the listener judges the
// whole value as it is typed.
import type { JsonSchema } from '@valibot/to-json-schema'
import { convert } from '../config/json-schema.ts'
import { type ConfigSchema, describeConfig } from '../config/parse.ts'

export type Control =
  | { kind: 'flag' | 'text' | 'scalar' | 'json' }
  | { kind: 'choice'; options: readonly string[] }
  | { kind: 'integer'; minimum: number; maximum: number }

export interface Field {
  key: string
  description: string
  fallback: unknown
  control: Control
}

export function fieldsOf<C>(schema: ConfigSchema<C>): Field[] {
  const { properties = {} } = convert(schema)
  // That key is for editors of the file, and has no default.
  const keys = describeConfig(schema).filter(({ key }) => key !== '$schema')
  return keys.map(({ key, description, fallback }) => ({
    key,
    description,
    fallback: JSON.parse(fallback),
    control: controlOf(properties[key]),
  }))
}

type Property = JsonSchema | boolean | undefined

function controlOf(property: Property): Control {
  if (typeof property !== 'object') return { kind: 'json' }
  const { type, enum: options, minimum, maximum, anyOf } = property
  if (type === 'boolean') return { kind: 'flag' }
  if (options) return { kind: 'choice', options: options.map(String) }
  if (type === 'integer' && minimum !== undefined && maximum !== undefined)
    return { kind: 'integer', minimum, maximum }
  if (type === 'string') return { kind: 'text' }
  return { kind: anyOf?.every(isScalar) ? 'scalar' : 'json' }
}

/** As a port is, which may be a number or a text. */
const isScalar = (schema: Property) =>
  typeof schema === 'object' &&
  (schema.const !== undefined || ['string', 'number', 'integer'].includes(String(schema.type)))

/** A value as it stands in its control. */
export function textOf({ kind }: Control, value: unknown): string {
  if (kind !== 'json') return String(value)
  const line = JSON.stringify(value)
  return line.length > 60 ? JSON.stringify(value, null, 2) : line
}
