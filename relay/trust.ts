// Decides whether a message comes from a filter: by its signature, or by its sender's address.
import type { HttpBindings } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'
import { parseAddress } from '../shared/address.ts'
import { checkSignature, type RelaySecret } from '../shared/report-message.ts'

/** Characters of a message id; a filter's has 40. */
export const MAX_ID_LENGTH = 256

export type RelayContext = Context<{ Bindings: HttpBindings }>

/** Why a signed message is not believed to come from a filter, or undefined where it is. `now` is Unix time in seconds. */
export async function distrustOfSigned(
  c: RelayContext,
  body: string,
  secrets: readonly RelaySecret[],
  now: number,
): Promise<string | undefined> {
  const [id, timestamp, signature = ''] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    (name) => c.req.header(name),
  )
  if (!id || id.length > MAX_ID_LENGTH || !timestamp)
    return 'webhook-id and webhook-timestamp are needed with a signature'
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  return checkSignature(secrets, headers, body, now)
}

/** The same for a message without a signature. */
export function distrustOfUnsigned(c: RelayContext, allowUnsigned: boolean): string | undefined {
  // A page in a browser on this machine comes from loopback too, and a browser says so; a filter has no origin.
  if (c.req.header('origin') !== undefined || c.req.header('sec-fetch-site') !== undefined)
    return 'reports are not taken from web pages'
  if (allowUnsigned || parseAddress(peerOf(c))?.range() === 'loopback') return undefined
  return 'unsigned reports are taken from loopback only, or with allowUnsigned'
}

/** Address of the other end of the connection. */
export function peerOf(c: RelayContext): string {
  return getConnInfo(c).remote.address ?? ''
}
