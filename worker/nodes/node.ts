// The nodes that a configuration names.
import type { FilterConfig } from '../../shared/config/filter.ts'

/** One server that requests are forwarded to. */
export interface Node {
  name: string
  /** As in http://127.0.0.1:8888. */
  origin: string
}

/** The nodes of a configuration: today the one of nodeosProtocol, nodeosUrl and nodeosPort. */
export function nodesOf(config: FilterConfig): readonly Node[] {
  return [{ name: 'nodeos', origin: nodeosOrigin(config) }]
}

function nodeosOrigin({ nodeosProtocol, nodeosUrl, nodeosPort }: FilterConfig): string {
  const host = nodeosUrl.includes(':') && !nodeosUrl.startsWith('[') ? `[${nodeosUrl}]` : nodeosUrl
  return `${nodeosProtocol}://${host}:${nodeosPort}`
}
