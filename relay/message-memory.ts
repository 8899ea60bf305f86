// Which messages were written already: a filter that got no answer sends the same message again, and an
// attacker may replay one; either way it is written once.

import { TIMESTAMP_TOLERANCE } from '../shared/report-message.ts'

/** Milliseconds that an id is remembered: one that came from a clock ahead is believed for twice the tolerance. */
const REMEMBERED = (2 * TIMESTAMP_TOLERANCE + 1) * 1000
const MAX_IDS = 100_000

export interface MessageMemory {
  /**
   * Does the work of a message unless it is done already. Resolves to whether this call did it; a repetition
   * waits for the first. Work that fails is forgotten, so that it may be tried again.
   */
  once(id: string | undefined, work: () => Promise<void>): Promise<boolean>
}

export function createMessageMemory(now: () => number): MessageMemory {
  // In the order of arrival, so that the oldest are the first.
  const messages = new Map<string, { at: number; done: Promise<void> }>()

  const forgetOld = () => {
    for (const [id, { at }] of messages) {
      if (messages.size <= MAX_IDS && now() - at < REMEMBERED) break
      messages.delete(id)
    }
  }

  return {
    once: async (id, work) => {
      if (id === undefined) {
        await work()
        return true
      }
      const earlier = messages.get(id)
      if (earlier) {
        await earlier.done
        return false
      }
      const done = work()
      messages.set(id, { at: now(), done })
      forgetOld()
      try {
        await done
      } catch (error) {
        messages.delete(id)
        throw error
      }
      return true
    },
  }
}
