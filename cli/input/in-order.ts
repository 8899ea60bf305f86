// A log has its requests in the order in which they ended, and several processes write theirs in batches: the order in which
// they came is found by looking ahead, as far as a bounded memory can.
import TinyQueue from 'tinyqueue'
import type { KeptRequest, Unread } from './requests.ts'

/** What waits for earlier ones: requests, bytes of their bodies, and milliseconds between the first and the last of them. */
const MAX_REQUESTS = 10_000
const MAX_BYTES = 16_777_216
const MAX_SPAN = 60_000

interface Timed extends KeptRequest {
  time: number
}

export async function* inOrder(
  requests: AsyncIterable<KeptRequest | Unread>,
): AsyncGenerator<KeptRequest | Unread> {
  // Those of one time in the order of the log.
  const waiting = new TinyQueue<Timed>([], (a, b) => a.time - b.time || a.at - b.at)
  let bytes = 0
  let newest = 0
  for await (const kept of requests) {
    const request = 'logged' in kept ? kept.logged.request : undefined
    if (request?.time === undefined) {
      yield kept
      continue
    }
    const timed = { ...(kept as KeptRequest), time: request.time }
    waiting.push(timed)
    bytes += request.body.length
    newest = Math.max(newest, timed.time)
    for (let first = waiting.peek(); first; first = waiting.peek()) {
      const isFull = waiting.length > MAX_REQUESTS || bytes > MAX_BYTES
      if (!isFull && newest - first.time <= MAX_SPAN) break
      waiting.pop()
      bytes -= first.logged.request.body.length
      yield first
    }
  }
  for (let first = waiting.pop(); first; first = waiting.pop()) yield first
}
