// The last requests that were judged, bounded in number and in bytes: what a change of the configuration is tried on.
import type { Address } from '../../shared/address.ts'
import type { JudgedHead } from '../judge.ts'

export interface RecentRequest extends JudgedHead {
  /** Unix time in milliseconds. */
  at: number
  client: Address
  /** Undefined where it was refused before its body was read. */
  body: Uint8Array | undefined
}

export const MAX_REQUESTS = 1_000

/** Bytes of all bodies, and of the largest. */
const MAX_BYTES = 8_388_608
const MAX_BODY = 262_144

/** Milliseconds between two requests that are kept: at most 200 a second cost the copy of their bodies. */
const INTERVAL = 5

/** Headers whose values are judged; of others only the number is. */
const JUDGED = new Set(['content-encoding', 'content-length'])

export class RecentRequests {
  #requests: RecentRequest[] = []
  #bytes = 0
  #lastAt = Number.NEGATIVE_INFINITY

  /** `began` is the time of the request by performance.now(). */
  add(head: JudgedHead & { began: number }, client: Address, body: Uint8Array | undefined): void {
    if (head.began - this.#lastAt < INTERVAL || (body && body.length > MAX_BODY)) return
    this.#lastAt = head.began
    const { method, target, headers } = head
    this.#requests.push({
      at: Date.now(),
      client,
      method,
      target,
      headers: headers.map((text, at) =>
        at % 2 === 0 || JUDGED.has(headers[at - 1]!.toLowerCase()) ? text : '',
      ),
      // What came belongs to the connection's buffer.
      body: body?.slice(),
    })
    this.#bytes += body?.length ?? 0
    while (this.#requests.length > MAX_REQUESTS || this.#bytes > MAX_BYTES)
      this.#bytes -= this.#requests.shift()!.body?.length ?? 0
  }

  /** The oldest first. */
  get all(): readonly RecentRequest[] {
    return this.#requests
  }
}
