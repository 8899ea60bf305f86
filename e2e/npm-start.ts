// How `npm start` runs the filter on Node, for what measures it as its operators have it.
import { readFileSync } from 'node:fs'

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

/** Node's own options: the bounds of its heap. */
export const NODE_OPTIONS: string[] = scripts.start.match(/--\S+/g)
