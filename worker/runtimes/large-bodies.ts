// Lets large request bodies take turns, so that a flood of them does not starve other requests. A few of one client are
// read at a time, and one in total is judged in each turn of the event loop.
import { type Address, clientNetwork } from '../../shared/address.ts'

/** Bytes over which a body is large: to read and judge it costs milliseconds, in which everybody else waits. */
export const LARGE_BODY = 65_536

/** Of one client, at one time; the others stay in their connections. */
const READ_AT_ONCE = 4

interface Queue {
  reading: number
  waiting: (() => void)[]
}

export interface LargeBodies {
  /** Calls `read` when the client's turn comes. The returned function ends the turn, or the wait for it. */
  enter(client: Address, read: () => void): () => void
}

export function createLargeBodies(): LargeBodies {
  const queues = new Map<string, Queue>()

  return {
    enter: (address, read) => {
      const client = clientNetwork(address)
      const queue = queues.get(client) ?? { reading: 0, waiting: [] }
      queues.set(client, queue)
      let isReading = false
      const start = () => {
        isReading = true
        queue.reading++
        read()
      }
      if (queue.reading < READ_AT_ONCE) start()
      else queue.waiting.push(start)
      return () => {
        if (isReading) {
          queue.reading--
          queue.waiting.shift()?.()
        } else queue.waiting.splice(queue.waiting.indexOf(start), 1)
        if (queue.reading === 0) queues.delete(client)
      }
    },
  }
}

const turns: (() => void)[] = []

/** Does the work in a turn of the event loop of its own. */
export function takeTurn(work: () => void): void {
  turns.push(work)
  if (turns.length === 1) setImmediate(nextTurn)
}

function nextTurn(): void {
  turns[0]!()
  turns.shift()
  if (turns.length > 0) setImmediate(nextTurn)
}
