// The files that pages of the console load: style and scripts, as they stand in the folder assets.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConfigRoute } from '../config-api.ts'

const FOLDER = join(import.meta.dirname, 'assets')

const files = {
  'console.css': 'text/css; charset=utf-8',
  'live.js': 'text/javascript; charset=utf-8',
  'talk.js': 'text/javascript; charset=utf-8',
  'bans.js': 'text/javascript; charset=utf-8',
  'configuration.js': 'text/javascript; charset=utf-8',
} as const

/** Without a token, as the page on which one signs in needs them. */
export const assetRoutes: readonly ConfigRoute[] = Object.entries(files).map(([name, type]) => ({
  method: 'GET',
  path: `/patroneos/console/${name}`,
  isOpen: true,
  handle: async (c) => {
    const text = await readFile(join(FOLDER, name), 'utf8')
    return c.body(text, 200, {
      'Content-Type': type,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-cache',
    })
  },
}))
