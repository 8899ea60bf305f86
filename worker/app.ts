// The filter: one request's way from the client to nodeos and back, in the order in which it is judged.
import { type Context, Hono } from 'hono'
import {
  type Address,
  type Cidr,
  clientNetwork,
  inAnyCidr,
  parseAddress,
  parseCidr,
} from '../shared/address.ts'
import type { FilterConfig } from '../shared/config.ts'
import type { Logger } from '../shared/logger.ts'
import { RELAY_PATH } from '../shared/report-message.ts'
import {
  type ReportCode,
  SUCCESS,
  strikeClassOf,
  TRANSACTION_FAILED,
  type Violation,
  violation,
} from '../shared/violations.ts'
import { type Ban, type Bans, banPolicyOf, secondsLeft } from './bans/bans.ts'
import { createRefusals } from './bans/refusals.ts'
import { type CacheCounts, createCache } from './cache.ts'
import { createClientAddress } from './client-address.ts'
import { createEndpointPolicy, pathOf } from './endpoints.ts'
import { headerValue, upstreamHeaders } from './headers.ts'
import { parseJson } from './json.ts'
import { MAX_JUDGED_RESPONSE, type Outcome, outcomeOf } from './outcome.ts'
import type { BodyRead, IncomingRequest, Platform } from './platform.ts'
import { jsonAnswer, type RejectionHeaders, rejection } from './reject.ts'
import type { Reporter } from './report.ts'
import { createRules } from './rules/index.ts'
import { judgeTransactionCount } from './rules/transaction-count.ts'
import { openLegacy, openTransaction } from './transactions/open.ts'
import { carriesTransactions, findTransactions } from './transactions/shapes.ts'
import type { Transaction } from './transactions/transaction.ts'
import { createVerdictLog, type VerdictLog } from './verdict-log.ts'

/** Bytes over which nodeos closes the connection without an answer, so that there is no use in forwarding more. */
const NODEOS_MAX_BODY = 2_097_152

export interface FilterParts {
  /** The configuration in force; the same object until it is changed. */
  config(): FilterConfig
  platform: Platform
  reporter: Reporter
  bans: Bans
  logger: Logger
}

export interface Filter {
  app: Hono
  /** Counts what came on a peer's connection and was no request, so that the listener itself refused it. */
  refused(peer: string, found: Violation): void
  /** Whether a client was told of its ban so often that its connections need no answer. */
  isShutOut(client: Address): boolean
  verdicts: VerdictLog
  /** Reads that may be answered from memory, by where the answer came from. */
  reads: Readonly<CacheCounts>
}

/** What a configuration is made into once, so that nothing of it is worked out for a request. */
function prepare(config: FilterConfig, platform: Platform, reads: CacheCounts) {
  const trusted = config.trustedProxies.map((range) => parseCidr(range) as Cidr)
  return {
    config,
    enforced: config.mode === 'enforce',
    clientAddress: createClientAddress(trusted),
    // A proxy that does not say for whom it asks stands for everybody behind it.
    mayBeBanned: (client: Address) => !inAnyCidr(parseAddress(client)!, trusted),
    bansClients: banPolicyOf(config) !== null,
    judgeEndpoint: createEndpointPolicy(config.endpoints),
    rules: createRules(config),
    forward: createCache(config, platform, reads),
    headers: new Map(Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value])),
  }
}
type Settings = ReturnType<typeof prepare>

/** Builds the filter over a platform. */
export function createFilter({ config, platform, reporter, bans, logger }: FilterParts): Filter {
  const verdicts = createVerdictLog(logger)
  const reads: CacheCounts = { hit: 0, joined: 0, miss: 0 }
  let settings = prepare(config(), platform, reads)
  const refusals = createRefusals()
  reporter.setRelays(settings.config.logEndpoints)

  const currentSettings = (): Settings => {
    if (settings.config !== config()) {
      settings = prepare(config(), platform, reads)
      reporter.setRelays(settings.config.logEndpoints)
    }
    return settings
  }

  const handle = async (c: Context): Promise<Response> => {
    const settings = currentSettings()
    const request = platform.incoming(c)
    const client = settings.clientAddress(request.peer, headerValue(request.headers, 'x-forwarded-for'))
    const { enforced, headers } = settings

    /** Notes a violation; in monitor mode the request goes on. */
    const rejected = (found: Violation): Response | undefined => {
      verdicts.violation(found, client, enforced)
      if (!enforced) return undefined
      if (strikeClassOf(found.code) !== null) record(c, client, found.code, 1, settings)
      return reject(c, found, { headers })
    }

    const ban = settings.bansClients ? bans.banOf(client) : undefined
    if (ban && settings.mayBeBanned(client)) return banned(c, ban, client, request, settings)

    const isOverRate = platform.isOverRate && (await platform.isOverRate(clientNetwork(client)))
    const wrongHead = isOverRate
      ? violation('RATE_LIMITED', 'Too many requests from your network')
      : judgeHead(request, settings)
    const refused = wrongHead && rejected(wrongHead)
    if (refused) return refused

    const limit = enforced
      ? settings.config.maxBodySize
      : Math.max(settings.config.maxBodySize, NODEOS_MAX_BODY)
    const reading = platform.readBody(c, limit, client)
    // A turn of the microtask queue is spared where the body came with the head.
    const read = reading instanceof Promise ? await reading : reading
    if ('aborted' in read) return new Response(null, { status: 400 })
    const bytes = 'bytes' in read ? read.bytes : undefined
    const judged = bytes ? judgeBody(request, bytes, settings) : unreadable(read, limit)
    const wrongBody = 'code' in judged ? rejected(judged) : undefined
    if (wrongBody) return wrongBody
    if (!bytes) return reject(c, judged as Violation, { headers })

    // What was judged; in monitor mode what came.
    const rebuilt = enforced && 'rebuilt' in judged ? judged.rebuilt : null
    const transactions = carriesTransactions(pathOf(request.target))
    const answer = await settings.forward(
      c,
      {
        client,
        method: request.method,
        target: request.target,
        headers: upstreamHeaders(request.headers, client, transactions && bytes.length > 0),
        body: rebuilt ?? (bytes.length > 0 ? bytes : null),
        retryable: !transactions,
      },
      {
        headers,
        keep: transactions ? MAX_JUDGED_RESPONSE : 0,
        observe: (status, body) => {
          const outcome = transactions ? outcomeOf(status, body) : status < 400 ? 'success' : 'trouble'
          verdicts.outcome(outcome)
          if (enforced) reportOutcome(c, client, outcome, settings)
        },
      },
    )
    if (answer instanceof Response) return answer
    verdicts.violation(answer, client, true)
    return reject(c, answer, { headers })
  }

  const reject = (c: Context, found: Violation, how: RejectionHeaders): Response =>
    platform.answer(c, rejection(found, how))

  const banned = (
    c: Context,
    ban: Ban,
    client: Address,
    { peer }: IncomingRequest,
    settings: Settings,
  ): Response => {
    refusals.count(ban)
    const retryAfter = secondsLeft(ban, Date.now())
    const found = violation('BANNED', `${ban.network} is banned for ${retryAfter} more seconds`)
    verdicts.violation(found, client, true)
    // A proxy's connection carries other clients' requests as well.
    const direct = settings.clientAddress(peer, '') === client
    return reject(c, found, { headers: settings.headers, retryAfter, close: direct })
  }

  const strike = async (client: Address, code: ReportCode, count: number, settings: Settings) => {
    const strikeClass = strikeClassOf(code)
    if (!settings.bansClients || strikeClass === null || !settings.mayBeBanned(client)) return
    const ban = await bans.strike(client, strikeClass, count)
    if (ban) verdicts.banned(ban, strikeClass)
  }

  /** Tells the relays, and counts what is a strike; without a request where there was none. */
  const record = (
    c: Context | undefined,
    client: Address,
    code: ReportCode,
    count: number,
    settings: Settings,
  ) => {
    for (let left = count; left > 0; left--) reporter.report(client, code)
    const struck = strike(client, code, count, settings)
    if (!c) return
    platform.waitUntil?.(c, reporter.idle())
    platform.waitUntil?.(c, struck)
  }

  const refused = (peer: string, found: Violation) => {
    const settings = currentSettings()
    const client = settings.clientAddress(peer, '')
    verdicts.violation(found, client, true)
    // Whom a proxy sent it for, nobody knows.
    if (!settings.enforced || !settings.mayBeBanned(client)) return
    record(undefined, client, found.code, 1, settings)
  }

  const isShutOut = (client: Address) => {
    const ban = bans.banOf(client)
    return ban !== undefined && refusals.isEnough(ban)
  }

  const reportOutcome = (c: Context, client: Address, outcome: Outcome, settings: Settings) => {
    if (outcome === 'success') {
      if (settings.config.logSuccess) record(c, client, SUCCESS, 1, settings)
    } else if (outcome !== 'trouble') record(c, client, TRANSACTION_FAILED, outcome.failed, settings)
  }

  const app = new Hono()
  const answerOwn = (status: number, body: object) => (c: Context) =>
    platform.answer(c, jsonAnswer(body, status, [], currentSettings().headers))
  app.get('/patroneos/health', answerOwn(200, { status: 'ok' }))
  app.all(
    RELAY_PATH,
    answerOwn(403, {
      message:
        'Patroneos cannot receive fail2ban relay requests when running in filter mode. Please check your config.',
      code: 403,
    }),
  )
  app.all('/patroneos/*', answerOwn(404, { message: 'NOT_FOUND', code: 404 }))
  // One handler, not middleware: Hono calls a single match directly.
  app.all('*', handle)
  app.onError((error, c) => {
    logger.error('a request failed inside the filter', { error: error.stack ?? error.message })
    return c.json({ message: 'INTERNAL_ERROR', code: 500 }, 500)
  })
  return { app, refused, isShutOut, verdicts, reads }
}

/** Path, method, header count and framing: all that can be judged before the body. */
function judgeHead(request: IncomingRequest, { config, judgeEndpoint }: Settings): Violation | undefined {
  const { method, target, headers } = request
  const endpoint = judgeEndpoint(method, target)
  if (endpoint) return endpoint
  if (headers.length / 2 > config.maxHeaders)
    return violation(
      'TOO_MANY_HEADERS',
      `Request has ${headers.length / 2} header lines; at most ${config.maxHeaders} are allowed`,
    )
  const encoding = headerValue(headers, 'content-encoding').toLowerCase()
  if (encoding !== '' && encoding !== 'identity')
    return violation('UNSUPPORTED_ENCODING', 'A request body is taken without Content-Encoding only')
  const length = headerValue(headers, 'content-length')
  if (length !== '' && Number(length) > config.maxBodySize) return bodyTooLarge(length, config.maxBodySize)
  return undefined
}

function bodyTooLarge(found: string, allowed: number): Violation {
  return violation('BODY_TOO_LARGE', `Request body has ${found} bytes; at most ${allowed} are allowed`)
}

function unreadable(read: BodyRead, limit: number): Violation {
  if ('tooLarge' in read) return bodyTooLarge(`over ${limit}`, limit)
  return violation('OVERLOADED', 'Too many request bodies at one time; try again')
}

/** The body for nodeos: rebuilt, or null where the client's own passes; or what is wrong with it. */
function judgeBody(
  { method, target }: IncomingRequest,
  bytes: Uint8Array,
  { config, rules }: Settings,
): { rebuilt: string | null } | Violation {
  const path = pathOf(target)
  if (bytes.length === 0) {
    // Nothing to act on: reads need no body, and nodeos says what it makes of the rest.
    if (method !== 'POST' || !carriesTransactions(path)) return { rebuilt: null }
    return violation('INVALID_JSON', 'The body is empty')
  }
  const parsed = parseJson(bytes, config.maxJsonDepth)
  if ('code' in parsed) return parsed
  const batch = findTransactions(path, parsed.json)
  if ('code' in batch) return batch
  const { shape, candidates, rebuild } = batch
  const tooMany = judgeTransactionCount(candidates.length, config)
  if (tooMany) return tooMany

  const transactions: Transaction[] = []
  const texts: string[] = []
  const limits = { maxTransactionSize: config.maxTransactionSize, budget: { left: config.maxInflatedSize } }
  for (const candidate of candidates) {
    const opened = shape === 'P' ? openTransaction(candidate, limits) : openLegacy(candidate)
    if ('code' in opened) return opened
    transactions.push(opened.transaction)
    texts.push(opened.text)
  }
  const judge = rebuild ? rules.onTransactionEndpoints : rules.everywhere
  return judge(transactions) ?? { rebuilt: rebuild?.(texts) ?? null }
}
