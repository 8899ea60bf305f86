// Remembers which messages were written. A filter without an answer sends a message again, and an attacker may replay
// one; each message is written once.

import { TIMESTAMP_TOLERANCE } from '../shared/report-message.ts'

/** Milliseconds that an id is remembered: one that came from a clock ahead is believed for twice the tolerance. */
export const REMEMBERED = (2 * TIMESTAMP_TOLERANCE + 1) * 1000
export const MAX_IDS = 100_000

/** `conflict`: the id belongs to another message, so nothing was done. */
export type Arrival = 'first' | 'repeated' | 'conflict'

/** A message that is written, or about to be. */
export interface Message {
  id: string
  /** Of its body. */
  digest: string
  /** When it came, Unix time in milliseconds. */
  at: number
}

export interface MessageMemory {
  /**
   * Does the work of a message unless it is done already; a repetition waits for the first. Work that fails is
   * forgotten, so that it may be tried again. `digest` is of the message's body: an id names one message only.
   */
  once(id: string | undefined, digest: string, work: () => Promise<void>): Promise<Arrival>
}

/** `known` are those that were written before, the oldest first. */
export function createMessageMemory(now: () => number, known: readonly Message[] = []): MessageMemory {
  // In the order of arrival, so that the oldest are the first.
  const messages = new Map<string, { at: number; digest: string; done: Promise<void> }>()
  const done = Promise.resolve()
  for (const { id, digest, at } of known) messages.set(id, { at, digest, done })

  const forgetOld = () => {
    for (const [id, { at }] of messages) {
      if (messages.size <= MAX_IDS && now() - at < REMEMBERED) break
      messages.delete(id)
    }
  }

  return {
    once: async (id, digest, work) => {
      if (id === undefined) {
        await work()
        return 'first'
      }
      const earlier = messages.get(id)
      if (earlier) {
        if (earlier.digest !== digest) return 'conflict'
        await earlier.done
        return 'repeated'
      }
      const done = work()
      messages.set(id, { at: now(), digest, done })
      forgetOld()
      try {
        await done
      } catch (error) {
        messages.delete(id)
        throw error
      }
      return 'first'
    },
  }
}
