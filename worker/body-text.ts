import { Buffer } from 'node:buffer'

/** A body with each byte as one character: exactly the bytes, whatever they are. */
export function bodyText(body: Uint8Array | string | null): string {
  if (body === null || typeof body === 'string') return body ?? ''
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
}
