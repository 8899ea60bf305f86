// Reads a request body into memory, within the limits per body, per client and in total. Large bodies take turns.
import { Buffer } from 'node:buffer'
import type { Address } from '../../shared/address.ts'
import type { BodySink, Exchange } from '../http1/exchange.ts'
import type { BodyRead } from '../platform.ts'
import type { BufferedBytes } from './buffered-bytes.ts'
import { LARGE_BODY, type LargeBodies, takeTurn } from './large-bodies.ts'

export interface Room {
  buffered: BufferedBytes
  largeBodies: LargeBodies
}

/** Reads one body that did not come in one piece with its head, or is large. */
export class BodyReading implements BodySink {
  readonly #exchange: Exchange
  readonly #client: Address
  readonly #maxBytes: number
  readonly #room: Room
  readonly #resolve: (read: BodyRead) => void
  readonly #chunks: Buffer[] = []
  /** Bytes that are held. */
  #size = 0
  #isWhole = false
  /** Ends the turn of a large body, or its wait for one. */
  #leave: (() => void) | undefined
  #hasTurn = false
  #isScheduled = false

  constructor(
    exchange: Exchange,
    client: Address,
    maxBytes: number,
    room: Room,
    resolve: (read: BodyRead) => void,
  ) {
    this.#exchange = exchange
    this.#client = client
    this.#maxBytes = maxBytes
    this.#room = room
    this.#resolve = resolve
  }

  /** `whole` is the body where it has come in one piece. */
  start(whole: Buffer | undefined): void {
    if (whole) {
      this.data(whole)
      this.end()
    } else this.#exchange.read(this)
  }

  /** Lets go of what is held, once the request is over. */
  release(): void {
    this.#endTurn()
    if (this.#size > 0) this.#room.buffered.release(this.#client, this.#size)
    this.#size = 0
  }

  data(chunk: Buffer): void {
    this.#size += chunk.length
    const fits = this.#room.buffered.hold(this.#client, chunk.length)
    if (this.#size > this.#maxBytes) this.#finish({ tooLarge: true })
    else if (fits) this.#keep(chunk)
    else this.#finish({ overloaded: true })
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk)
    if (this.#size <= LARGE_BODY) return
    // Else one socket would be read for two megabytes before the next one's turn.
    this.#exchange.pause()
    if (this.#leave) {
      if (this.#hasTurn) this.#schedule()
      return
    }
    this.#leave = this.#room.largeBodies.enter(this.#client, () => {
      this.#hasTurn = true
      this.#schedule()
    })
  }

  end(): void {
    this.#isWhole = true
    if (this.#size <= LARGE_BODY) this.#deliver()
  }

  aborted(): void {
    this.#finish({ aborted: true })
  }

  #schedule(): void {
    if (!this.#isScheduled) setImmediate(() => this.#readOn())
    this.#isScheduled = true
  }

  #readOn(): void {
    this.#isScheduled = false
    this.#exchange.resume()
    if (this.#isWhole) takeTurn(() => this.#deliver())
  }

  #deliver(): void {
    if (this.#exchange.isOver) this.aborted()
    else this.#finish({ bytes: joined(this.#chunks, this.#size) })
  }

  #finish(read: BodyRead): void {
    this.#exchange.stopReading()
    if ('bytes' in read) this.#endTurn()
    else this.release()
    this.#resolve(read)
  }

  #endTurn(): void {
    this.#leave?.()
    this.#leave = undefined
  }
}

/** Chunks as one buffer of `size` bytes. */
export function joined(chunks: Buffer[], size: number): Buffer {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
}
