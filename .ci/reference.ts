// Writes what is known to the code into the docs: the pages below docs/reference, and the picture of the pipeline. A test
// holds them to it. `npm run reference` rewrites them.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { createProgram } from '../cli/program.ts'
import { filterConfigSchema } from '../shared/config/filter.ts'
import { configJsonSchema } from '../shared/config/json-schema.ts'
import { type ConfigSchema, describeConfig, restartKeys } from '../shared/config/parse.ts'
import { relayConfigSchema } from '../shared/config/relay.ts'
import { documentOf } from '../shared/config-api.ts'
import { violation, violations } from '../shared/violations.ts'
import { rejection } from '../worker/reject.ts'
import { configRoutes } from '../worker/runtimes/filter-program.ts'
import { checkParts } from './check-examples.ts'
import { drawPipeline, pipelineRows } from './pipeline.ts'

const ROOT = join(import.meta.dirname, '..')
const GENERATED = '<!-- npm run reference writes this page. -->'

/** Each generated file with its text, by path from the top of the repository. */
export async function referencePages(): Promise<Record<string, string>> {
  return {
    'docs/reference/config.md': configPage(),
    'docs/reference/codes.md': codesPage(),
    'docs/reference/check.md': await checkPage(),
    'docs/reference/commands.md': commandsPage(),
    'docs/reference/api.md': await apiPage(),
    'docs/pipeline.svg': drawPipeline(await pipelineRows()),
  }
}

export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

const page = (title: string, ...parts: string[]) => `${GENERATED}\n\n# ${title}\n\n${parts.join('\n\n')}\n`

function configPage(): string {
  return page(
    'Configuration',
    'One JSON file for each program: `./config.json`, or `--configFile FILE`. `PATRONEOS_CONFIG` holds it in the environment instead. Every key is optional. `patroneos config validate` says what is wrong with one; editors complete it where `$schema` names what `patroneos config schema` prints.',
    '## Filter',
    keyList(filterConfigSchema),
    '## Relay',
    keyList(relayConfigSchema),
  )
}

interface Shape {
  type?: string
  title?: string
  const?: unknown
  enum?: unknown[]
  minimum?: number
  maximum?: number
  anyOf?: Shape[]
  items?: Shape
  properties?: Record<string, Shape>
  additionalProperties?: Shape | boolean
}

/** What a value may be, in words. */
function shapeOf(shape: Shape): string {
  const { type, title, minimum, maximum, anyOf, items, properties, additionalProperties: values } = shape
  if (title !== undefined) return title
  if (shape.const !== undefined) return `\`${JSON.stringify(shape.const)}\``
  if (shape.enum) return shape.enum.map((value) => `\`${JSON.stringify(value)}\``).join(' or ')
  if (anyOf) return [...new Set(anyOf.map(shapeOf))].join(', or ')
  if (items) return `list, each: ${shapeOf(items)}`
  if (properties)
    return `object with any of ${Object.keys(properties)
      .map((name) => `\`${name}\``)
      .join(', ')}`
  if (typeof values === 'object') return `object of names, each with: ${shapeOf(values)}`
  const names: Record<string, string> = { string: 'text', boolean: 'true or false', integer: 'whole number' }
  const name = names[type ?? ''] ?? type ?? 'any'
  return minimum === undefined || maximum === undefined ? name : `${name} from ${minimum} to ${maximum}`
}

function keyList<C>(schema: ConfigSchema<C>): string {
  const { properties } = configJsonSchema(schema, '') as { properties: Record<string, Shape> }
  return describeConfig(schema)
    .map(({ key, fallback, description }) => {
      const restarts = (restartKeys as readonly string[]).includes(key)
      const lines = [
        `### \`${key}\``,
        `${description}.${restarts ? ' A change needs a restart.' : ''}`,
        `Allowed: ${shapeOf(properties[key]!)}. Default: \`${fallback}\``,
      ]
      return lines.join('\n\n')
    })
    .join('\n\n')
}

function codesPage(): string {
  return page(
    'Codes',
    "With which a request is rejected: in the body as `message`, in reports to the relay and in its log, in metrics. The strike is the class in which a report counts, for fail2ban's jails and for `bans`.",
    codeTable(),
    'Two more are reported and never answered: `TRANSACTION_FAILED` (class `failed`), where nodeos executed a transaction that failed because of its sender, and `INVALID_READ` (class `reads`) in the place of `INVALID_JSON` on a call that carries no transaction. `SUCCESS` is reported with `logSuccess`.',
    '[A request for each, and what `patroneos check` says of it](check.md).',
    '## The answer',
    'A rejection has the header `X-REJECTED-BY: patroneos`, and a body that eosjs and wharfkit show as an error of nodeos:',
    `\`\`\`json\n${rejectionExample()}\n\`\`\``,
  )
}

function codeTable(): string {
  const rows = Object.entries(violations).map(
    ([code, { status, strike, text }]) => `| \`${code}\` | ${status} | ${text} | ${strike ?? 'no'} |`,
  )
  return ['| code | status | when | strike |', '|---|---|---|---|', ...rows].join('\n')
}

function rejectionExample(): string {
  const found = violation(
    'INVALID_NUMBER_SIGNATURES',
    'Transaction has 11 signatures; at most 10 are allowed',
  )
  return JSON.stringify(JSON.parse(String(rejection(found, { headers: new Map() }).body)), null, 2)
}

async function checkPage(): Promise<string> {
  return page(
    'Check',
    'A request for every code, and what `patroneos check` says of it. Nothing is sent anywhere. `PATRONEOS_CONFIG` is the configuration in the place of a file; the exit code is 1 for each.',
    ...(await checkParts()),
  )
}

function commandsPage(): string {
  const program = createProgram(() => {})
  return page(
    'Commands',
    'From the package: `npx patroneos`; from a clone: `npm run -s patroneos --`.',
    ...commandParts(program, 'patroneos', 2),
  )
}

function commandParts(command: Command, name: string, level: number): string[] {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 100 })
  command.outputHelp()
  const children = command.commands.filter((child) => !['help', 'complete'].includes(child.name()))
  return [
    `${'#'.repeat(level)} ${name}`,
    `\`\`\`text\n${help.trim()}\n\`\`\``,
    ...children.flatMap((child) => commandParts(child, `${name} ${child.name()}`, level + 1)),
  ]
}

interface Operation {
  summary: string
  description?: string
  parameters?: { name: string; in: string; description: string }[]
  requestBody?: { description: string; content: object }
  responses: Record<string, { description: string; content?: object }>
}

async function apiPage(): Promise<string> {
  const routes = configRoutes(
    () => ({}) as never,
    {} as never,
    async () => [],
  )
  const document = await documentOf({ schema: filterConfigSchema, routes })
  const paths = Object.entries(document.paths as Record<string, Record<string, Operation>>)
  return page(
    'Config API',
    "On the config listener (`configListenIP`, `configListenPort`), which clients of nodeos do not reach. With `PATRONEOS_CONFIG_TOKEN` set, each request carries it as `Authorization: Bearer`. `GET /patroneos/openapi.json` has all of this as OpenAPI 3.1, with the shapes of bodies. The relay's listener has the configuration, metrics, health and the document.",
    ...paths.flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => operationPart(method, path, operation)),
    ),
  )
}

function operationPart(method: string, path: string, operation: Operation): string {
  const { summary, description, parameters = [], requestBody, responses } = operation
  const typesOf = (content: object = {}) => Object.keys(content).join(', ')
  return [
    `## ${method.toUpperCase()} ${path}`,
    `${summary}.${description === undefined ? '' : ` ${description}`}`,
    [
      ...parameters.map((each) => `- \`${each.name}\` (${each.in}): ${each.description}`),
      ...(requestBody ? [`- Body (${typesOf(requestBody.content)}): ${requestBody.description}`] : []),
      ...Object.entries(responses)
        .filter(([status]) => status !== '4XX')
        .map(([status, { description: what, content }]) => {
          const types = typesOf(content)
          return `- ${status}${types === '' ? '' : ` (${types})`}: ${what}`
        }),
    ].join('\n'),
  ].join('\n\n')
}

if (import.meta.main)
  for (const [path, text] of Object.entries(await referencePages())) writeFileSync(join(ROOT, path), text)
