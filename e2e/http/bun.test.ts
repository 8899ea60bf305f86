// Every attack against the filter on Bun, which hands the filter a URL: dot segments are resolved before the
// filter judges the path, and what it judged is what nodeos gets.
import { it } from 'vitest'
import { attacksOn, hold, holdTransactionSentOnce, startOn } from './hold.ts'

startOn('bun')

const INFO = '/v1/chain/get_info'
const attacks = attacksOn({
  'the target "/v1/chain/../chain/get_info"': [INFO],
  'the target "/v1/chain/./get_info"': [INFO],
  'the target "/v1/chain/%2e%2e/chain/get_info"': [INFO],
  'the target "/v1/chain/%2E/get_info"': [INFO],
  'the target "/v1/chain/.%2e/chain/get_info"': [INFO],
  'the target "/v1/chain/get_info/.."': ['/v1/chain/'],
  'the target "/../v1/chain/get_info"': [INFO],
})

it.each(attacks)('$name', (attack) => hold(attack))

it('sends a transaction once, even where nodeos hangs up on it', holdTransactionSentOnce)
