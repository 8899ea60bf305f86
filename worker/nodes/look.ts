// Asks nodeos for get_info at start and after a change, until the answer is good. Logs each problem once.
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Upstreams } from '../platform.ts'
import { type Node, nodesOf } from './node.ts'

/** Milliseconds between looks. */
const INTERVAL = 3_000

/** Bytes of an answer that are read. */
const MAX_ANSWER = 65_536

export interface LookParts {
  config(): FilterConfig
  ask: Upstreams['ask']
  logger: Logger
}

export interface Look {
  /** Begins anew, where the configuration names another nodeos. */
  changed(): void
  stop(): void
}

export function lookAtNodeos({ config, ask, logger }: LookParts): Look {
  let node: Node | undefined
  let timer: NodeJS.Timeout | undefined
  let said = ''

  const say = (text: string, level: 'info' | 'warn') => {
    if (said !== text) logger[level](text)
    said = text
  }

  const look = async (looked: Node) => {
    const problem = await problemOf(looked, ask)
    // Another one is looked at by now.
    if (looked !== node) return
    if (!problem) {
      if (said !== '') say(`nodeos at ${looked.origin} answers get_info with 200`, 'info')
      return
    }
    say(problem, 'warn')
    timer = setTimeout(look, INTERVAL, looked)
    timer.unref()
  }

  const changed = () => {
    const [next] = nodesOf(config())
    if (next?.origin === node?.origin) return
    clearTimeout(timer)
    node = next
    said = ''
    if (next) void look(next)
  }

  changed()
  return {
    changed,
    stop: () => {
      clearTimeout(timer)
      node = undefined
    },
  }
}

/** What keeps a node from being of use, as a sentence; undefined where nothing does. */
async function problemOf(node: Node, ask: Upstreams['ask']): Promise<string | undefined> {
  const question = {
    method: 'GET',
    target: '/v1/chain/get_info',
    headers: ['accept-encoding', 'identity'],
    body: null,
  }
  const answer = await ask(node, question, MAX_ANSWER)
  if (answer && 'code' in answer) {
    const reason = answer.reason ? ` (${answer.reason})` : ''
    const status = answer.code === 'NODEOS_TIMEOUT' ? 504 : 503
    return `nodeos at ${node.origin} does not answer yet${reason}; answering ${status} and trying on`
  }
  if (answer?.status === 200) return undefined
  // nodeos: plugins/http_plugin (allow_host).
  const refusesHost =
    answer?.status === 400 && /HTTP HOST header/i.test(new TextDecoder().decode(answer.body))
  const { host } = new URL(node.origin)
  if (refusesHost)
    return `nodeos at ${node.origin} refuses the header "Host: ${host}", which the filter sends: set http-alias = ${host} or http-validate-host = false in nodeos's config.ini, or nodeosUrl to an address that nodeos listens on`
  return `nodeos at ${node.origin} answers get_info with ${answer?.status ?? 'too much'}; trying on`
}
