// Finds the end of a message body that arrives in pieces.
import type { Buffer } from 'node:buffer'

export interface BodyReader {
  /**
   * Takes what of the bytes, from `at` on, belongs to the body, and gives each piece of its data to `take`. Returns
   * the index behind that, or -1 where it is no body of its framing.
   */
  feed(bytes: Buffer, at: number, take: (data: Buffer) => void): number
  readonly done: boolean
  /** Bytes that are announced and still to come; more may follow. */
  readonly left: number
}

/** A body of so many bytes; infinite where the connection's end is the body's. */
export class FixedBody implements BodyReader {
  left: number

  constructor(length: number) {
    this.left = length
  }

  feed(bytes: Buffer, at: number, take: (data: Buffer) => void): number {
    const end = Math.min(bytes.length, at + this.left)
    this.left -= end - at
    if (end > at) take(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end))
    return end
  }

  get done(): boolean {
    return this.left === 0
  }
}
