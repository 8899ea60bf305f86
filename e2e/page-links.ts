// What a page of Markdown links to, for what checks that it is there.

export const withoutCode = (text: string): string => text.replace(/^ *```.*?^ *```/gms, '')

/** Targets of links and images in the text of a page, but those on the web. */
export function linksIn(text: string): string[] {
  // Code may look like a link.
  const prose = withoutCode(text).replace(/`[^`\n]*`/g, '')
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
  return targets.filter((target) => !/^[a-z]+:/.test(target))
}
