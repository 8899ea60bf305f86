// The platform where a request is a Request and nodeos is asked with fetch: Deno Deploy and Cloudflare.
import type { Context, Hono } from 'hono'
import type { Address } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config.ts'
import { responseHeaders } from '../headers.ts'
import { nodeosOrigin } from '../nodeos-origin.ts'
import type {
  BodyRead,
  HeaderPairs,
  Platform,
  ResponsePolicy,
  UpstreamQuestion,
  UpstreamRequest,
  UpstreamTrouble,
} from '../platform.ts'
import { createBufferedBytes } from './buffered-bytes.ts'

/** What a runtime says of one request beside the Request itself. */
export interface RequestFacts {
  /** Address of the connection's other end, or the client's where the runtime vouches for it. */
  peer: string
  /** Keeps the runtime alive until the work is done; needed only where it ends with the response. */
  waitUntil?(work: Promise<unknown>): void
}

interface Exchange extends RequestFacts {
  /** Bytes of the body that are held for it. */
  held: number
  /** For whom they are held. */
  client?: Address
  /** Unix time in milliseconds. */
  since: number
}

export interface WebPlatform extends Platform {
  /** Answers one request with the app. */
  serve(app: Hono, request: Request, facts: RequestFacts): Promise<Response>
}

const NO_BODY: BodyRead = { bytes: new Uint8Array(0) }

const UNREACHABLE: UpstreamTrouble = {
  code: 'NODEOS_UNREACHABLE',
  detail: 'nodeos does not answer; try again',
}

/** Bytes of a body up to which it is read in one piece. */
const SMALL_BODY = 65_536

export interface WebPlatformOptions {
  /** One request may wait for what another one asked for. */
  sharesAnswers: boolean
}

/** Milliseconds after which an exchange has ended without a word: a runtime may cut one off just so. */
const LONGEST_EXCHANGE = 300_000

export function createWebPlatform(
  config: () => FilterConfig,
  { sharesAnswers }: WebPlatformOptions,
): WebPlatform {
  const exchanges = new Set<Exchange>()
  const buffered = createBufferedBytes(config)

  const release = (exchange: Exchange) => {
    if (exchanges.delete(exchange) && exchange.client) buffered.release(exchange.client, exchange.held)
  }

  const hold = (exchange: Exchange, client: Address, bytes: number): boolean => {
    exchange.held += bytes
    exchange.client = client
    if (buffered.hold(client, bytes)) return true
    const oldest = Date.now() - LONGEST_EXCHANGE
    for (const other of exchanges) if (other.since < oldest) release(other)
    return buffered.hold(client, 0)
  }

  const readBody = async (c: Context, maxBytes: number, client: Address): Promise<BodyRead> => {
    const request = c.req.raw
    // fetch sends no body with these, and nodeos would act on one: none is read, none is passed on.
    if (request.method === 'GET' || request.method === 'HEAD') return NO_BODY
    const length = request.headers.get('content-length')
    const framedByLength = length !== null && request.headers.get('transfer-encoding') === null
    if (framedByLength && Number(length) <= Math.min(maxBytes, SMALL_BODY))
      return readSmallBody(c, Number(length), client)
    return readStream(c, maxBytes, client)
  }

  /** In one piece, as a stream costs more than all of the judging. What it may take is held from the start. */
  const readSmallBody = async (c: Context, length: number, client: Address): Promise<BodyRead> => {
    if (length === 0) return NO_BODY
    if (!hold(exchangeOf(c), client, length)) return { overloaded: true }
    const late = Promise.withResolvers<undefined>()
    const timer = setTimeout(late.resolve, config().bodyTimeout * 1000, undefined)
    const bytes = await Promise.race([c.req.raw.bytes().catch(() => undefined), late.promise])
    clearTimeout(timer)
    return bytes ? { bytes } : { aborted: true }
  }

  const readStream = async (c: Context, maxBytes: number, client: Address): Promise<BodyRead> => {
    const { body } = c.req.raw
    if (body === null) return NO_BODY
    const exchange = exchangeOf(c)
    const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader()
    const stop = () => void reader.cancel().catch(() => {})
    let late = false
    const timer = setTimeout(() => {
      late = true
      stop()
    }, config().bodyTimeout * 1000)
    const chunks: Uint8Array[] = []
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (late) return { aborted: true }
        if (done) return { bytes: joined(chunks, exchange.held) }
        chunks.push(value)
        const fits = hold(exchange, client, value.length)
        if (exchange.held <= maxBytes && fits) continue
        stop()
        return exchange.held > maxBytes ? { tooLarge: true } : { overloaded: true }
      }
    } catch {
      return { aborted: true }
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    incoming: (c) => {
      const { method, url, headers } = c.req.raw
      // Not parsed once more: what stands behind the origin is what the policy judges and nodeos gets.
      const target = url.slice(url.indexOf('/', url.indexOf('://') + 3))
      return { method, target, headers: toPairs(headers), peer: exchangeOf(c).peer }
    },
    readBody,
    forward: async (c, request, policy) => {
      const exchange = pass(request, policy, config())
      // A client that leaves does not escape the verdict on its transaction.
      exchangeOf(c).waitUntil?.(exchange.then(({ passed }) => passed))
      return (await exchange).answer
    },
    ask: async (request, maxBytes) => {
      const found = await ask(request, true, config())
      if (!(found instanceof Response)) return found
      try {
        const body = found.body ? await readAtMost(found.body, maxBytes) : new Uint8Array(0)
        return body && { status: found.status, headers: headersOf(found), body }
      } catch {
        return UNREACHABLE
      }
    },
    answer: (_c, { status, fields, body, close }) => {
      const headers = toHeaders(fields)
      if (close) headers.set('connection', 'close')
      // An empty body would be a body to a runtime, and 204 has none.
      return new Response(body.length === 0 ? null : (body as BodyInit), { status, headers })
    },
    sharesAnswers,
    waitUntil: (c, work) => exchangeOf(c).waitUntil?.(work),
    serve: (app, request, facts) => {
      const exchange: Exchange = { ...facts, held: 0, since: Date.now() }
      exchanges.add(exchange)
      const answered = Promise.resolve(app.fetch(request, exchange)).finally(() => release(exchange))
      // A client that leaves does not take along what is known of its request.
      facts.waitUntil?.(answered)
      return answered
    },
  }
}

function exchangeOf(c: Context): Exchange {
  return c.env as Exchange
}

interface Passed {
  answer: Response | UpstreamTrouble
  /** Resolves when what was to be kept of the answer has been observed. */
  passed?: Promise<void>
}

async function pass(request: UpstreamRequest, policy: ResponsePolicy, config: FilterConfig): Promise<Passed> {
  const found = await ask(request, request.retryable, config)
  if (!(found instanceof Response)) return { answer: found }
  const { status, statusText } = found
  const headers = toHeaders(responseHeaders(headersOf(found), policy.headers))
  if (found.body === null) {
    policy.observe(status, new Uint8Array(0))
    return { answer: new Response(null, { status, statusText, headers }) }
  }
  if (Number(found.headers.get('content-length') ?? Number.NaN) <= SMALL_BODY) {
    // It comes in one or two packets, and as a stream it would cost more than all of the judging.
    const body = await found.bytes().catch(() => undefined)
    if (body === undefined) return { answer: UNREACHABLE }
    policy.observe(status, body)
    return { answer: new Response(body, { status, statusText, headers }) }
  }
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

/** Asks nodeos; once more where nothing is executed, since it may close a kept connection just as it is used. */
async function ask(
  request: UpstreamQuestion,
  mayRetry: boolean,
  config: FilterConfig,
): Promise<Response | UpstreamTrouble> {
  const headers = toHeaders(request.headers)
  // fetch would decode the body and leave the headers as if it had not.
  headers.set('accept-encoding', 'identity')
  const abort = new AbortController()
  // Times the head only: a signal that fires later would cut the body.
  const timer = setTimeout(() => abort.abort(), config.nodeosTimeout * 1000)
  const send = () =>
    fetch(nodeosOrigin(config) + request.target, {
      method: request.method,
      headers,
      body: request.body as BodyInit | null,
      redirect: 'manual',
      signal: abort.signal,
    })
  try {
    return await send().catch((error) => {
      if (!mayRetry || abort.signal.aborted) throw error
      return send()
    })
  } catch {
    if (abort.signal.aborted)
      return { code: 'NODEOS_TIMEOUT', detail: `nodeos did not answer within ${config.nodeosTimeout} s` }
    return UNREACHABLE
  } finally {
    clearTimeout(timer)
  }
}

/** The headers of an answer, as they are true for its body after fetch. */
function headersOf({ headers }: Response): HeaderPairs {
  const pairs = toPairs(headers)
  if (!headers.has('content-encoding')) return pairs
  // Not asked for, and fetch has undone it, so that the length is another one too.
  return pairs.filter((_, at) => !/^content-(?:encoding|length)$/.test(pairs[at - (at % 2)]!))
}

/** The whole body, or undefined where it is larger. Throws where it breaks off. */
async function readAtMost(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return joined(chunks, size)
    chunks.push(value)
    size += value.length
    if (size <= maxBytes) continue
    void reader.cancel().catch(() => {})
    return undefined
  }
}

function joined(chunks: Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

function toPairs(headers: Headers): HeaderPairs {
  const pairs: HeaderPairs = []
  headers.forEach((value, name) => {
    pairs.push(name, value)
  })
  return pairs
}

function toHeaders(pairs: HeaderPairs): Headers {
  const headers = new Headers()
  for (let at = 0; at < pairs.length; at += 2) headers.append(pairs[at]!, pairs[at + 1]!)
  return headers
}
