// The lines that a relay writes for reports, for tests of the programs that read its log.
import { expect } from 'vitest'
import { parseConfig } from '../../shared/config/parse.ts'
import { relayConfigSchema } from '../../shared/config/relay.ts'
import { createLogger } from '../../shared/logger.ts'
import { createRelay } from '../app.ts'

/** The time of the lines. */
export const LINE_TIME = '2026-11-23T16:20:11.123Z'

/** A line for each host, with `logSubnet`. */
export async function relayLinesOf(hosts: string[], message: string, logTimeFormat = 'iso'): Promise<string> {
  let written = ''
  const parsed = parseConfig(relayConfigSchema, { allowUnsigned: true, logTimeFormat, logSubnet: true })
  if (!('config' in parsed)) throw new Error('the configuration is wrong')
  const { app } = createRelay({
    config: () => parsed.config,
    secrets: [],
    log: {
      append: async (lines) => {
        written += lines
      },
      reopen: () => {},
      close: async () => {},
    },
    logger: createLogger({ readable: false, write: () => {} }),
    now: () => Date.parse(LINE_TIME),
  })
  const response = await app.request(
    '/patroneos/fail2ban-relay',
    { method: 'POST', body: JSON.stringify(hosts.map((host) => ({ host, success: false, message }))) },
    { incoming: { socket: { remoteAddress: '127.0.0.1' } } },
  )
  expect(response.status).toBe(200)
  return written
}

/** Lines that blame nobody, each with what it is. */
export const INNOCENT_LINES = [
  ['a success', `${LINE_TIME} 203.0.113.9 true SUCCESS`],
  ['a name', `${LINE_TIME} victim.example false INVALID_JSON`],
  ['two addresses', `${LINE_TIME} 203.0.113.9 198.51.100.1 false INVALID_JSON`],
  ['a verdict in a verdict', `${LINE_TIME} 203.0.113.9 true 198.51.100.1 false INVALID_JSON`],
  ['more after the code', `${LINE_TIME} 203.0.113.9 false INVALID_JSON 198.51.100.1`],
  ['a prefix that is no /64', `${LINE_TIME} 2001:db8::1 false INVALID_JSON /0`],
  ['a network of IPv4', `${LINE_TIME} 0.0.0.0/0 false INVALID_JSON`],
  ['half of an address', `${LINE_TIME} 203.0.113 false INVALID_JSON`],
  ['a code in small letters', `${LINE_TIME} 203.0.113.9 false invalid_json`],
  ['another code beside the code', `${LINE_TIME} 203.0.113.9 false INVALID_JSON|PARSE_ERROR`],
  ['a text before the time', `x ${LINE_TIME} 203.0.113.9 false INVALID_JSON`],
  ['no verdict', `${LINE_TIME} 203.0.113.9`],
] as const
