// The filter with nobody behind it: a request goes through the very app that serves, and what would become of it is
// told instead of done. Nothing is forwarded, reported, counted or stored.
import type { Hono } from 'hono'
import type { Address, Cidr } from '../../shared/address.ts'
import { parseCidr } from '../../shared/address.ts'
import type { WholeRequest } from '../../shared/check-request.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { createLogger } from '../../shared/logger.ts'
import type { ReportCode, ViolationCode } from '../../shared/violations.ts'
import type { AddressLists } from '../addresses/lists.ts'
import { createFilter } from '../app.ts'
import { type Ban, banPolicyOf, createBans } from '../bans/bans.ts'
import { memoryBanDriver } from '../bans/drivers/memory.ts'
import { createClientAddress } from '../client-address.ts'
import { headerValue } from '../headers.ts'
import { createJudge } from '../judge.ts'
import type { Node } from '../nodes/node.ts'
import { type Known, Nodes } from '../nodes/nodes.ts'
import type {
  Answer,
  FilterRequest,
  Platform,
  RequestWatch,
  UpstreamRequest,
  UpstreamWatch,
} from '../platform.ts'
import type { Transaction } from '../transactions/transaction.ts'

/** What a node would get. */
export interface DryForward {
  node: Node
  request: UpstreamRequest
}

/** What would become of a request. */
export interface DryFate {
  client: Address
  /** Set where it would be rejected. */
  violation: { code: ViolationCode; status: number; detail: string } | undefined
  /** What relays would be told. */
  reported: ReportCode | undefined
  /** Set where a node would be asked. */
  forward: DryForward | undefined
  /** Set where the filter itself would answer. */
  answer: Answer | undefined
}

export interface DryFilterOptions {
  addresses: AddressLists
  bans?: readonly Ban[]
  /** What is known of the nodes; without it, all are taken for fit. */
  nodes?: Known
  /** Milliseconds that the chain's clock is ahead of this machine's. */
  clockOffset?: number
}

export interface DryFilter {
  run(request: WholeRequest): Promise<DryFate>
  /** The same of a request whose body is not known: what is judged before it. */
  runHead(request: WholeRequest): Promise<DryFate>
  /** The transactions of a request, as far as they were opened. */
  transactionsOf(request: WholeRequest): readonly Transaction[]
}

const logger = createLogger({ readable: false, write: () => {} })

export function createDryFilter(configured: FilterConfig, options: DryFilterOptions): DryFilter {
  // What depends on the requests before: turns, counts and answers that are held.
  const config = {
    ...configured,
    fairness: null,
    rateLimits: [],
    repeats: 0,
    cache: { ...configured.cache, paths: {} },
  }
  const { bans = [], addresses, clockOffset = 0 } = options
  let reported: ReportCode | undefined
  let time: number | undefined
  const banList = createBans(memoryBanDriver(Date.now), banPolicyOf(config), { logger, now: Date.now })
  for (const ban of bans) banList.put(ban)
  const nodes = new Nodes({ logger })
  nodes.configure(config)
  nodes.told(options.nodes ?? allFit(nodes.known()))

  const { app } = createFilter<DryRequest>({
    config: () => config,
    platform: dryPlatform,
    nodes,
    reporter: {
      report: (_host, code) => {
        reported = code
      },
      setRelays: () => {},
      idle: async () => {},
      drain: async () => {},
      counters: () => ({}),
      errors: () => ({}),
    },
    bans: { ...banList, strike: async () => undefined },
    addresses,
    chain: { now: () => time ?? Date.now() + clockOffset },
    logger,
  })
  const judge = createJudge(config)
  const clientAddress = createClientAddress(config.trustedProxies.map((range) => parseCidr(range) as Cidr))

  const fateOf = async (request: WholeRequest, dry: DryRequest): Promise<DryFate> => {
    reported = undefined
    time = request.time
    await serve(app, dry)
    const { forwarded, answered } = dry
    return {
      client: clientAddress(request.from, headerValue(request.headers, 'x-forwarded-for')),
      violation: answered && violationOf(answered),
      reported,
      forward: forwarded,
      answer: answered,
    }
  }

  return {
    run: (request) => fateOf(request, new DryRequest(request, request.body)),
    runHead: (request) => fateOf(request, new DryRequest(request, undefined)),
    transactionsOf: (request) => judge.whole(request, request.body).transactions,
  }
}

function allFit({ health, chainId }: Known): Known {
  return { health: health.map((each) => ({ ...each, lookedAt: Date.now() })), chainId }
}

/** Not a Request of the runtime, which takes neither every method nor every target. */
function serve(app: Hono<{ Bindings: DryRequest }>, dry: DryRequest): Response | Promise<Response> {
  const { method, target } = dry
  const url = `http://filter${target.startsWith('/') ? '' : '/'}${target}`
  return app.fetch({ method, url } as Request, dry)
}

/** Rejections say so in a header, and why in their body. */
function violationOf({ status, fields, body }: Answer): DryFate['violation'] {
  if (headerValue(fields, 'x-rejected-by') === '') return undefined
  const { message, error } = JSON.parse(String(body))
  return { code: message, status, detail: error.what }
}

const dryPlatform: Platform<DryRequest> = {
  open: (c) => c.env,
  ask: async () => ({ code: 'NODEOS_UNREACHABLE', detail: 'Nobody is asked in a dry run' }),
  sharesAnswers: false,
}

const DONE = new Response(null, { status: 204 })

class DryRequest implements FilterRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  readonly peer: string
  readonly began = performance.now()
  readonly response = DONE
  whenGone: (() => void) | undefined
  watch: RequestWatch | undefined
  forwarded: DryForward | undefined
  answered: Answer | undefined
  readonly #body: Uint8Array | undefined

  /** A body that is not known counts as one that did not come to its end. */
  constructor({ method, target, headers, from }: WholeRequest, body: Uint8Array | undefined) {
    this.method = method
    this.target = target
    // As a client would say.
    const isFramed = ['content-length', 'transfer-encoding'].some((name) => headerValue(headers, name) !== '')
    this.headers =
      isFramed || !body || body.length === 0 ? headers : [...headers, 'content-length', String(body.length)]
    this.peer = from
    this.#body = body
  }

  readBody(maxBytes: number) {
    if (!this.#body) return { aborted: true } as const
    return this.#body.length > maxBytes ? ({ tooLarge: true } as const) : { bytes: this.#body }
  }

  async forward(node: Node, request: UpstreamRequest, _policy: unknown, watch: UpstreamWatch) {
    this.forwarded = { node, request }
    watch.ended(undefined)
    return undefined
  }

  answer(answer: Answer): void {
    this.answered = answer
  }
}
