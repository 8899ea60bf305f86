// The console on a config listener: its pages, what keeps them live, and the way in.
import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { timingSafeEqual } from 'hono/utils/buffer'
import type { ConfigRoute } from '../config-api.ts'
import { isCrossSite, peerOf, type SignIn } from '../config-guard.ts'
import { errorBody } from '../error-body.ts'
import type { Logger } from '../logger.ts'
import { assetRoutes } from './assets.ts'
import {
  type ConfigurationParts,
  type ConsoleConfig,
  configurationRoutes,
  configurationScreen,
} from './configuration.ts'
import { type Frame, type Screen, screenPage, signInPage } from './page.ts'
import { Sessions } from './sessions.ts'

export const HOME = '/patroneos'
const SIGN_IN = '/patroneos/console/sign-in'

/** Milliseconds between two looks at what a screen shows. */
const LIVE_INTERVAL = 1_000

/** Milliseconds after which a screen that stays the same is said to be there still. */
const KEEP_ALIVE = 15_000

/** Screens that are live at one time, over all browsers. */
const MAX_LIVE = 32

export interface ConsoleParts<C> {
  program: 'filter' | 'relay'
  version: string
  /** Those before the last one, which is that of the configuration. */
  screens: readonly Screen[]
  configuration: ConfigurationParts<C>
  logger: Logger
}

export interface Console {
  routes: ConfigRoute[]
  /** Undefined where there is nothing to sign in with. */
  signIn: SignIn | undefined
}

export function createConsole<C extends ConsoleConfig>(parts: ConsoleParts<C>): Console {
  const { program, version, configuration, logger } = parts
  const { token, store } = configuration
  const screens = [...parts.screens, configurationScreen(configuration)]
  const sessions = token === undefined ? undefined : new Sessions(program)
  const frame: Frame = { program, version, screens, hasSession: sessions !== undefined }
  const live = liveRoute(screens, sessions)
  const pages = screens.map(
    (screen): ConfigRoute => ({
      method: 'GET',
      path: screen.path,
      handle: (c) => screenPage(c, frame, screen),
    }),
  )
  const routes = [
    ...pages,
    live,
    ...configurationRoutes(configuration),
    ...assetRoutes,
    ...(sessions ? signInRoutes(program, token!, logger, sessions) : []),
  ]
  const ifOn = (route: ConfigRoute): ConfigRoute => ({
    ...route,
    handle: (c) =>
      store.current().console
        ? route.handle(c)
        : c.json(errorBody('NOT_FOUND', 404, '"console" is false in the configuration'), 404),
  })
  const signIn = sessions && { path: SIGN_IN, holds: (c: Context) => sessions.holds(c) }
  return { routes: routes.map(ifOn), signIn }
}

/** Sends a screen whenever it has changed, as server-sent events; a browser asks again by itself when they end. */
function liveRoute(screens: readonly Screen[], sessions: Sessions | undefined): ConfigRoute {
  let open = 0
  return {
    method: 'GET',
    path: '/patroneos/console/live',
    handle: (c) => {
      const query = new URL(c.req.url).searchParams
      const screen = screens.find(({ path, isLive }) => isLive && path === query.get('screen'))
      if (!screen) return c.json(errorBody('NOT_FOUND', 404, 'there is no such live screen'), 404)
      if (open >= MAX_LIVE)
        return c.json(
          errorBody('TOO_MANY_SCREENS', 503, `at most ${MAX_LIVE} screens are live at one time`),
          503,
        )
      open++
      return streamSSE(c, async (stream) => {
        try {
          let shown = ''
          let saidAt = 0
          while (!stream.aborted && !stream.closed) {
            if (sessions && !isSignedIn(c, sessions))
              return await stream.writeSSE({ event: 'over', data: '' })
            const text = String(await screen.render(query))
            if (text !== shown || Date.now() - saidAt > KEEP_ALIVE) {
              await stream.writeSSE({
                event: text === shown ? 'same' : 'screen',
                data: text === shown ? '' : text,
              })
              shown = text
              saidAt = Date.now()
            }
            await stream.sleep(LIVE_INTERVAL)
          }
        } finally {
          open--
        }
      })
    },
  }
}

/** A stream may have been opened with the token itself. */
const isSignedIn = (c: Context, sessions: Sessions) =>
  c.req.header('authorization') !== undefined || sessions.holds(c)

function signInRoutes(
  program: Frame['program'],
  token: string,
  logger: Logger,
  sessions: Sessions,
): ConfigRoute[] {
  const signIn = async (c: Context) => {
    if (isCrossSite(c)) return signInPage(c, program, 'Sign in on this page.', 401)
    const peer = peerOf(c) ?? 'unknown'
    const wait = sessions.wait(peer)
    if (wait > 0) {
      const why = `Too many wrong tokens; try again in ${wait} s.`
      return signInPage(c, program, why, 429, { 'Retry-After': String(wait) })
    }
    const { token: given } = await c.req.parseBody()
    if (typeof given !== 'string' || !(await timingSafeEqual(given, token))) {
      sessions.wrongToken(peer)
      logger.warn('console: wrong token', { peer })
      return signInPage(c, program, 'This is not the token.', 401)
    }
    sessions.begin(c)
    return c.redirect(HOME, 303)
  }
  return [
    { method: 'GET', path: SIGN_IN, isOpen: true, handle: (c) => signInPage(c, program) },
    { method: 'POST', path: SIGN_IN, isOpen: true, handle: signIn },
    {
      method: 'POST',
      path: '/patroneos/console/sign-out',
      handle: (c) => {
        sessions.end(c)
        return c.redirect(SIGN_IN, 303)
      },
    },
  ]
}
