// A list behind a URL: asked for at the start and from time to time, in full only when it has changed.
import { MAX_LIST_BYTES, type SourceWatch } from './source.ts'

/** Milliseconds in which the whole list must have come. */
const TIMEOUT = 10_000

export interface UrlParts {
  url: string
  /** Seconds between two requests. */
  interval: number
  fetch: typeof globalThis.fetch
}

/** Follows a URL until the function that it returns is called. */
export function followUrl({ url, interval, fetch }: UrlParts, { take, trouble }: SourceWatch): () => void {
  let etag: string | null = null
  let last: string | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const stop = new AbortController()

  const ask = async () => {
    try {
      const headers: Record<string, string> = etag === null ? {} : { 'if-none-match': etag }
      const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT), stop.signal])
      const response = await fetch(url, { headers, signal })
      if (response.status !== 304) {
        last = await textOf(response)
        etag = response.headers.get('etag')
      }
      if (!stop.signal.aborted && last !== undefined) take(last)
    } catch (error) {
      if (!stop.signal.aborted) trouble(reasonOf(error as Error))
    }
    if (stop.signal.aborted) return
    timer = setTimeout(ask, interval * 1000)
    timer.unref()
  }
  void ask()
  return () => {
    stop.abort()
    clearTimeout(timer)
  }
}

async function textOf(response: Response): Promise<string> {
  if (response.status !== 200 || !response.body) {
    await response.body?.cancel()
    throw new Error(`it was answered with ${response.status}`)
  }
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.length
    // Leaving the loop cancels the body.
    if (bytes > MAX_LIST_BYTES) throw new Error(`over ${MAX_LIST_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function reasonOf({ name, message, cause }: Error): string {
  if (name === 'TimeoutError') return `no whole answer within ${TIMEOUT / 1000} s`
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}
