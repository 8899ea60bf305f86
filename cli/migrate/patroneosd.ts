// The config.json of patroneosd, the Go program that Patroneos follows: its keys have their names and meanings still.
import { isObject, type JsonObject } from '../../shared/json.ts'
import type { Migration } from './migration.ts'

/** Keys that are numbers here, and were texts in some files. */
const NUMBERS = ['maxSignatures', 'maxTransactionSize', 'maxTransactions']

/** `known` are the keys that there are. */
export function migratePatroneosd(original: JsonObject, known: readonly string[]): Migration {
  const config: Record<string, unknown> = {}
  const notes: string[] = []
  for (const [name, value] of Object.entries(original)) {
    const key = known.find((each) => each.toLowerCase() === name.toLowerCase())
    if (key === undefined) {
      notes.push(`${name} is left out: there is no such key`)
      continue
    }
    // Go's JSON takes names of keys in any case.
    if (key !== name) notes.push(`${name} is written ${key}`)
    const taken = takenFrom(key, value, notes)
    // Go takes null for a key that is not there.
    if (taken !== null) config[key] = taken
  }
  if (config.configListenPort !== undefined)
    notes.push(
      'configListenPort: the config listener is on 127.0.0.1 now; for another address set configListenIP and PATRONEOS_CONFIG_TOKEN',
    )
  return { config, notes }
}

/** What changes for whoever ran patroneosd as the filter. */
export function filterNotes({ logEndpoints }: Record<string, unknown>): string[] {
  const reports =
    'logEndpoints: successes are not reported any more, which "logSuccess": true brings back; a relay on another machine takes reports signed with PATRONEOS_RELAY_SECRET, or with "allowUnsigned": true'
  return [
    ...(Array.isArray(logEndpoints) && logEndpoints.length > 0 ? [reports] : []),
    'packed transactions are judged, and unpacked ones rejected: "unpackedTransactions": "inspect" lets them in',
    'only the public API is served: endpoints.allow adds what else is behind the filter',
    'X-Forwarded-For is believed from trustedProxies only, which is loopback',
  ]
}

/** The same of the relay. */
export const relayNotes = () => [
  'filters on other machines sign their reports: set PATRONEOS_RELAY_SECRET there and here, or "allowUnsigned": true',
  'lines of the log have ISO 8601 times; "logTimeFormat": "go" writes those of patroneosd',
]

function takenFrom(key: string, value: unknown, notes: string[]): unknown {
  if (NUMBERS.includes(key) && typeof value === 'string' && /^\d+$/.test(value)) {
    notes.push(`${key} is a number`)
    return Number(value)
  }
  if (key === 'contractBlackList' && isObject(value)) return namesOf(value, notes)
  if (key === 'nodeosUrl' && typeof value === 'string' && /^https?:\/\//.test(value)) {
    notes.push('nodeosUrl is a name or an address alone; nodeosProtocol says how it is spoken to')
    return value.replace(/^https?:\/\//, '').replace(/[:/].*$/, '')
  }
  return value
}

/** The original went by the names alone, whatever their value. */
function namesOf(list: JsonObject, notes: string[]): Record<string, true> {
  const disabled = Object.keys(list).filter((name) => list[name] !== true)
  if (disabled.length > 0)
    notes.push(
      `contractBlackList: ${disabled.join(', ')} had another value than true and was rejected all the same, as it is now; remove it to allow it`,
    )
  return Object.fromEntries(Object.keys(list).map((name) => [name, true]))
}
