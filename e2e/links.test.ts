// What pages of the repository name is there: the files that they link to or write of and, behind a #, the headings of those.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { linksIn, withoutCode } from './page-links.ts'

const ROOT = join(import.meta.dirname, '..')

const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((page) => existsSync(join(ROOT, page)))

const linksOf = (page: string) => linksIn(readFileSync(join(ROOT, page), 'utf8'))

/** As GitHub names the headings of a page. */
function anchorsOf(path: string): string[] {
  const headings = withoutCode(readFileSync(path, 'utf8')).matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function leadsSomewhere(page: string, target: string): boolean {
  const [file, anchor] = target.split('#')
  const path = file === '' ? join(ROOT, page) : join(ROOT, dirname(page), file!)
  return existsSync(path) && (anchor === undefined || anchorsOf(path).includes(anchor))
}

/** Files and folders of the source that stand in the text as code. */
function namedIn(page: string): string[] {
  const spans = withoutCode(readFileSync(join(ROOT, page), 'utf8')).matchAll(/`([^`\n]+)`/g)
  const paths = [...spans].map(([, span]) => span!)
  return paths.filter((path) => /^(?:worker|relay|shared|cli|e2e|bench|docker)\/[\w./-]*$/.test(path))
}

test('there is something to look at', () => {
  expect(pages.length).toBeGreaterThan(20)
  expect(pages.flatMap(linksOf).length).toBeGreaterThan(100)
  expect(namedIn('docs/architecture.md').length).toBeGreaterThan(30)
  expect(leadsSomewhere('README.md', 'docs/nodes.md#no-such-heading')).toBe(false)
})

test.each(pages)('%s', (page) => {
  expect(linksOf(page).filter((target) => !leadsSomewhere(page, target))).toEqual([])
  expect(namedIn(page).filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})
