// Decides from nodeos's answer whether a transaction succeeded, failed because of its sender, or met other trouble.
// Follows nodeos: plugins/http_plugin (statuses) and libraries/chain/include/eosio/chain/exceptions.hpp (codes).
import { isObject, member } from '../shared/json.ts'

export type Outcome =
  /** How many of the request's transactions failed through their sender, and nodeos's codes of their errors. */
  { failed: number; errors: readonly number[] } | 'success' | 'trouble'

/** Bytes of a response that are kept to look for failures; nodeos's answers to a push are far smaller. */
export const MAX_JUDGED_RESPONSE = 2_097_152

/** Within the ranges below, yet not the sender's doing. */
const notTheSenders = new Set([
  3040008, // duplicate: a wallet that sends twice to be sure
  3040009, // duplicate, deferred
  3080003, // the block is full (NET)
  3080005, // the block is full (CPU)
  3080006, // deadline: an overloaded node
  3080009, // read-only compile, temporary
  3080011, // interrupted by the node
  3080012,
  3081001, // deadline through leeway
])

/** Not found, a duplicate, and a node that is busy (429 of EOSIO, 503 of its successors). */
const notTheSendersStatus = new Set([404, 409, 429, 503])

/** Whether a nodeos error code says that the transaction itself was at fault. */
export function isSendersFault(code: unknown): code is number {
  if (typeof code !== 'number' || notTheSenders.has(code)) return false
  const family = Math.floor(code / 10_000)
  // 301 types, 304 transaction, 305 action, 306 database queries, 307 WASM, 308 resources, 309 authorization,
  // 316 contract; 30601xx is the node's own database.
  return (
    ([301, 304, 305, 306, 307, 308, 309, 316].includes(family) && Math.floor(code / 100) !== 30_601) ||
    code === 3015014
  )
}

const decoder = new TextDecoder()

/** A member by which an accepted answer may tell of a failure; nodeos writes `"except":null` where there is none. */
const mayHaveFailed = /"(?:except|error)"\s*:\s*(?!null\b)/

/** Judges the answer to a request on a transaction endpoint. `body` is undefined where it was too large to keep. */
export function outcomeOf(status: number, body: Uint8Array | undefined): Outcome {
  const accepted = status === 200 || status === 202
  if (body === undefined) return accepted ? 'success' : 'trouble'
  const text = decoder.decode(body)
  if (accepted) {
    // Most answers are without a failure, so they are searched rather than parsed.
    if (!mayHaveFailed.test(text)) return 'success'
    const answer = parse(text)
    const errors = (Array.isArray(answer) ? answer : [answer]).map(errorOf).filter(isSendersFault)
    return errors.length > 0 ? { failed: errors.length, errors } : 'success'
  }
  if (status < 400 || notTheSendersStatus.has(status)) return 'trouble'
  const answer = parse(text)
  const error = isObject(answer) ? member(answer, 'error') : undefined
  const code = isObject(error) ? member(error, 'code') : undefined
  return isSendersFault(code) ? { failed: 1, errors: [code] } : 'trouble'
}

/** The code of an error inside an accepted answer: `processed.except`, `result.except`, or `processed.error` of an item. */
function errorOf(item: unknown): unknown {
  if (!isObject(item)) return undefined
  for (const name of ['processed', 'result']) {
    const trace = member(item, name)
    if (!isObject(trace)) continue
    const except = member(trace, 'except')
    if (isObject(except)) return member(except, 'code')
    const error = member(trace, 'error')
    // push_transactions writes the whole exception as text, its code first.
    if (typeof error === 'string') return Number(/^\d{7}\b/.exec(error)?.[0])
    if (isObject(error)) return member(error, 'code')
  }
  return undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
