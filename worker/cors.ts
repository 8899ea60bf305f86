// CORS (fetch.spec.whatwg.org, "CORS protocol"): the headers that let a web page read a response, rejections included.
import { ALLOWED_METHODS } from './endpoints.ts'
import { headerValue } from './headers.ts'
import type { Answer, FilterRequest, HeaderPairs } from './platform.ts'

const ALLOW_ORIGIN = 'access-control-allow-origin'

/** Headers of the filter's own that a page may read beside the few that it always may. */
const EXPOSED = 'retry-after, x-rejected-by'

/** Seconds for which a browser need not ask again; Chromium keeps an answer for no longer. */
const MAX_AGE = '7200'

/** Names that a preflight may ask for; a longer list is nobody's. */
const requestedHeaders = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+){0,49}$/

/** `*`, or one origin as RFC 6454 writes it: what says the same to every page. */
const fixedOrigin = /^(?:\*|[a-z][a-z0-9+.-]{0,30}:\/\/[A-Za-z0-9.:[\]_-]{1,255})$/

/**
 * The headers of every response where pages of this origin may read them: the configured ones, which win, and those of
 * CORS. Names are in lower case.
 */
export function withCors(
  configured: ReadonlyMap<string, string>,
  origin: string | undefined,
): ReadonlyMap<string, string> {
  if (!origin || configured.has(ALLOW_ORIGIN)) return configured
  return new Map([[ALLOW_ORIGIN, origin], ['access-control-expose-headers', EXPOSED], ...configured])
}

/** Whether a browser asks here what a page may ask (section 3.2.2 there, "CORS-preflight request"). */
export function isPreflight({ method, headers }: Pick<FilterRequest, 'method' | 'headers'>): boolean {
  return (
    method === 'OPTIONS' &&
    headerValue(headers, 'origin') !== '' &&
    headerValue(headers, 'access-control-request-method') !== ''
  )
}

/** What a page may ask: the methods that are served, with whatever headers it has; `headers` are those of every response. */
export function preflightAnswer(request: FilterRequest, headers: ReadonlyMap<string, string>): Answer {
  const requested = headerValue(request.headers, 'access-control-request-headers')
  const fields: string[] = [
    ...['access-control-allow-methods', ALLOWED_METHODS],
    ...['access-control-allow-headers', requestedHeaders.test(requested) ? requested : 'content-type'],
    ...['access-control-max-age', MAX_AGE],
  ]
  for (const [name, value] of headers) if (value !== '' && !fields.includes(name)) fields.push(name, value)
  return { status: 204, fields, body: '', close: false }
}

/** The origin that nodeos allows, where its answer says the same to every page; undefined where it says none. */
export function allowedOriginOf(headers: HeaderPairs): string | undefined {
  const origin = headerValue(headers, ALLOW_ORIGIN)
  return fixedOrigin.test(origin) && !/\borigin\b/i.test(headerValue(headers, 'vary')) ? origin : undefined
}
