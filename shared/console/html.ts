// How pages of the console are written: Hono's `html` template, which escapes whatever is put into it. Not JSX: the
// programs run TypeScript by type stripping (Node, Bun and Deno alike), which has no JSX transform, and there is no build
// step that could have one.
import { html, raw } from 'hono/html'

export { html }

/** A piece of a page. Synchronous, as nothing that is put into one is a promise. */
export type Html = ReturnType<typeof html>

export const nothing: Html = raw('')
