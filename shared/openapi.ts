// The config API as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), made of what its routes say of themselves.
import { version } from './build-info.ts'

/** JSON Schema, draft 2020-12. */
export type Schema = Readonly<Record<string, unknown>>

/** What a route says of itself. */
export interface RouteDoc {
  /** A sentence without a full stop. */
  summary: string
  description?: string
  /** Those of the path and of the query; a path's are required. */
  parameters?: readonly { name: string; in: 'path' | 'query'; description: string; schema: Schema }[]
  body?: { description: string; schema: Schema; types?: readonly string[] }
  /** By status. An answer without a schema has no body, or one that is no JSON: then `type` is its type. */
  answers: Readonly<Record<number, { description: string; schema?: Schema; type?: string }>>
  /** Whoever asks needs no token. */
  isOpen?: boolean
}

/** A route and where it is, as Hono has it. */
export interface DocumentedRoute {
  method: string
  path: string
  doc?: RouteDoc | undefined
}

export const anyText: Schema = { type: 'string' }
export const count: Schema = { type: 'integer', minimum: 0 }
export const time: Schema = { type: 'string', format: 'date-time' }
export const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
export const listOf = (items: Schema): Schema => ({ type: 'array', items })
export const byName = (values: Schema): Schema => ({ type: 'object', additionalProperties: values })

/** An object whose members are all there. */
export const objectOf = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
})

const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })

/** The schema of the configuration, which is described once. */
export const CONFIG = reference('Config')
export const ERROR = reference('Error')

const error = objectOf({
  message: anyText,
  code: count,
  error: objectOf({ code: count, name: anyText, what: anyText, details: listOf({ type: 'object' }) }),
})

/** The document of routes; `config` is the JSON Schema of the configuration. */
export function openApiOf(routes: readonly DocumentedRoute[], config: Schema): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { method, path, doc } of routes) {
    const written = path.replace(/:(\w+)(?:\{[^}]*\})?/g, '{$1}')
    paths[written] = { ...paths[written], [method.toLowerCase()]: operationOf(method, written, doc) }
  }
  const { $schema, ...schema } = config
  return {
    openapi: '3.1.1',
    info: {
      title: 'Patroneos config API',
      version,
      description:
        'Of the config listener (configListenIP and configListenPort). Clients of nodeos do not reach it.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The config listener' }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'PATRONEOS_CONFIG_TOKEN. Where none is set, none is asked for, and only loopback listens.',
        },
      },
      schemas: { Config: schema, Error: error },
    },
  }
}

function operationOf(method: string, path: string, doc: RouteDoc | undefined): Record<string, unknown> {
  const { summary, description, parameters = [], body, answers, isOpen } = doc ?? unsaid(method, path)
  const refused = { 4: { description: 'Refused: the body says why', schema: ERROR } }
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[{}]/g, '').replace(/[^a-z]+(.)/gi, (_, next) => next.toUpperCase())}`,
    summary,
    ...(description !== undefined && { description }),
    ...(isOpen && { security: [] }),
    ...(parameters.length > 0 && {
      parameters: parameters.map((parameter) => ({ ...parameter, required: parameter.in === 'path' })),
    }),
    ...(body && {
      requestBody: {
        description: body.description,
        required: true,
        content: contentOf(body.types ?? ['application/json'], body.schema),
      },
    }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, responseOf(answer)])),
      '4XX': responseOf(refused[4]),
    },
  }
}

function unsaid(method: string, path: string): RouteDoc {
  return { summary: `${method} ${path}`, answers: { 200: { description: 'Done' } } }
}

function responseOf({ description, schema, type }: RouteDoc['answers'][number]): Record<string, unknown> {
  const types = type === undefined ? (schema ? ['application/json'] : []) : [type]
  return { description, ...(types.length > 0 && { content: contentOf(types, schema ?? anyText) }) }
}

function contentOf(types: readonly string[], schema: Schema): Record<string, unknown> {
  return Object.fromEntries(types.map((type) => [type, { schema }]))
}
