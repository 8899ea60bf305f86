// Every attack against the filter on Node.
import { describe, it } from 'vitest'
import { ATTACKS } from './attacks.ts'
import { hold, holdTransactionSentOnce, startOn } from './hold.ts'

startOn('node')

describe('in one packet', () => {
  it.each(ATTACKS)('$name: $allowed', (attack) => hold(attack))
})

describe('in packets of seven bytes', () => {
  it.each(ATTACKS.filter(({ bytes }) => bytes.length < 1000))('$name: $allowed', (attack) => hold(attack, 7))
})

it('sends a transaction once, even where nodeos hangs up on it', holdTransactionSentOnce)
