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
import type { FilterConfig } from '../shared/config/filter.ts'
import type { Logger } from '../shared/logger.ts'
import { RELAY_PATH } from '../shared/report-message.ts'
import { type Violation, violation } from '../shared/violations.ts'
import { type Bans, banPolicyOf, secondsLeft } from './bans/bans.ts'
import { createRefusals } from './bans/refusals.ts'
import { type CacheCounts, createCache, type Forward } from './cache.ts'
import { createClientAddress } from './client-address.ts'
import { type Cause, createConsequences, type Severity } from './consequences.ts'
import { allowedOriginOf, isPreflight, preflightAnswer, withCors } from './cors.ts'
import { pathOf } from './endpoints.ts'
import { headerValue, upstreamHeaders } from './headers.ts'
import { bodyTooLarge, createJudge, type Judge, type Verdict } from './judge.ts'
import { nodesOf } from './nodes/node.ts'
import { TOO_MANY_RETRIES } from './nodes/trouble.ts'
import { MAX_JUDGED_RESPONSE, outcomeOf } from './outcome.ts'
import type {
  Answer,
  BodyRead,
  FilterRequest,
  HeaderPairs,
  Platform,
  UpstreamRequest,
  Upstreams,
  UpstreamTrouble,
} from './platform.ts'
import { jsonAnswer, type RejectionHeaders, rejection } from './reject.ts'
import type { Reporter } from './report.ts'
import { createRetrying } from './retrying.ts'
import { carriesTransactions } from './transactions/shapes.ts'
import { createVerdictLog, type VerdictLog } from './verdict-log.ts'

/** Bytes over which nodeos closes the connection without an answer, so that there is no use in forwarding more. */
const NODEOS_MAX_BODY = 2_097_152

export interface FilterParts<Bindings extends object> {
  /** The configuration in force; the same object until it is changed. */
  config(): FilterConfig
  platform: Platform<Bindings>
  reporter: Reporter
  bans: Bans
  logger: Logger
}

/** What a listener asks and tells the filter beside its requests. */
export interface ListenerHooks {
  /** Counts what came on a peer's connection and was no request, or none in time, and says what it is answered with. */
  refused(peer: string, refusal: { status: number; detail: string }): Answer
  /** Answers a request whose time is over. */
  late(request: FilterRequest): void
  /** Whether a client was told of its ban so often that its connections need no answer. */
  isShutOut(client: Address): boolean
}

export interface Filter<Bindings extends object> extends ListenerHooks {
  /** To be served, or mounted in another Hono app. */
  app: Hono<{ Bindings: Bindings }>
  verdicts: VerdictLog
  /** Reads that may be answered from memory, by where the answer came from. */
  reads: Readonly<CacheCounts>
}

/** What a configuration is made into once, so that nothing of it is worked out for a request. */
interface Settings extends Severity {
  config: FilterConfig
  clientAddress(peer: string, forwardedFor: string): Address
  judge: Judge
  forward: Forward
  /** The headers of every response, by lower-case name. */
  headers: ReadonlyMap<string, string>
  /** Those of the filter's own: where nodeos lets pages read its answers, they can read these too. */
  ownHeaders: ReadonlyMap<string, string>
  /** Bytes of a body; in monitor mode whatever nodeos takes. */
  maxBodySize: number
}

/** One request, who sent it, and by which configuration it is judged. */
interface Case extends Cause {
  request: FilterRequest
  severity: Settings
}

function prepare(
  config: FilterConfig,
  upstreams: Upstreams,
  reads: CacheCounts,
  learn: (headers: HeaderPairs) => void,
): Settings {
  const trusted = config.trustedProxies.map((range) => parseCidr(range) as Cidr)
  const enforced = config.mode === 'enforce'
  const nodes = nodesOf(config)
  const configured = new Map(
    Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
  const headers = withCors(configured, config.corsAllowOrigin)
  upstreams.keepNodes?.(nodes)
  return {
    config,
    enforced,
    clientAddress: createClientAddress(trusted),
    mayBeBanned: (client) => !inAnyCidr(parseAddress(client)!, trusted),
    bansClients: banPolicyOf(config) !== null,
    logSuccess: config.logSuccess,
    judge: createJudge(config),
    forward: createCache(config, nodes[0]!, upstreams, reads, learn),
    headers,
    ownHeaders: headers,
    maxBodySize: enforced ? config.maxBodySize : Math.max(config.maxBodySize, NODEOS_MAX_BODY),
  }
}

/** Builds the filter over a platform. */
export function createFilter<Bindings extends object>(parts: FilterParts<Bindings>): Filter<Bindings> {
  const { config, platform, reporter, bans, logger } = parts
  const verdicts = createVerdictLog(logger)
  const reads: CacheCounts = { hit: 0, joined: 0, miss: 0 }
  const refusals = createRefusals()
  const retrying = createRetrying()
  const consequences = createConsequences({ verdicts, reporter, bans })

  /** The origin whose pages may read nodeos's answers, as its last one said. */
  let origin: string | undefined
  const learn = (headers: HeaderPairs) => {
    const found = allowedOriginOf(headers)
    if (found === origin) return
    origin = found
    settings.ownHeaders = withCors(settings.headers, origin)
  }

  const inForce = (): Settings => {
    const settings = prepare(config(), platform, reads, learn)
    settings.ownHeaders = withCors(settings.headers, origin)
    reporter.setRelays(settings.config.logEndpoints)
    return settings
  }
  let settings = inForce()
  const current = (): Settings => {
    if (settings.config !== config()) settings = inForce()
    return settings
  }

  const caseOf = (request: FilterRequest): Case => {
    const severity = current()
    const client = severity.clientAddress(request.peer, headerValue(request.headers, 'x-forwarded-for'))
    return { request, client, severity }
  }

  /** One request's way: each step may answer it, which ends it. */
  const serve = async (request: FilterRequest): Promise<Response> => {
    const each = caseOf(request)
    const { client, severity } = each
    if (refuseBanned(each) || refuseStrange(each) || answerPreflight(each)) return request.response
    if (platform.isOverRate && (await platform.isOverRate(clientNetwork(client)))) {
      if (refuse(each, violation('RATE_LIMITED', 'Too many requests from your network')))
        return request.response
    } else if (refuse(each, severity.judge.head(request))) return request.response
    const reading = request.readBody(severity.maxBodySize, client)
    // A turn of the microtask queue is spared where the body came with the head.
    const read = reading instanceof Promise ? await reading : reading
    if (!('bytes' in read)) {
      refuseUnread(each, read)
      return request.response
    }
    const verdict = severity.judge.body(request, read.bytes)
    if (refuse(each, verdict.violation)) return request.response
    const trouble = await forward(each, read.bytes, verdict)
    if (trouble) refuseTrouble(each, trouble)
    return request.response
  }

  const answerWith = (
    { request, severity }: Case,
    found: Violation,
    how?: Omit<RejectionHeaders, 'headers'>,
  ) => request.answer(rejection(found, { headers: severity.ownHeaders, ...how }))

  /** Answers a violation; in monitor mode it is noted only, and the request goes on. */
  const refuse = (each: Case, found: Violation | undefined): boolean => {
    if (!found) return false
    consequences.violation(found, each, each.severity.enforced)
    if (each.severity.enforced) answerWith(each, found)
    return each.severity.enforced
  }

  const refuseBanned = (each: Case): boolean => {
    const { request, client, severity } = each
    const ban = severity.bansClients ? bans.banOf(client) : undefined
    if (!ban || !severity.mayBeBanned(client)) return false
    refusals.count(ban)
    const retryAfter = secondsLeft(ban, Date.now())
    const found = violation('BANNED', `${ban.network} is banned for ${retryAfter} more seconds`)
    consequences.violation(found, each, true)
    // A proxy's connection carries other clients' requests as well.
    answerWith(each, found, { retryAfter, close: severity.clientAddress(request.peer, '') === client })
    return true
  }

  /** What is no request to nodeos goes on in no mode. */
  const refuseStrange = (each: Case): boolean => {
    const found = each.severity.judge.form(each.request)
    if (!found) return false
    consequences.violation(found, each, true)
    answerWith(each, found)
    return true
  }

  /** Where pages are allowed by configuration, nodeos need not be asked what they may do. */
  const answerPreflight = ({ request, severity }: Case): boolean => {
    if (severity.config.corsAllowOrigin === '' || !isPreflight(request)) return false
    request.answer(preflightAnswer(request, severity.headers))
    return true
  }

  /** Without its body a request cannot go on, in no mode. */
  const refuseUnread = (each: Case, read: Exclude<BodyRead, { bytes: Uint8Array }>): void => {
    if ('aborted' in read) {
      each.request.answer({ status: 400, fields: [], body: '', close: true })
      return
    }
    const found = unread(read, each.severity.maxBodySize)
    if (!refuse(each, found)) answerWith(each, found)
  }

  const forward = (each: Case, bytes: Uint8Array, { rebuilt, retries }: Verdict) => {
    const { request, client, severity } = each
    const { nodeosTimeout, transactionRetryTimeout, maxRetriesPerClient } = severity.config
    if (retries && !retrying.enter(client, maxRetriesPerClient)) return Promise.resolve(TOO_MANY_RETRIES)
    const { method, target, headers } = request
    const transactions = carriesTransactions(pathOf(target))
    const question: UpstreamRequest = {
      client,
      method,
      target,
      headers: upstreamHeaders(headers, client, transactions && bytes.length > 0),
      // What was judged; in monitor mode what came.
      body: (severity.enforced ? rebuilt : null) ?? (bytes.length > 0 ? bytes : null),
      retryable: !transactions,
      headTimeout: retries ? transactionRetryTimeout : nodeosTimeout,
    }
    const forwarded = severity.forward(request, question, {
      headers: severity.headers,
      keep: transactions ? MAX_JUDGED_RESPONSE : 0,
      head: learn,
      observe: (status, body) => {
        const outcome = transactions ? outcomeOf(status, body) : status < 400 ? 'success' : 'trouble'
        consequences.outcome(outcome, each)
      },
    })
    return retries ? forwarded.finally(() => retrying.leave(client)) : forwarded
  }

  const refuseTrouble = (each: Case, trouble: UpstreamTrouble) => {
    consequences.violation(trouble, each, true)
    answerWith(each, trouble)
  }

  const refused = (peer: string, { status, detail }: { status: number; detail: string }): Answer => {
    const severity = current()
    const client = severity.clientAddress(peer, '')
    const found = violation(codeOf(status), detail)
    // Whom a proxy sent it for, nobody knows.
    const enforced = severity.enforced && severity.mayBeBanned(client)
    consequences.violation(found, { client, severity: { ...severity, enforced }, request: undefined }, true)
    return rejection(found, { headers: severity.ownHeaders, status })
  }

  const late = (request: FilterRequest) => {
    const each = caseOf(request)
    const { requestTimeout } = each.severity.config
    refuseTrouble(each, {
      code: 'NODEOS_TIMEOUT',
      detail: `The request was not answered within ${requestTimeout} s`,
    })
  }

  const isShutOut = (client: Address) => {
    const ban = bans.banOf(client)
    return ban !== undefined && refusals.isEnough(ban)
  }

  const own =
    (status: number, body: object) =>
    (c: Context<{ Bindings: Bindings }>): Response => {
      const request = platform.open(c)
      request.answer(jsonAnswer(body, status, [], current().ownHeaders))
      return request.response
    }

  const app = new Hono<{ Bindings: Bindings }>()
  app.get('/patroneos/health', own(200, { status: 'ok' }))
  app.all(
    RELAY_PATH,
    own(403, {
      message:
        'Patroneos cannot receive fail2ban relay requests when running in filter mode. Please check your config.',
      code: 403,
    }),
  )
  app.all('/patroneos/*', own(404, { message: 'NOT_FOUND', code: 404 }))
  // One handler, not middleware: Hono calls a single match directly.
  app.all('*', (c) => {
    const request = platform.open(c)
    const answered = serve(request)
    return request.waitUntil ? outlive(request, answered) : answered
  })
  app.onError((error, c) => {
    logger.error('a request failed inside the filter', { error: error.stack ?? error.message })
    return c.json({ message: 'INTERNAL_ERROR', code: 500 }, 500)
  })
  return { app, refused, late, isShutOut, verdicts, reads }
}

/** A client that leaves does not take along what is known of its request. */
async function outlive(request: FilterRequest, answered: Promise<Response>): Promise<Response> {
  request.waitUntil?.(answered)
  try {
    return await answered
  } finally {
    request.finished?.()
  }
}

/** Why a body was not read. */
function unread(
  read: Exclude<BodyRead, { bytes: Uint8Array } | { aborted: true }>,
  limit: number,
): Violation {
  if ('tooLarge' in read) return bodyTooLarge(`over ${limit}`, limit)
  if ('late' in read) return violation('REQUEST_TIMEOUT', 'The request did not arrive in time')
  return violation('OVERLOADED', 'Too many request bodies at one time; try again')
}

/** The code of what a listener refuses, by the status with which it does. */
function codeOf(status: number): 'REQUEST_TIMEOUT' | 'TOO_MANY_HEADERS' | 'INVALID_HTTP' {
  if (status === 408) return 'REQUEST_TIMEOUT'
  return status === 431 ? 'TOO_MANY_HEADERS' : 'INVALID_HTTP'
}
