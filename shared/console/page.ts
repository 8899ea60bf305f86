// The frame around every screen of the console, and the headers of its pages.
import type { Context } from 'hono'
import { type Html, html, nothing } from './html.ts'

/** A page of the console: what it is called, and where it is. */
export interface Screen {
  path: string
  title: string
  /** The screen as it is now; `query` is that of its address. */
  render(query: URLSearchParams): Promise<Html>
  /** Scripts of its own. */
  scripts?: readonly string[]
  /** It stands in the navigation. */
  isListed?: boolean
  /** It is sent anew whenever it has changed. */
  isLive?: boolean
}

/** Nothing from anywhere but the listener itself, and no script or style within a page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const headers = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  // Not no-referrer, with which a form's Origin is null.
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

export interface Frame {
  /** filter or relay. */
  program: string
  version: string
  screens: readonly Screen[]
  /** One can sign out. */
  hasSession: boolean
}

/** A diamond: no file is asked for. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%232563eb' d='M8 1l7 7-7 7-7-7z'/%3E%3C/svg%3E"

function documentOf(title: string, body: Html, scripts: readonly string[] = []): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="/patroneos/console/console.css">
${scripts.map((name) => html`<script type="module" src="/patroneos/console/${name}"></script>`)}
</head>
${body}
</html>`
}

function respond(
  c: Context,
  page: Html,
  status: 200 | 400 | 401 | 429 = 200,
  more = {},
): Response | Promise<Response> {
  return c.html(page, status, { ...headers, ...more })
}

/** A page with the navigation around a screen. */
export async function screenPage(c: Context, frame: Frame, screen: Screen): Promise<Response> {
  const { program, version, screens, hasSession } = frame
  const query = new URL(c.req.url).searchParams
  const content = await screen.render(query)
  const live = screen.isLive ? `/patroneos/console/live?${liveQuery(screen, query)}` : ''
  const body = html`<body>
<a class="skip" href="#screen">Skip to the content</a>
<header>
  <div class="brand"><b>Patroneos</b> ${program} <small>${version}</small></div>
  <nav aria-label="Screens"><ul>${screens
    .filter(({ isListed = true }) => isListed)
    .map(
      ({ path, title }) =>
        html`<li><a href="${path}" ${path === screen.path ? html`aria-current="page"` : nothing}>${title}</a></li>`,
    )}</ul></nav>
  <div class="state"><span id="connection" role="status"></span>${
    hasSession
      ? html`<form method="post" action="/patroneos/console/sign-out"><button class="quiet">Sign out</button></form>`
      : nothing
  }</div>
</header>
<main id="screen" tabindex="-1" data-live="${live}">${content}</main>
<dialog id="dialog" aria-labelledby="dialog-title"></dialog>
<div id="toast" role="status" aria-live="polite"></div>
</body>`
  return respond(
    c,
    documentOf(`${screen.title} · Patroneos ${program}`, body, ['live.js', ...(screen.scripts ?? [])]),
  )
}

function liveQuery({ path }: Screen, query: URLSearchParams): string {
  const more = new URLSearchParams(query)
  more.set('screen', path)
  return more.toString()
}

/** The page on which one signs in, with why that failed. */
export function signInPage(c: Context, program: string, why = '', status: 200 | 401 | 429 = 200, more = {}) {
  const body = html`<body class="sign-in">
<main>
  <h1>Patroneos ${program}</h1>
  <form method="post" action="/patroneos/console/sign-in">
    <label for="token">Token</label>
    <input id="token" name="token" type="password" autocomplete="current-password" required autofocus
      ${why ? html`aria-invalid="true" aria-describedby="why"` : nothing}>
    ${why ? html`<p id="why" class="error" role="alert">${why}</p>` : nothing}
    <button>Sign in</button>
    <p class="hint">The token is <code>PATRONEOS_CONFIG_TOKEN</code> in the environment of this ${program}.</p>
  </form>
</main>
</body>`
  return respond(c, documentOf(`Sign in · Patroneos ${program}`, body), status, more)
}
