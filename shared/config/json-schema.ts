// The configuration as JSON Schema (draft 2020-12), by which editors complete config.json. It is made of the schemas that
// validate; what only code can check (addresses, names, paths) is text to it, with a title that says what is allowed.
import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema'
import type * as v from 'valibot'
import { type ConfigSchema, describeConfig } from './parse.ts'
import { contents, listed } from './values.ts'

export function configJsonSchema<C>(schema: ConfigSchema<C>, title: string): Record<string, unknown> {
  const { properties = {}, ...rest } = convert(schema)
  // The library takes no description that stands behind the second of two schemas.
  const described = describeConfig(schema).map(({ key, description }) => [
    key,
    { ...(properties[key] as JsonSchema), ...(description !== '' && { description }) },
  ])
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    ...rest,
    properties: Object.fromEntries(described),
  }
}

/** Any schema, without the address of the dialect. */
export function convert(schema: v.GenericSchema): JsonSchema {
  const { $schema, ...converted } = toJsonSchema(schema as Parameters<typeof toJsonSchema>[0], {
    target: 'draft-2020-12',
    // What may be left out is optional.
    typeMode: 'input',
    // Checks in code are left out.
    errorMode: 'ignore',
    overrideSchema: ({ valibotSchema, jsonSchema }) => override(valibotSchema, jsonSchema),
  })
  return converted
}

function override(
  schema: object & { type?: string; message?: unknown },
  made: JsonSchema,
): JsonSchema | undefined {
  if (schema === listed) return { const: true }
  const { type, message } = schema
  // What is allowed, where only code can check it: as editors show it.
  if ((type === 'string' || type === 'union') && typeof message === 'string')
    return { ...made, title: message }
  const found = contents.get(schema)
  if (!found) return undefined
  return 'object' in found
    ? convert(found.object)
    : { type: 'object', additionalProperties: convert(found.values) }
}
