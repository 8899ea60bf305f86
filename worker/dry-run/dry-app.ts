// A filter with nobody on either side of it: requests go through the very app that serves, and what would become of each
// is told instead of done.
import type { Address, Cidr } from '../../shared/address.ts'
import { parseCidr } from '../../shared/address.ts'
import type { WholeRequest } from '../../shared/check-request.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { createLogger } from '../../shared/logger.ts'
import type { ReportCode, ViolationCode } from '../../shared/violations.ts'
import type { AddressLists } from '../addresses/lists.ts'
import { createFilter, type Filter } from '../app.ts'
import type { Bans } from '../bans/bans.ts'
import { createClientAddress } from '../client-address.ts'
import { headerValue } from '../headers.ts'
import type { Node } from '../nodes/node.ts'
import { type Known, Nodes } from '../nodes/nodes.ts'
import type {
  Answer,
  FilterRequest,
  Platform,
  RequestWatch,
  ResponsePolicy,
  UpstreamRequest,
  UpstreamWatch,
} from '../platform.ts'
import type { JudgeMaker } from '../settings.ts'

/** What a node would get. */
export interface DryForward {
  node: Node
  request: UpstreamRequest
}

export interface DryViolation {
  code: ViolationCode
  status: number
  detail: string
}

/** What would become of a request. */
export interface DryFate {
  client: Address
  /** Set where it would be rejected. */
  violation: DryViolation | undefined
  /** What relays would be told. */
  reported: ReportCode | undefined
  /** Set where a node would be asked. */
  forward: DryForward | undefined
  /** Set where the filter itself would answer. */
  answer: Answer | undefined
}

export interface DryAppParts {
  config: FilterConfig
  addresses: AddressLists
  bans: Bans
  /** What is known of the nodes; without it, all are taken for fit. */
  nodes?: Known | undefined
  /** The chain's time, as Unix time in milliseconds. */
  chainNow(): number
  /** Unix time in milliseconds, by which limits count; without it, this machine's clock. */
  now?(): number
  judgeOf?: JudgeMaker
}

export interface DryApp extends Pick<Filter<DryRequest>, 'limitCounts'> {
  run(request: WholeRequest, dry: DryRequest): Promise<DryFate>
  /** What came of what was no request. */
  refuse(request: WholeRequest, refusal: { status: number; detail: string }): DryFate
}

export const dryLogger = createLogger({ readable: false, write: () => {} })

export function createDryApp(parts: DryAppParts): DryApp {
  const { config, nodes: known, chainNow, ...others } = parts
  let reported: ReportCode | undefined
  const nodes = new Nodes({ logger: dryLogger })
  nodes.configure(config)
  nodes.told(known ?? allFit(nodes.known()))
  const { app, limitCounts, refused } = createFilter<DryRequest>({
    ...others,
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
    chain: { now: chainNow },
    logger: dryLogger,
  })
  const clientAddress = createClientAddress(config.trustedProxies.map((range) => parseCidr(range) as Cidr))

  const fateOf = (
    { from, headers }: WholeRequest,
    answer: Answer | undefined,
    forward?: DryForward,
  ): DryFate => ({
    client: clientAddress(from, headerValue(headers, 'x-forwarded-for')),
    violation: answer && violationOf(answer),
    reported,
    forward,
    answer,
  })

  return {
    limitCounts,
    refuse: (request, refusal) => {
      reported = undefined
      return fateOf(request, refused(request.from, refusal))
    },
    run: async (request, dry) => {
      reported = undefined
      const { method, target } = dry
      // Not a Request of the runtime, which takes neither every method nor every target.
      const url = `http://filter${target.startsWith('/') ? '' : '/'}${target}`
      await app.fetch({ method, url } as Request, dry)
      return fateOf(request, dry.answered, dry.forwarded)
    },
  }
}

function allFit({ health, chainId }: Known): Known {
  return { health: health.map((each) => ({ ...each, lookedAt: Date.now() })), chainId }
}

/** Rejections say so in a header, and why in their body. */
function violationOf({ status, fields, body }: Answer): DryViolation | undefined {
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

export class DryRequest implements FilterRequest {
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
  readonly #body: Uint8Array
  readonly #asked: ((policy: ResponsePolicy) => void) | undefined

  /** `asked` is told where a node would be. */
  constructor(
    { method, target, headers, from, body }: WholeRequest,
    asked?: (policy: ResponsePolicy) => void,
  ) {
    this.method = method
    this.target = target
    // As a client would say.
    const isFramed = ['content-length', 'transfer-encoding'].some((name) => headerValue(headers, name) !== '')
    this.headers =
      isFramed || body.length === 0 ? headers : [...headers, 'content-length', String(body.length)]
    this.peer = from
    this.#body = body
    this.#asked = asked
  }

  readBody(maxBytes: number) {
    return this.#body.length > maxBytes ? ({ tooLarge: true } as const) : { bytes: this.#body }
  }

  async forward(node: Node, request: UpstreamRequest, policy: ResponsePolicy, watch: UpstreamWatch) {
    this.forwarded = { node, request }
    this.#asked?.(policy)
    watch.ended(undefined)
    return undefined
  }

  answer(answer: Answer): void {
    this.answered = answer
  }
}
