// The configuration of the relay: every key with its default, what is allowed, and its meaning.
import * as v from 'valibot'
import { common } from './common.ts'
import { relayMistakes, without } from './mistakes.ts'
import { flag, key, port, text } from './values.ts'

const relayObject = v.strictObject(
  {
    ...common,
    listenPort: key(port, '8080', 'Port to listen on'),
    configListenPort: key(port, '9000', 'Port of the config listener'),
    allowUnsigned: key(flag, false, 'Take unsigned reports from anywhere, not just from loopback'),
    logTimeFormat: key(
      v.picklist(['iso', 'go'], '"iso" or "go"'),
      'iso',
      'Time in the log: ISO 8601, or "go" for 2006/01/02 15:04:05 in UTC',
    ),
    logSubnet: key(
      flag,
      false,
      'End the log line of an IPv6 client with /64, by which fail2ban counts and bans its network as one client',
    ),
    haproxySocket: key(
      v.string('a path, or "" for none'),
      '',
      'Unix socket of HAProxy\'s Runtime API; "" leaves HAProxy alone',
    ),
    haproxyBackend: key(
      text('a backend name', (value) => /^[A-Za-z0-9_.:-]+$/.test(value)),
      'filters',
      'HAProxy backend whose servers follow filterEndpoints',
    ),
  },
  'a JSON object of configuration keys',
)

export type RelayConfig = v.InferOutput<typeof relayObject>

export const relayConfigSchema = v.pipe(relayObject, without(relayMistakes))
