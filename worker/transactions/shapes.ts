// Which transactions a JSON body holds: the endpoints that carry them, how each wraps them, and the original's
// own shape. Only finds them; what is inside each is the matter of open.ts.
// Follows nodeos: plugins/chain_api_plugin and plugins/chain_plugin (the parameter structs of each call).
import { isObject, type JsonObject, member } from '../../shared/json.ts'
import { type Violation, violation } from '../../shared/violations.ts'
import { toBoolean, toCount } from './coercions.ts'

/** Objects in the original's shape, where no transaction is looked for; the body passes as it came. */
export interface Other {
  shape: 'other'
  legacy: JsonObject[]
  /** Transactions, as the original counted them. */
  count: number
}

/** Candidates found in a body, and how their rebuilt JSON texts make the body for nodeos again. */
export interface Batch {
  /** `P`: the transaction object of nodeos; `legacy`: top-level actions. */
  shape: 'P' | 'legacy'
  candidates: unknown[]
  /** Puts the rebuilt transactions back into the endpoint's wrapper. */
  rebuild(texts: string[]): string
  /** nodeos answers only when the transaction is in a block, or its time is over (`retry_trx`). */
  retries: boolean
  /** nodeos executes it and keeps nothing. */
  readOnly: boolean
}

type OptionType = 'boolean' | 'count'

/** nodeos: retry_trx_num_blocks is a uint16_t. */
const MAX_COUNT = 0xffff

interface Parameters {
  options: Readonly<Record<string, OptionType>>
  readOnly?: boolean
}
type Wrapper = 'bare' | 'array' | Parameters

/** Every endpoint of nodeos that acts on a transaction in its body. */
const wrappers: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  ['/v1/chain/push_transaction', 'bare'],
  ['/v1/chain/send_transaction', 'bare'],
  ['/v1/chain/push_transactions', 'array'],
  [
    '/v1/chain/send_transaction2',
    { options: { return_failure_trace: 'boolean', retry_trx: 'boolean', retry_trx_num_blocks: 'count' } },
  ],
  ['/v1/chain/compute_transaction', { options: {} }],
  ['/v1/chain/send_read_only_transaction', { options: {}, readOnly: true }],
  // Of EOSIO 2.1 and 2.2, which some chains run still.
  ['/v1/chain/push_ro_transaction', { options: { return_failure_traces: 'boolean' }, readOnly: true }],
  ['/v1/chain/send_ro_transaction', { options: { return_failure_traces: 'boolean' }, readOnly: true }],
  ['/v2/chain/send_transaction', { options: { return_failure_traces: 'boolean' } }],
])

export function carriesTransactions(path: string): boolean {
  return wrappers.has(path)
}

/**
 * Finds the transactions of a body. On other paths than the transaction endpoints only what has the original's shape is
 * judged: an object with `actions` or `signatures`, or an array that holds one. nodeos acts on none of that, and other
 * services behind the filter may be meant.
 */
export function findTransactions(path: string, json: unknown): Batch | Other | Violation {
  const wrapper = wrappers.get(path)
  if (wrapper === undefined) return findLegacy(json)
  if (wrapper === 'bare' && isObject(json) && !isLegacy(json)) return batch('P', [json], ([only]) => only!)
  if (wrapper === 'array' && Array.isArray(json) && !json.some(isLegacy)) return arrayOf('P', json)
  if (typeof wrapper === 'object' && isObject(json) && !isLegacy(json)) return unwrap(json, wrapper)
  if (Array.isArray(json))
    // The count of an array is judged first, as in the original, so it is handed on to be counted.
    return arrayOf(json.some(isLegacy) ? 'legacy' : 'P', json)
  if (isLegacy(json)) return batch('legacy', [json], ([only]) => only!)
  return violation('PARSE_ERROR', 'The body has no transaction where this endpoint takes one')
}

function batch(shape: Batch['shape'], candidates: unknown[], rebuild: Batch['rebuild']): Batch {
  return { shape, candidates, rebuild, retries: false, readOnly: false }
}

const arrayOf = (shape: Batch['shape'], candidates: unknown[]) =>
  batch(shape, candidates, (texts) => `[${texts.join(',')}]`)

function findLegacy(json: unknown): Other {
  const items: unknown[] = Array.isArray(json) ? json : [json]
  const legacy = items.filter(isObject).filter((item) => isLegacy(item) || Object.hasOwn(item, 'signatures'))
  // An array is counted as a whole, as in the original.
  return { shape: 'other', legacy, count: legacy.length > 0 ? items.length : 0 }
}

function isLegacy(value: unknown): boolean {
  return isObject(value) && Object.hasOwn(value, 'actions')
}

function unwrap(json: JsonObject, { options, readOnly = false }: Parameters): Batch | Violation {
  const transaction = member(json, 'transaction')
  if (!isObject(transaction)) return violation('PARSE_ERROR', 'The body has no object "transaction"')
  const kept: Record<string, boolean | number> = {}
  for (const [name, type] of Object.entries(options)) {
    const value = member(json, name)
    // The number is optional to nodeos, and null is no number; for a boolean, null is false.
    if (value === undefined || (value === null && type === 'count')) continue
    const meant = type === 'boolean' ? toBoolean(value) : toCount(value, MAX_COUNT)
    if (meant === undefined)
      return violation(
        'PARSE_ERROR',
        `"${name}" is not ${type === 'boolean' ? 'true or false' : `a whole number of at most ${MAX_COUNT}`}`,
      )
    kept[name] = meant
  }
  const head = JSON.stringify(kept).slice(1, -1)
  return {
    ...batch('P', [transaction], ([only]) => `{${head}${head && ','}"transaction":${only}}`),
    retries: kept.retry_trx === true,
    readOnly,
  }
}
