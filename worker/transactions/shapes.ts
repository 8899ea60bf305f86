// Which transactions a JSON body holds: the endpoints that carry them, how each wraps them, and the original's
// own shape. Only finds them; what is inside each is the matter of open.ts.
// Follows nodeos: plugins/chain_api_plugin and plugins/chain_plugin (the parameter structs of each call).
import { type Violation, violation } from '../../shared/violations.ts'

/** A JSON object whose members have not been looked at. */
export type JsonObject = { readonly [member: string]: unknown }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A member's value; never one inherited from a prototype. */
export function member(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** Candidates found in a body, and how their rebuilt JSON texts make the body for nodeos again. */
export interface Batch {
  /** `P`: the transaction object of nodeos; `legacy`: top-level actions. */
  shape: 'P' | 'legacy'
  candidates: unknown[]
  /** Puts the rebuilt transactions back into the endpoint's wrapper; null: the body passes as it came. */
  rebuild: ((texts: string[]) => string) | null
}

type OptionType = 'boolean' | 'integer'
type Wrapper = 'bare' | 'array' | { options: Readonly<Record<string, OptionType>> }

/** Every endpoint of nodeos that acts on a transaction in its body. */
const wrappers: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  ['/v1/chain/push_transaction', 'bare'],
  ['/v1/chain/send_transaction', 'bare'],
  ['/v1/chain/push_transactions', 'array'],
  [
    '/v1/chain/send_transaction2',
    { options: { return_failure_trace: 'boolean', retry_trx: 'boolean', retry_trx_num_blocks: 'integer' } },
  ],
  ['/v1/chain/compute_transaction', { options: {} }],
  ['/v1/chain/send_read_only_transaction', { options: {} }],
  // Of EOSIO 2.1 and 2.2, which some chains run still.
  ['/v1/chain/push_ro_transaction', { options: { return_failure_traces: 'boolean' } }],
  ['/v1/chain/send_ro_transaction', { options: { return_failure_traces: 'boolean' } }],
  ['/v2/chain/send_transaction', { options: { return_failure_traces: 'boolean' } }],
])

export function carriesTransactions(path: string): boolean {
  return wrappers.has(path)
}

/**
 * Finds the transactions of a body. On other paths than the transaction endpoints, an object or an array is
 * judged in the legacy shape, as the original did, and passes as it came; an object without actions and
 * signatures is then an empty transaction.
 */
export function findTransactions(path: string, json: unknown): Batch | Violation {
  const wrapper = wrappers.get(path)
  if (wrapper === undefined) return { shape: 'legacy', candidates: legacyCandidates(json), rebuild: null }
  if (wrapper === 'bare' && isObject(json) && !isLegacy(json))
    return { shape: 'P', candidates: [json], rebuild: ([only]) => only! }
  if (wrapper === 'array' && Array.isArray(json) && !json.some(isLegacy))
    return { shape: 'P', candidates: json, rebuild: (texts) => `[${texts.join(',')}]` }
  if (typeof wrapper === 'object' && isObject(json) && !isLegacy(json)) return unwrap(json, wrapper.options)
  const candidates = legacyCandidates(json)
  if (candidates.some(isLegacy))
    return {
      shape: 'legacy',
      candidates,
      rebuild: (texts) => (Array.isArray(json) ? `[${texts.join(',')}]` : texts[0]!),
    }
  // The count of an array is judged first, as in the original, so it is handed on to be counted.
  if (Array.isArray(json)) return { shape: 'P', candidates: json, rebuild: (texts) => `[${texts.join(',')}]` }
  return violation('PARSE_ERROR', 'The body has no transaction where this endpoint takes one')
}

function legacyCandidates(json: unknown): unknown[] {
  if (Array.isArray(json)) return json
  return isObject(json) ? [json] : []
}

function isLegacy(value: unknown): boolean {
  return isObject(value) && Object.hasOwn(value, 'actions')
}

function unwrap(json: JsonObject, options: Readonly<Record<string, OptionType>>): Batch | Violation {
  const transaction = member(json, 'transaction')
  if (!isObject(transaction)) return violation('PARSE_ERROR', 'The body has no object "transaction"')
  const kept: Record<string, unknown> = {}
  for (const [name, type] of Object.entries(options)) {
    const value = member(json, name)
    if (value === undefined || value === null) continue
    if (type === 'boolean' ? typeof value !== 'boolean' : !isCount(value))
      return violation(
        'PARSE_ERROR',
        `"${name}" is not ${type === 'boolean' ? 'true or false' : 'a whole number'}`,
      )
    kept[name] = value
  }
  const head = JSON.stringify(kept).slice(1, -1)
  return {
    shape: 'P',
    candidates: [transaction],
    rebuild: ([only]) => `{${head}${head && ','}"transaction":${only}}`,
  }
}

/** A whole number that JSON.parse cannot have rounded. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
