// Hexadecimal text and zlib streams -> bytes, each all of it or nothing.
import { Buffer } from 'node:buffer'
import { inflateSync } from 'node:zlib'

const hexadecimal = /^(?:[0-9a-f]{2})*$/i

/** Decodes hexadecimal of either case; undefined for an odd length or any other character. */
export function decodeHex(hex: string): Uint8Array | undefined {
  // Buffer stops silently at the first bad digit, and takes U+0131 for a 1 as it looks at the low byte only.
  return hexadecimal.test(hex) ? Buffer.from(hex, 'hex') : undefined
}

export type Inflated = { bytes: Uint8Array } | { tooLarge: true } | { corrupt: true }

/**
 * Inflates one zlib stream (RFC 1950) that fills its input exactly: nodeos may read on where bytes follow, and
 * what it reads must be what was judged. Nothing over `maxBytes` is kept.
 */
export function inflate(deflated: Uint8Array, maxBytes: number): Inflated {
  try {
    // With maxOutputLength 0 node:zlib would refuse the option, and one byte more tells "full" from "over".
    const { buffer, engine } = inflateSync(deflated, {
      maxOutputLength: maxBytes + 1,
      info: true,
    }) as unknown as {
      buffer: Uint8Array
      engine: { bytesWritten: number }
    }
    if (buffer.length > maxBytes) return { tooLarge: true }
    return engine.bytesWritten === deflated.length ? { bytes: buffer } : { corrupt: true }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      ? { tooLarge: true }
      : { corrupt: true }
  }
}
