// The nodes that a configuration names.
import type { FilterConfig } from '../../shared/config/filter.ts'
import { servedWords } from '../../shared/config/nodes.ts'
import { GET_INFO } from '../../shared/paths.ts'

/** One server that requests are forwarded to. */
export interface Node {
  name: string
  /** As in http://127.0.0.1:8888. */
  origin: string
  /** Its share of the requests, as a number beside the others'; 0: asked only while no other is in. */
  weight: number
  /** `push`, `read`, and paths. */
  serves: readonly string[]
  /** The path that is looked at. */
  health: string
  /** There is no other: it is asked whatever is known of it, and its own answers say what is wrong. */
  isOnly: boolean
}

/** The nodes of a configuration: those listed, or the one of nodeosProtocol, nodeosUrl and nodeosPort. */
export function nodesOf(config: FilterConfig): readonly Node[] {
  if (config.nodes.length === 0)
    return [
      {
        name: 'nodeos',
        origin: nodeosOrigin(config),
        weight: 1,
        serves: servedWords,
        health: GET_INFO,
        isOnly: true,
      },
    ]
  return config.nodes.map(({ name, url, weight, serves, health }) => ({
    name,
    origin: new URL(url).origin,
    weight,
    serves,
    health: health === 'get_info' ? GET_INFO : health,
    isOnly: false,
  }))
}

function nodeosOrigin({ nodeosProtocol, nodeosUrl, nodeosPort }: FilterConfig): string {
  const host = nodeosUrl.includes(':') && !nodeosUrl.startsWith('[') ? `[${nodeosUrl}]` : nodeosUrl
  return `${nodeosProtocol}://${host}:${nodeosPort}`
}
