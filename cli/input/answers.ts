// What nodeos answered, where a log says in a word what came of it.
import type { LoggedAnswer } from '../../worker/dry-run/replay-filter.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** An answer of each outcome, as worker/outcome.ts reads it. */
export const ANSWERS: Readonly<Record<string, LoggedAnswer>> = {
  success: { status: 200, body: bytes('{}') },
  // tx_... of eosio/chain/exceptions.hpp: the family of a transaction's own errors.
  failed: { status: 500, body: bytes('{"error":{"code":3040000}}') },
  trouble: { status: 503, body: bytes('') },
}

export const outcomes = ['success', 'failed', 'trouble'] as const
