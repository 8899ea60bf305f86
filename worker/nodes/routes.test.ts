// Which nodes serve a path: a path beats a word, a longer path a shorter one.
import { expect, it } from 'vitest'
import { filterConfig } from '../testing/harness.ts'
import { nodesOf } from './node.ts'
import { NodeState } from './node-state.ts'
import { createRoutes } from './routes.ts'

const nodes = [
  { name: 'all', url: 'http://10.0.0.1' },
  { name: 'reader', url: 'http://10.0.0.2', serves: ['read'] },
  { name: 'hyperion', url: 'http://10.0.0.3', serves: ['/v1/history/*', '/v2/*'] },
  { name: 'actions', url: 'http://10.0.0.4', serves: ['/v1/history/get_actions', 'push'] },
  { name: 'old', url: 'http://10.0.0.5', serves: ['/v2/history/*'] },
]
const config = filterConfig({ nodes })
const routes = createRoutes(nodesOf(config).map((node) => new NodeState(node)))

it.each<[string, boolean, string[]]>([
  ['/v1/chain/get_info', false, ['all', 'reader']],
  ['/v1/chain/push_transaction', true, ['all', 'actions']],
  ['/v1/history/get_transaction', false, ['hyperion']],
  ['/v1/history/get_actions', false, ['actions']],
  ['/v2/health', false, ['hyperion']],
  ['/v2/history/get_actions', false, ['old']],
  ['/v2/h%69story/get_actions', false, ['old']],
  ['/v2', false, ['all', 'reader']],
])('%s, push %j: %j', (path, isPush, names) => {
  expect(routes.of(path, isPush).members.map(({ name }) => name)).toEqual(names)
})

it('knows no node where none serves', () => {
  const readers = filterConfig({ nodes: [nodes[1]] })
  const { members } = createRoutes(nodesOf(readers).map((node) => new NodeState(node))).of(
    '/v1/chain/x',
    true,
  )
  expect(members).toEqual([])
})
