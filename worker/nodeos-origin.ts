// Where nodeos is, as the origin of a URL.
import type { FilterConfig } from '../shared/config.ts'

export function nodeosOrigin({ nodeosProtocol, nodeosUrl, nodeosPort }: FilterConfig): string {
  const host = nodeosUrl.includes(':') && !nodeosUrl.startsWith('[') ? `[${nodeosUrl}]` : nodeosUrl
  return `${nodeosProtocol}://${host}:${nodeosPort}`
}
