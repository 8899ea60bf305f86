// The platform for runtimes with Request and fetch: Deno Deploy, Cloudflare, and any Hono app that mounts the filter.
import type { Address } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { responseHeaders } from '../headers.ts'
import { fieldsFor, isBodyless } from '../http1/response.ts'
import type { Node } from '../nodes/node.ts'
import { UNREACHABLE } from '../nodes/trouble.ts'
import type {
  Answer,
  BodyRead,
  FilterRequest,
  HeaderPairs,
  Platform,
  RequestWatch,
  ResponsePolicy,
  UpstreamRequest,
  UpstreamTrouble,
  UpstreamWatch,
} from '../platform.ts'
import { type BufferedBytes, createBufferedBytes } from './buffered-bytes.ts'
import { askWithFetch, joined, readAtMost, toHeaders, toPairs } from './web-fetch.ts'

/** What a runtime says of one request beside the Request itself. */
export interface RequestFacts {
  /** Address of the connection's other end, or the client's where the runtime vouches for it. */
  peer: string
  /** Keeps the runtime alive until the work is done; needed only where it ends with the response. */
  waitUntil?(work: Promise<unknown>): void
}

export interface WebPlatformOptions {
  /** One request may wait for what another one asked for. */
  sharesAnswers: boolean
}

/** Bytes of a body up to which it is read in one piece. */
const SMALL_BODY = 65_536

/** Milliseconds after which a request has ended without a word: a runtime may cut one off just so. */
const LONGEST_REQUEST = 300_000

const NO_BODY: BodyRead = { bytes: new Uint8Array(0) }

export function createWebPlatform(
  config: () => FilterConfig,
  { sharesAnswers }: WebPlatformOptions,
): Platform<RequestFacts> {
  const held = createHeldBodies(config)
  return {
    open: (c) => new WebRequest(c.req.raw, c.env, config(), held),
    ask: async (node, question, maxBytes, watch) => {
      const found = await askWithFetch(node, question, watch)
      if ('code' in found) return found
      const { response, headers } = found
      try {
        const body = response.body ? await readAtMost(response.body, maxBytes) : new Uint8Array(0)
        watch.ended(undefined)
        return body && { status: response.status, headers, body }
      } catch {
        watch.ended('closed')
        return { ...UNREACHABLE, ended: 'closed' }
      }
    },
    sharesAnswers,
  }
}

/** The bytes of bodies that are held for requests under way. */
interface HeldBodies {
  /** Adds bytes for a request; false where that is more than is allowed. */
  hold(request: WebRequest, client: Address, bytes: number): boolean
  release(request: WebRequest): void
}

interface Held {
  client: Address
  bytes: number
  /** Unix time in milliseconds. */
  since: number
}

function createHeldBodies(config: () => FilterConfig): HeldBodies {
  const buffered: BufferedBytes = createBufferedBytes(config)
  const requests = new Map<WebRequest, Held>()

  const release = (request: WebRequest) => {
    const held = requests.get(request)
    if (held && requests.delete(request)) buffered.release(held.client, held.bytes)
  }

  return {
    hold: (request, client, bytes) => {
      const held = requests.get(request) ?? { client, bytes: 0, since: Date.now() }
      held.bytes += bytes
      requests.set(request, held)
      if (buffered.hold(client, bytes)) return true
      const oldest = Date.now() - LONGEST_REQUEST
      for (const [other, { since }] of requests) if (since < oldest) release(other)
      return buffered.hold(client, 0)
    },
    release,
  }
}

class WebRequest implements FilterRequest {
  readonly method: string
  readonly target: string
  readonly headers: HeaderPairs
  readonly peer: string
  readonly began = performance.now()
  watch: RequestWatch | undefined = undefined
  readonly #request: Request
  readonly #facts: RequestFacts
  readonly #config: FilterConfig
  readonly #held: HeldBodies
  #response: Response | undefined
  /** Of the response's body, where that is known; what is streamed without a length is not counted. */
  #bytes = 0

  constructor(request: Request, facts: RequestFacts, config: FilterConfig, held: HeldBodies) {
    const { method, url, headers } = request
    this.method = method
    // Not parsed once more: what stands behind the origin is what the policy judges and nodeos gets.
    this.target = url.slice(url.indexOf('/', url.indexOf('://') + 3))
    this.headers = toPairs(headers)
    this.peer = facts.peer
    this.#request = request
    this.#facts = facts
    this.#config = config
    this.#held = held
  }

  get response(): Response {
    if (!this.#response) throw new Error('the request was not answered')
    return this.#response
  }

  /** Not every runtime says when a client leaves; its turn then comes and goes. */
  set whenGone(leave: (() => void) | undefined) {
    if (leave) this.#request.signal?.addEventListener('abort', leave, { once: true })
  }

  waitUntil(work: Promise<unknown>): void {
    this.#facts.waitUntil?.(work)
  }

  finished(): void {
    this.#held.release(this)
    this.watch?.over(this.#response?.status ?? 0, this.#bytes)
  }

  async readBody(maxBytes: number, client: Address): Promise<BodyRead> {
    const { method, headers } = this.#request
    // fetch sends no body with these, and nodeos would act on one: none is read, none is passed on.
    if (method === 'GET' || method === 'HEAD') return NO_BODY
    const length = headers.get('content-length')
    const framedByLength = length !== null && headers.get('transfer-encoding') === null
    if (framedByLength && Number(length) <= Math.min(maxBytes, SMALL_BODY))
      return this.#readSmallBody(Number(length), client)
    return this.#readStream(maxBytes, client)
  }

  /** In one piece, as a stream costs more than all of the judging. What it may take is held from the start. */
  async #readSmallBody(length: number, client: Address): Promise<BodyRead> {
    if (length === 0) return NO_BODY
    if (!this.#held.hold(this, client, length)) return { overloaded: true }
    const late = Promise.withResolvers<undefined>()
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      late.resolve(undefined)
    }, this.#config.bodyTimeout * 1000)
    const bytes = await Promise.race([this.#request.bytes().catch(() => undefined), late.promise])
    clearTimeout(timer)
    return bytes ? { bytes } : isLate ? { late: true } : { aborted: true }
  }

  async #readStream(maxBytes: number, client: Address): Promise<BodyRead> {
    const { body } = this.#request
    if (body === null) return NO_BODY
    const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader()
    const stop = () => void reader.cancel().catch(() => {})
    let late = false
    const timer = setTimeout(() => {
      late = true
      stop()
    }, this.#config.bodyTimeout * 1000)
    const chunks: Uint8Array[] = []
    let size = 0
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (late) return { late: true }
        if (done) return { bytes: joined(chunks, size) }
        chunks.push(value)
        size += value.length
        const fits = this.#held.hold(this, client, value.length)
        if (size <= maxBytes && fits) continue
        stop()
        return size > maxBytes ? { tooLarge: true } : { overloaded: true }
      }
    } catch {
      return { aborted: true }
    } finally {
      clearTimeout(timer)
    }
  }

  answer({ status, fields, body, close }: Answer): void {
    this.#bytes = body.length
    const headers = toHeaders(fields)
    if (close) headers.set('connection', 'close')
    // An empty body would be a body to a runtime, and 204 has none.
    this.#response = new Response(body.length === 0 ? null : (body as BodyInit), { status, headers })
  }

  async forward(
    node: Node,
    request: UpstreamRequest,
    policy: ResponsePolicy,
    watch: UpstreamWatch,
  ): Promise<UpstreamTrouble | undefined> {
    const passing = pass(node, request, policy, watch)
    // A client that leaves does not escape the verdict on its transaction.
    this.waitUntil(passing.then(({ passed }) => passed))
    const { answer } = await passing
    if (!(answer instanceof Response)) return answer
    this.#response = answer
    this.#bytes = Number(answer.headers.get('content-length') ?? 0)
    return undefined
  }
}

interface Passed {
  answer: Response | UpstreamTrouble
  /** Resolves when what was to be kept of the answer has been observed. */
  passed?: Promise<void>
}

async function pass(
  node: Node,
  request: UpstreamRequest,
  policy: ResponsePolicy,
  watch: UpstreamWatch,
): Promise<Passed> {
  const asked = await askWithFetch(node, request, watch)
  if ('code' in asked) return { answer: asked }
  const { response: found, headers: answered } = asked
  const { status, statusText } = found
  const headers = toHeaders(fieldsFor(status, responseHeaders(answered, policy.headers)))
  if (found.body === null || isBodyless(status)) {
    void found.body?.cancel().catch(() => {})
    watch.ended(undefined)
    policy.observe(status, new Uint8Array(0))
    return { answer: new Response(null, { status, statusText, headers }) }
  }
  if (Number(found.headers.get('content-length') ?? Number.NaN) <= SMALL_BODY) {
    // It comes in one or two packets, and as a stream it would cost more than all of the judging.
    const body = await found.bytes().catch(() => undefined)
    watch.ended(body ? undefined : 'closed')
    if (body === undefined) return { answer: { ...UNREACHABLE, ended: 'closed' } }
    policy.observe(status, body)
    return { answer: new Response(body, { status, statusText, headers }) }
  }
  // The runtime passes the rest on, and does not say how that ends.
  watch.ended(undefined)
  if (policy.keep === 0) {
    policy.observe(status, undefined)
    return { answer: new Response(found.body, { status, statusText, headers }) }
  }
  const [forClient, forUs] = found.body.tee()
  return {
    answer: new Response(forClient, { status, statusText, headers }),
    passed: readAtMost(forUs, policy.keep)
      .catch(() => undefined)
      .then((body) => policy.observe(status, body)),
  }
}
