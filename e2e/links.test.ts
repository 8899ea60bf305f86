// Links between the pages of the repository lead somewhere: to a file that is there and, behind a #, to a heading of it.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((page) => existsSync(join(ROOT, page)))

const withoutCode = (text: string) => text.replace(/^ *```.*?^ *```/gms, '')

/** Targets of links and images, but those on the web. */
function linksOf(page: string): string[] {
  // Code may look like a link.
  const text = withoutCode(readFileSync(join(ROOT, page), 'utf8')).replace(/`[^`\n]*`/g, '')
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
  return targets.filter((target) => !/^[a-z]+:/.test(target))
}

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

test('there is something to look at', () => {
  expect(pages.length).toBeGreaterThan(20)
  expect(pages.flatMap(linksOf).length).toBeGreaterThan(100)
  expect(leadsSomewhere('README.md', 'docs/nodes.md#no-such-heading')).toBe(false)
})

test.each(pages)('%s', (page) => {
  expect(linksOf(page).filter((target) => !leadsSomewhere(page, target))).toEqual([])
})
