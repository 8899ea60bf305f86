// The routes of top lists and of the last verdicts on the config listener.
import type { Context } from 'hono'
import { clientNetwork, formatAddress, parseAddress } from '../../shared/address.ts'
import type { ConfigRoute } from '../../shared/config-api.ts'
import { errorBody } from '../../shared/error-body.ts'
import { anyText, listOf, objectOf, type Schema, time } from '../../shared/openapi.ts'
import type { InsightAnswers } from '../insight.ts'
import { type Window, windows } from './sliding-top.ts'
import type { HeavyList } from './space-saving.ts'
import { type Measure, measures, type Subject, subjects, type TopSnapshot } from './top-lists.ts'

/** Keys of one list. */
const DEFAULT_LIMIT = 10
const MAX_LIMIT = 100

/** What a network does most, as listed. */
const MAX_DOINGS = 3

/** One list, as it is answered. */
export interface TopList {
  /** Requests, transactions or milliseconds. */
  unit: string
  /** Of all keys together, those that are not listed included. */
  total: number
  top: TopEntry[]
}

export interface TopEntry {
  key: string
  /** At most so much; at least `count - error`. */
  count: number
  error: number
  /** Of the total; 1 is all of it. */
  share: number
  /** Of a network: what it does most. */
  doing?: { what: string; count: number }[]
}

const units: Record<Measure, string> = {
  violations: 'requests',
  failures: 'transactions',
  time: 'milliseconds',
}

export function topListOf(snapshot: TopSnapshot, subject: Subject, measure: Measure, limit: number): TopList {
  const { total, heavy } = snapshot[measure][subject]
  const top = heavy.slice(0, limit).map(({ key, count, error }) => ({
    key,
    count,
    error,
    share: total > 0 ? Math.min(1, count / total) : 0,
    ...(subject === 'networks' && { doing: doingOf(snapshot[measure].doings, key) }),
  }))
  return { unit: units[measure], total, top }
}

function doingOf({ heavy }: HeavyList, network: string) {
  return heavy
    .filter(({ key }) => key.startsWith(`${network} `))
    .slice(0, MAX_DOINGS)
    .map(({ key, count }) => ({ what: key.slice(network.length + 1), count }))
}

/** The value of a query parameter, which is one of a few words. */
function wordOf<W extends string>(c: Context, name: string, words: readonly W[]): W | undefined | Response {
  const text = c.req.query(name)
  if (text === undefined) return undefined
  return words.find((word) => word === text) ?? invalid(c, name, text, words.join(', '))
}

function invalid(c: Context, name: string, found: string, allowed: string): Response {
  const detail = `${name}: found ${JSON.stringify(found.slice(0, 100))}; allowed: ${allowed}`
  return c.json(errorBody('INVALID_PARAMETER', 400, detail), 400)
}

const parameters = ['window', 'of', 'by', 'limit']

async function answerTop(c: Context, insight: InsightAnswers): Promise<Response> {
  const unknown = Object.keys(c.req.query()).find((name) => !parameters.includes(name))
  if (unknown !== undefined) return invalid(c, 'parameter', unknown, parameters.join(', '))
  const window: Window | Response = wordOf(c, 'window', windows) ?? '1m'
  const of = wordOf(c, 'of', subjects)
  const by = wordOf(c, 'by', measures)
  for (const found of [window, of, by]) if (found instanceof Response) return found
  const text = c.req.query('limit') ?? String(DEFAULT_LIMIT)
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > MAX_LIMIT)
    return invalid(c, 'limit', text, `a whole number from 1 to ${MAX_LIMIT}`)
  const snapshot = await insight.top(window as Window)
  const lists = subjects
    .filter((subject) => of === undefined || of === subject)
    .flatMap((subject) =>
      measures
        .filter((measure) => by === undefined || by === measure)
        .map((measure) => ({ of: subject, by: measure, ...topListOf(snapshot, subject, measure, limit) })),
    )
  return c.json({ window, lists })
}

async function answerVerdicts(c: Context, insight: InsightAnswers): Promise<Response> {
  const text = c.req.query('network') ?? ''
  const network = networkIn(text)
  if (network === undefined) return invalid(c, 'network', text, 'an address, or a network as listed')
  const verdicts = await insight.verdicts(network)
  return c.json({
    network,
    verdicts: verdicts.map(({ at, ...verdict }) => ({ time: new Date(at).toISOString(), ...verdict })),
  })
}

/** The network of an address, or that is written as listed; undefined where the text is neither. */
export function networkIn(text: string): string | undefined {
  const address = parseAddress(text.replace(/\/64$/, ''))
  return address && clientNetwork(formatAddress(address))
}

const word = (name: string, description: string, words: readonly string[]) =>
  ({ name, in: 'query', description, schema: { enum: words } }) as const

const share: Schema = { type: 'number', minimum: 0, maximum: 1 }
const amount: Schema = { type: 'number', minimum: 0 }
const TOP = objectOf({
  window: anyText,
  lists: listOf(
    objectOf({
      of: anyText,
      by: anyText,
      unit: anyText,
      total: amount,
      top: listOf({
        type: 'object',
        properties: {
          key: anyText,
          count: amount,
          error: amount,
          share,
          doing: listOf(objectOf({ what: anyText, count: amount })),
        },
        required: ['key', 'count', 'error', 'share'],
      }),
    }),
  ),
})
const VERDICTS = objectOf({
  network: anyText,
  verdicts: listOf(
    objectOf({
      time,
      client: anyText,
      code: anyText,
      detail: anyText,
      request: anyText,
      agent: anyText,
      enforced: { type: 'boolean' },
    }),
  ),
})

export function topRoutes(insight: InsightAnswers): ConfigRoute[] {
  return [
    {
      method: 'GET',
      path: '/patroneos/top',
      doc: {
        summary: "Who violates rules, fails transactions and uses nodeos's time most",
        parameters: [
          word('window', 'Time that is looked at', windows),
          word('of', 'Keys of one kind only', subjects),
          word('by', 'One measure only', measures),
          {
            name: 'limit',
            in: 'query',
            description: 'Keys of each list',
            schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
          },
        ],
        answers: { 200: { description: 'Lists, the heaviest first', schema: TOP } },
      },
      handle: (c) => answerTop(c, insight),
    },
    {
      method: 'GET',
      path: '/patroneos/verdicts',
      doc: {
        summary: 'The last verdicts on the requests of one network',
        parameters: [
          {
            name: 'network',
            in: 'query',
            description: 'An address, or a network as listed',
            schema: anyText,
          },
        ],
        answers: { 200: { description: 'The newest first', schema: VERDICTS } },
      },
      handle: (c) => answerVerdicts(c, insight),
    },
  ]
}
