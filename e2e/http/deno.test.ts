// Every attack against the filter on Deno. Its reader takes a bare LF for the end of a line, as RFC 9112, section
// 2.2 allows, and white space before a chunk's size; nodeos gets neither of them.
// Not held here: its fetch sends a transaction again where nodeos hangs up on it; nodeos knows the second one for
// a duplicate.
import { it } from 'vitest'
import { attacksOn, hold, startOn } from './hold.ts'

startOn('deno')

const INFO = '/v1/chain/get_info'
const attacks = attacksOn({
  'bare LF behind the request line': [INFO],
  'header: a bare LF in a value': [INFO],
  'a chunk size with white space before': ['/v1/chain/get_block'],
  'Host missing': [INFO],
})

it.each(attacks)('$name', (attack) => hold(attack))
