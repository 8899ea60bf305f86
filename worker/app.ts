// The filter: the steps of a request from the client to nodeos and back, in their order.
import { type Context, Hono } from 'hono'
import { type Address, clientNetwork } from '../shared/address.ts'
import type { FilterConfig } from '../shared/config/filter.ts'
import type { Logger } from '../shared/logger.ts'
import { RELAY_PATH } from '../shared/report-message.ts'
import { violation } from '../shared/violations.ts'
import { type AddressLists, createAddressLists } from './addresses/lists.ts'
import type { Bans } from './bans/bans.ts'
import { createRefusals, type Refusals } from './bans/refusals.ts'
import { CacheMeter } from './cache.ts'
import { Case } from './case.ts'
import type { ChainFacts } from './chain-facts.ts'
import { type Consequences, createConsequences } from './consequences.ts'
import { allowedOriginOf, withCors } from './cors.ts'
import { headerValue } from './headers.ts'
import type { Insight } from './insight.ts'
import { createJudge } from './judge.ts'
import {
  type Counted,
  type CountedElsewhere,
  followLimits,
  type LimitCounts,
  type LimitKeys,
} from './limits/rate-limits.ts'
import { Traffic } from './metrics/traffic.ts'
import { Forwarder } from './nodes/forwarder.ts'
import type { Nodes } from './nodes/nodes.ts'
import type { Answer, BodyRead, FilterRequest, HeaderPairs, Platform } from './platform.ts'
import { jsonAnswer, rejection } from './reject.ts'
import type { RepeatCounts } from './repeats.ts'
import type { Reporter } from './report.ts'
import { createRetrying } from './retrying.ts'
import { type CurrentSettings, followConfig, type JudgeMaker, settingsOf } from './settings.ts'
import { Steps } from './steps.ts'
import type { Tracing } from './tracing/tracing.ts'
import { createVerdictLog, type VerdictLog } from './verdict-log.ts'

export interface FilterParts<Bindings extends object> {
  /** The configuration in force; the same object until it is changed. */
  config(): FilterConfig
  platform: Platform<Bindings>
  nodes: Nodes
  reporter: Reporter
  bans: Bans
  /** Lists that have more than the configuration; without them, its ranges. */
  addresses?: AddressLists
  /** Without them, this machine's clock is the chain's. */
  chain?: ChainFacts
  /** Unix time in milliseconds, by which limits and bans count; without it, this machine's clock. */
  now?(): number
  /** Makes the judge of a configuration, where it is another one than createJudge's. */
  judgeOf?: JudgeMaker
  /** Told what single clients do. */
  insight?: Insight | undefined
  /** Who is told what rate limits count. */
  countedElsewhere?: CountedElsewhere
  /** Takes lines of the access log; without it there is none. */
  writeAccess?(line: string): void
  /** Undefined where nothing is traced. */
  tracing?: Tracing | undefined
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
  /** Whether a client may have as many connections as it likes. */
  isAllowed(client: Address): boolean
}

export interface Filter<Bindings extends object> extends ListenerHooks {
  /** To be served, or mounted in another Hono app. */
  app: Hono<{ Bindings: Bindings }>
  verdicts: VerdictLog
  /** Reads that may be answered from memory, by where the answer came from. */
  reads: Readonly<CacheMeter>
  /** Transactions that were answered as the very same one was. */
  repeats: Readonly<RepeatCounts>
  traffic: Traffic
  /** How many requests were over each rate limit. */
  limitCounts(): LimitCounts
  /** The keys that are nearest to each of them. */
  fullestLimits(): LimitKeys
  /** Takes what rate limits of other processes counted. */
  takeCounted(counted: readonly Counted[]): void
}

/** Builds the filter over a platform. */
export function createFilter<Bindings extends object>(parts: FilterParts<Bindings>): Filter<Bindings> {
  const { platform, nodes, reporter, bans, logger, tracing, insight } = parts
  const addresses = parts.addresses ?? createAddressLists()
  const verdicts = createVerdictLog(logger)
  const reads = new CacheMeter()
  const repeats: RepeatCounts = { joined: 0, remembered: 0 }
  const traffic = new Traffic()
  const refusals = createRefusals()
  const consequences = createConsequences({ verdicts, reporter, bans, insight })

  /** The origin whose pages may read nodeos's answers, as its last one said. */
  let origin: string | undefined
  const learn = (headers: HeaderPairs) => {
    const found = allowedOriginOf(headers)
    if (found === origin) return
    origin = found
    const settings = current()
    settings.ownHeaders = withCors(settings.headers, origin)
  }
  const limits = followLimits(parts.countedElsewhere ?? {})
  const forwarder = new Forwarder({ nodes, upstreams: platform, learn })
  const current = followConfig(parts.config, (config) => {
    reporter.setRelays(config.logEndpoints)
    const settings = settingsOf(config, {
      upstreams: platform,
      nodes,
      forwarder,
      reads,
      limits: limits.of(config),
      addresses,
      chain: parts.chain,
      judgeOf: parts.judgeOf ?? createJudge,
      traffic,
      writeAccess: parts.writeAccess,
    })
    return { ...settings, ownHeaders: withCors(settings.headers, origin) }
  })
  const steps = new Steps({
    bans,
    refusals,
    retrying: createRetrying(),
    consequences,
    nodes,
    repeats,
    insight,
    now: parts.now ?? Date.now,
  })

  /** One request's way: each step may answer it, which ends it. */
  const serve = async (request: FilterRequest): Promise<Response> => {
    const each = caseOf(request, current)
    const { client, severity } = each
    request.watch = each
    traffic.began()
    if (tracing) each.trace = tracing.begin(request)
    if (steps.blocked(each) || steps.banned(each) || steps.preflight(each)) return request.response
    const isLimited = platform.isOverRate && !severity.isAllowed(client)
    const overRate = isLimited && (await platform.isOverRate!(clientNetwork(client)))
    if (steps.violated(each, overRate ? OVER_RATE : severity.judge.head(request))) return request.response
    let { began } = request
    let arrived = began
    const reading = request.readBody(severity.maxBodySize, client)
    let read: BodyRead
    // A turn of the microtask queue, and a look at the clock, are spared where the body came with the head.
    if (reading instanceof Promise) {
      const waited = performance.now()
      read = await reading
      arrived = performance.now()
      began += arrived - waited
    } else read = reading
    if ('bytes' in read) {
      each.requestBytes = read.bytes.length
      const verdict = severity.judge.body(request, read.bytes)
      const judged = performance.now()
      traffic.judged(judged - began)
      each.trace?.judged(arrived, judged)
      steps.judged(each, verdict, read.bytes)
      steps.concern(each, verdict)
      if (steps.violated(each, verdict.violation)) return request.response
      const limited = steps.limited(each)
      if (limited instanceof Promise ? await limited : limited) return request.response
      const trouble = await steps.forward(each, read.bytes, verdict)
      if (trouble) steps.trouble(each, trouble)
    } else steps.unread(each, read)
    return request.response
  }

  const app = appOf(platform, nodes, serve, current)
  app.onError((error, c) => {
    logger.error('a request failed inside the filter', { error: error.stack ?? error.message })
    return c.json({ message: 'INTERNAL_ERROR', code: 500 }, 500)
  })
  return {
    app,
    verdicts,
    reads,
    repeats,
    traffic,
    limitCounts: limits.counts,
    fullestLimits: limits.fullest,
    takeCounted: limits.take,
    ...hooksOf({ current, consequences, steps, bans, refusals }),
  }
}

const OVER_RATE = violation('RATE_LIMITED', 'Too many requests from your network')

function caseOf(request: FilterRequest, current: CurrentSettings): Case {
  const severity = current()
  const client = severity.clientAddress(request.peer, headerValue(request.headers, 'x-forwarded-for'))
  return new Case(request, client, severity)
}

/** The filter's own paths, and `serve` for all others. */
function appOf<Bindings extends object>(
  platform: Platform<Bindings>,
  nodes: Nodes,
  serve: (request: FilterRequest) => Promise<Response>,
  current: CurrentSettings,
): Hono<{ Bindings: Bindings }> {
  const answer = (c: Context<{ Bindings: Bindings }>, status: number, body: object): Response => {
    const request = platform.open(c)
    request.answer(jsonAnswer(body, status, [], current().ownHeaders))
    return request.response
  }
  const own = (status: number, body: object) => (c: Context<{ Bindings: Bindings }>) =>
    answer(c, status, body)

  const app = new Hono<{ Bindings: Bindings }>()
  app.get('/patroneos/health', (c) => {
    // For a proxy in front of several filters: one whose nodes are all out is of no use.
    if (c.req.query('nodes') === undefined) return answer(c, 200, { status: 'ok' })
    current()
    const { status, states } = nodes.summary()
    return answer(c, status === 'ok' ? 200 : 503, { status, nodes: states })
  })
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
  return app
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

interface HooksParts {
  current: CurrentSettings
  consequences: Consequences
  steps: Steps
  bans: Bans
  refusals: Refusals
}

function hooksOf({ current, consequences, steps, bans, refusals }: HooksParts): ListenerHooks {
  return {
    refused: (peer, { status, detail }) => {
      const severity = current()
      const client = severity.clientAddress(peer, '')
      const found = violation(codeOf(status), detail)
      // Whom a proxy sent it for, nobody knows.
      const enforced = severity.enforced && severity.mayBeBanned(client)
      const cause = { client, severity: { ...severity, enforced }, request: undefined }
      consequences.violation(found, cause, true)
      severity.traffic.refused()
      const answer = rejection(found, { headers: severity.ownHeaders, status })
      severity.accessLog?.({ ...NO_REQUEST, client, found, status, responseBytes: answer.body.length })
      return answer
    },
    late: (request) => {
      const each = request.watch instanceof Case ? request.watch : caseOf(request, current)
      const { requestTimeout } = each.severity.config
      const detail = `The request was not answered within ${requestTimeout} s`
      steps.trouble(each, { code: 'NODEOS_TIMEOUT', detail })
    },
    isAllowed: (client) => current().isAllowed(client),
    isShutOut: (client) => {
      const { enforced, standingOf } = current()
      const standing = standingOf(client)
      if (!enforced || standing !== undefined) return standing === 'blocked' && enforced
      const ban = bans.banOf(client)
      return ban !== undefined && refusals.isEnough(ban)
    },
  }
}

const NO_REQUEST = {
  request: undefined,
  outcome: 'rejected',
  requestBytes: 0,
  nodeosTime: undefined,
  seconds: 0,
} as const

/** The code of what a listener refuses, by the status with which it does. */
function codeOf(status: number): 'REQUEST_TIMEOUT' | 'TOO_MANY_HEADERS' | 'INVALID_HTTP' {
  if (status === 408) return 'REQUEST_TIMEOUT'
  return status === 431 ? 'TOO_MANY_HEADERS' : 'INVALID_HTTP'
}
