import { expect, test } from 'vitest'
import { readReadme, withReference } from './reference.ts'

test('the README has the tables of today (npm run reference rewrites them)', () => {
  expect(readReadme()).toBe(withReference(readReadme()))
})
