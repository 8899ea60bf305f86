// Asks a node with fetch, and corrects the headers of the answer for what fetch changed.
import type { Node } from '../nodes/node.ts'
import { DECLINED, RETRACTED, tooLate, UNREACHABLE } from '../nodes/trouble.ts'
import type { HeaderPairs, UpstreamQuestion, UpstreamTrouble, UpstreamWatch } from '../platform.ts'

/** A response whose head has come, and its headers as they are true after fetch. */
export interface Fetched {
  response: Response
  headers: HeaderPairs
}

/** Asks a node, and passes on what comes of it until the head is there; `ended` is left to whoever reads the body. */
export async function askWithFetch(
  node: Node,
  { method, target, headers: pairs, body, headTimeout }: UpstreamQuestion,
  watch: UpstreamWatch,
): Promise<Fetched | UpstreamTrouble> {
  const headers = toHeaders(pairs)
  // fetch would decode the body and leave the headers as if it had not.
  headers.set('accept-encoding', 'identity')
  const abort = new AbortController()
  // Times the head only: a signal that fires later would cut the body.
  const timer = setTimeout(() => abort.abort(), headTimeout * 1000)
  const send = () =>
    fetch(node.origin + target, {
      method,
      headers,
      body: body as BodyInit | null,
      redirect: 'manual',
      signal: abort.signal,
    })
  let isRetracted = false
  watch.retract = () => {
    isRetracted = true
    abort.abort()
  }
  try {
    const response = await send().catch((error) => {
      if (!watch.resend || abort.signal.aborted) throw error
      return send()
    })
    const answered = headersOf(response)
    if (watch.head(response.status, answered)) return { response, headers: answered }
    void response.body?.cancel().catch(() => {})
    watch.ended(undefined)
    return DECLINED
  } catch (error) {
    const ended = isRetracted ? 'aborted' : abort.signal.aborted ? 'late' : endedBy(error)
    watch.ended(ended)
    if (isRetracted) return RETRACTED
    return ended === 'late' ? tooLate(headTimeout) : { ...UNREACHABLE, ended, reason: reasonOf(error) }
  } finally {
    clearTimeout(timer)
  }
}

/** How a runtime says that there was no connection: undici (Node), hyper (Deno). workerd says nothing of the kind. */
const UNCONNECTED =
  /\b(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)\b|tcp connect error|dns error/

function endedBy(error: unknown): 'unconnected' | 'closed' {
  return UNCONNECTED.test(reasonOf(error)) ? 'unconnected' : 'closed'
}

/** What is said of a failed fetch, and of its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? ` ${error.code}` : ''
  return `${error.message}${code}${error.cause === undefined ? '' : `: ${reasonOf(error.cause)}`}`
}

/** The headers of an answer, as they are true for its body after fetch. */
function headersOf({ headers }: Response): HeaderPairs {
  const pairs = toPairs(headers)
  if (!headers.has('content-encoding')) return pairs
  // Not asked for, and fetch has undone it, so that the length is another one too.
  return pairs.filter((_, at) => !/^content-(?:encoding|length)$/.test(pairs[at - (at % 2)]!))
}

/** The whole body, or undefined where it is larger. Throws where it breaks off. */
export async function readAtMost(
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

/** Chunks as one array of `size` bytes. */
export function joined(chunks: Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

export function toPairs(headers: Headers): HeaderPairs {
  const pairs: string[] = []
  headers.forEach((value, name) => {
    pairs.push(name, value)
  })
  return pairs
}

export function toHeaders(pairs: HeaderPairs): Headers {
  const headers = new Headers()
  for (let at = 0; at < pairs.length; at += 2) headers.append(pairs[at]!, pairs[at + 1]!)
  return headers
}
