// The container, the systemd unit and `patroneos filter` run the filter as `npm start` does.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { NODE_OPTIONS } from '../e2e/npm-start.ts'

it.each([
  ['filter/Dockerfile', NODE_OPTIONS.map((option) => `"${option}"`).join(', ')],
  ['bare-metal/patroneos-filter.service', NODE_OPTIONS.join(' ')],
  ['../cli/heap-bounds.ts', NODE_OPTIONS.map((option) => `'${option}'`).join(', ')],
])('%s has the options of npm start', (file, options) => {
  expect(NODE_OPTIONS).toHaveLength(2)
  expect(readFileSync(join(import.meta.dirname, file), 'utf8')).toContain(options)
})
