// Who may use a config listener: whoever has the token or a session that it began, or where there is no token, who asks
// for an address of this machine. Never a web page of another origin.
import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { timingSafeEqual } from 'hono/utils/buffer'
import { parseAddress, unbracketed } from './address.ts'
import { errorBody } from './error-body.ts'
import type { Logger } from './logger.ts'

/** Where people sign in whose browser has no token. */
export interface SignIn {
  /** Whether a request belongs to a session. */
  holds(c: Context): boolean
  /** The page on which one signs in. */
  path: string
}

export interface GuardOptions {
  /** When set, every request must carry it as `Authorization: Bearer`, or belong to a session. */
  token?: string | undefined
  signIn?: SignIn | undefined
  /** Told of wrong tokens. */
  logger?: Logger
}

export function guard({ token, signIn, logger }: GuardOptions): MiddlewareHandler {
  let wrongTokens = 0
  return async (c, next) => {
    if (token === undefined) {
      // Without a token the loopback address is the protection, and a name that was rebound to it would let a
      // web page in (DNS rebinding): only addresses and localhost are names of this listener.
      if (!isLocalName(c.req.header('host') ?? ''))
        return refuse(c, 403, 'HOST_NOT_ALLOWED', 'use the address or localhost')
    } else if (!(await timingSafeEqual(bearerOf(c), token)) && !signIn?.holds(c)) {
      if (signIn && isOfBrowser(c)) return c.redirect(signIn.path, 303)
      // One line for the first of many: guessing is no flood of log lines. It is not slowed down either, since
      // that would shut out the operator before it helped a token that can be guessed.
      if (wrongTokens++ % 1000 === 0)
        logger?.warn('config API: wrong or missing token', { peer: peerOf(c), count: wrongTokens })
      c.header('WWW-Authenticate', 'Bearer')
      return refuse(c, 401, 'UNAUTHORIZED', 'the Authorization header must be "Bearer" and the token')
    }
    if (isCrossSite(c))
      return refuse(c, 403, 'CROSS_SITE', 'a page of another origin may not change anything here')
    await next()
  }
}

/**
 * A change that a browser sends for a page of another origin, for which a cookie or the loopback address would stand. A
 * browser says so itself: Sec-Fetch-Site where it thinks the listener trustworthy (loopback or TLS), else Origin.
 */
export function isCrossSite(c: Context): boolean {
  if (['GET', 'HEAD', 'OPTIONS'].includes(c.req.method)) return false
  const site = c.req.header('sec-fetch-site')
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const origin = c.req.header('origin')
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== c.req.header('host'))
}

/** Somebody looks at a page. */
const isOfBrowser = (c: Context) =>
  c.req.method === 'GET' && (c.req.header('accept') ?? '').includes('text/html')

/** The other end of the connection; unknown where the listener is not Node's. */
export function peerOf(c: Context): string | undefined {
  return (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress
}

/** The token that was sent, or "". The scheme may be written in any case (RFC 9110, section 11.1). */
function bearerOf(c: Context): string {
  return /^Bearer +(.*)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
}

function isLocalName(host: string): boolean {
  const name = unbracketed(host.replace(/:\d+$/, ''))
  return name.toLowerCase() === 'localhost' || parseAddress(name) !== undefined
}

const refuse = (c: Context, status: 401 | 403, message: string, detail: string) =>
  c.json(errorBody(message, status, detail), status)
