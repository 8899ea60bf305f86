// One transaction object of a body -> what it does, and its JSON text rebuilt from just the fields that were
// looked at, since nodeos reads JSON in its own way and must not find more in it than was judged here.
// Follows nodeos: libraries/chain/include/eosio/chain/abi_serializer.hpp (extract of packed_transaction).
import { isObject, type JsonObject, member } from '../../shared/json.ts'
import { type Violation, violation } from '../../shared/violations.ts'
import { decodeHex, inflate } from './bytes.ts'
import { toCompression, toCount } from './coercions.ts'
import { parseName } from './name.ts'
import { decodeTransaction, expirationOf, isContextFreeData } from './packed.ts'
import type { Action, Transaction } from './transaction.ts'

export interface Opened {
  transaction: Transaction
  /** Canonical JSON of the transaction object. */
  text: string
}

/** Bytes that may still be inflated for this request. */
export interface InflateBudget {
  left: number
}

export interface OpenLimits {
  maxTransactionSize: number
  budget: InflateBudget
}

const wrong = (detail: string) => violation('PARSE_ERROR', detail)

/**
 * Letters, digits and underscores, as in SIG_K1_..., and so nothing that nodeos's reader would take in another
 * way than JSON.parse. Whether it is a signature is for nodeos to say.
 */
const plainWord = /^[A-Za-z0-9_]+$/

/** Opens nodeos's transaction object: signatures, compression, and a packed or an unpacked transaction. */
export function openTransaction(object: unknown, limits: OpenLimits): Opened | Violation {
  if (!isObject(object)) return wrong('A transaction is not an object')
  const signatures = member(object, 'signatures')
  if (!Array.isArray(signatures)) return wrong('A transaction has no array "signatures"')
  if (!signatures.every((signature) => typeof signature === 'string' && plainWord.test(signature)))
    return wrong('A signature is not text of letters, digits and underscores')
  const compression = toCompression(member(object, 'compression'))
  if (compression === undefined) return wrong('"compression" is not "none" or "zlib"')
  const contextFreeHex = textOrEmpty(object, 'packed_context_free_data')
  const packedHex = textOrEmpty(object, 'packed_trx')

  const zipped = compression === 'zlib'
  const contextFreeData = unpackHex('packed_context_free_data', contextFreeHex, zipped, limits)
  if ('code' in contextFreeData) return contextFreeData
  if (contextFreeData.bytes.length > 0 && !isContextFreeData(contextFreeData.bytes))
    return wrong('"packed_context_free_data" does not decode exactly')
  // nodeos looks at it only where there is no packed one.
  const unpackedContextFree = contextFreeHex === '' ? member(object, 'context_free_data') : undefined
  if (
    unpackedContextFree !== undefined &&
    !(Array.isArray(unpackedContextFree) && unpackedContextFree.length === 0)
  )
    return wrong('"context_free_data" is not taken; send "packed_context_free_data"')

  const envelope = { signatures, compression, packed_context_free_data: contextFreeHex }
  const judged = { signatureCount: signatures.length, contextFreeDataSize: contextFreeData.bytes.length }
  if (packedHex === '') return openUnpacked(member(object, 'transaction'), envelope, judged)

  const packed = unpackHex('packed_trx', packedHex, zipped, limits)
  if ('code' in packed) return packed
  const actions = decodeTransaction(packed.bytes)
  if (!actions) return wrong('"packed_trx" does not decode exactly')
  return {
    transaction: {
      form: 'packed',
      ...judged,
      expiration: expirationOf(packed.bytes),
      actions,
      packedSize: packed.bytes.length,
    },
    // Hexadecimal needs no escaping, and half a megabyte of it takes JSON.stringify longer than all of the above.
    text: `${JSON.stringify(envelope).slice(0, -1)},"packed_trx":"${packedHex}"}`,
  }
}

/** nodeos takes a member that is no text for one that is not there. */
function textOrEmpty(object: JsonObject, name: string): string {
  const value = member(object, name)
  return typeof value === 'string' ? value : ''
}

function unpackHex(
  name: string,
  hex: string,
  zipped: boolean,
  limits: OpenLimits,
): { bytes: Uint8Array } | Violation {
  const { maxTransactionSize, budget } = limits
  // Half the text is the size where nothing is compressed, so it is refused before it is decoded.
  // A zlib stream is never much larger than what it holds: five bytes for each block that would not shrink.
  const mostBytes = maxTransactionSize + (zipped ? (maxTransactionSize >> 8) + 64 : 0)
  if (hex.length / 2 > mostBytes) return tooLarge(name, `${hex.length / 2}`, maxTransactionSize)
  const bytes = decodeHex(hex)
  if (!bytes) return wrong(`"${name}" is not hexadecimal`)
  // eosjs deflates even empty context-free data, cleos leaves it empty.
  if (!zipped || bytes.length === 0) return { bytes }
  const inflated = inflate(bytes, Math.min(maxTransactionSize, budget.left))
  if ('corrupt' in inflated) return wrong(`"${name}" is not exactly one zlib stream`)
  if ('tooLarge' in inflated)
    return budget.left < maxTransactionSize
      ? violation(
          'INVALID_TRANSACTION_SIZE',
          'The transactions of the request inflate to too many bytes in all',
        )
      : tooLarge(name, `over ${maxTransactionSize}`, maxTransactionSize)
  budget.left -= inflated.bytes.length
  return inflated
}

function tooLarge(name: string, found: string, allowed: number): Violation {
  return violation('INVALID_TRANSACTION_SIZE', `"${name}" has ${found} bytes; at most ${allowed} are allowed`)
}

/** Text of a time, as in 2026-11-24T12:00:00.000 */
const plainTime = /^[0-9T:.Z-]{1,32}$/

/** Whole seconds of a time as every client writes it; nodeos reads more forms than this (libfc, time.cpp). */
function timeOf(text: string): number | undefined {
  const [, seconds] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z?$/.exec(text) ?? []
  const time = Date.parse(`${seconds}Z`)
  return Number.isNaN(time) ? undefined : time
}

/** The numbers of a transaction's header, with the largest that nodeos's type of each can hold. */
const counts: readonly [name: string, max: number][] = [
  ['ref_block_num', 0xffff],
  ['ref_block_prefix', 0xffff_ffff],
  ['max_net_usage_words', 0xffff_ffff],
  ['max_cpu_usage_ms', 0xff],
  ['delay_sec', 0xffff_ffff],
]

function openUnpacked(
  object: unknown,
  envelope: JsonObject,
  judged: Pick<Transaction, 'signatureCount' | 'contextFreeDataSize'>,
): Opened | Violation {
  if (!isObject(object)) return wrong('A transaction has neither "packed_trx" nor an object "transaction"')
  const header: Record<string, unknown> = {}
  const expiration = member(object, 'expiration')
  if (typeof expiration !== 'string' || !plainTime.test(expiration))
    return wrong('"expiration" is not a time')
  header.expiration = expiration
  for (const [name, max] of counts) {
    const value = member(object, name)
    if (value === undefined) continue
    const count = toCount(value, max)
    if (count === undefined) return wrong(`"${name}" is not a whole number of at most ${max}`)
    header[name] = count
  }
  const actions: Action[] = []
  for (const name of ['context_free_actions', 'actions']) {
    const list = member(object, name) ?? []
    if (!Array.isArray(list)) return wrong(`"${name}" is not an array`)
    const rebuilt: JsonObject[] = []
    for (const item of list) {
      const action = openUnpackedAction(item)
      if ('code' in action) return action
      actions.push(action.judged)
      rebuilt.push(action.rebuilt)
    }
    header[name] = rebuilt
  }
  const extensions = member(object, 'transaction_extensions') ?? []
  if (!Array.isArray(extensions) || extensions.length > 0)
    return wrong('"transaction_extensions" is not an empty array')
  return {
    transaction: {
      form: 'unpacked',
      ...judged,
      expiration: timeOf(expiration),
      actions,
      packedSize: packedSizeOf(actions),
    },
    text: JSON.stringify({ ...envelope, transaction: { ...header, transaction_extensions: [] } }),
  }
}

/** Bytes of the head of a packed transaction, with its varuints and the lengths of its vectors at one byte each. */
const MIN_TRANSACTION_BYTES = 16
const MIN_ACTION_BYTES = 18
const AUTHORIZATION_BYTES = 16

/** At least what a transaction would take when nodeos packs it. */
function packedSizeOf(actions: Action[]): number {
  const ofAction = ({ authorizers, dataSize }: Action) =>
    MIN_ACTION_BYTES + authorizers.length * AUTHORIZATION_BYTES + dataSize
  return actions.reduce((sum, action) => sum + ofAction(action), MIN_TRANSACTION_BYTES)
}

function openUnpackedAction(item: unknown): { judged: Action; rebuilt: JsonObject } | Violation {
  if (!isObject(item)) return wrong('An action is not an object')
  const account = member(item, 'account')
  const action = member(item, 'name')
  const contract = typeof account === 'string' ? parseName(account) : undefined
  const name = typeof action === 'string' ? parseName(action) : undefined
  if (contract === undefined || name === undefined)
    return wrong('"account" or "name" of an action is not a name')
  const authorization = member(item, 'authorization') ?? []
  if (!Array.isArray(authorization)) return wrong('"authorization" of an action is not an array')
  const authorizers: Action['authorizers'] = []
  for (const level of authorization) {
    const actor = isObject(level) ? member(level, 'actor') : undefined
    const permission = isObject(level) ? member(level, 'permission') : undefined
    const authorizer = typeof actor === 'string' ? parseName(actor) : undefined
    if (authorizer === undefined || typeof permission !== 'string' || parseName(permission) === undefined)
      return wrong('An authorization is not {"actor": name, "permission": name}')
    authorizers.push(authorizer)
  }
  const data = openUnpackedData(item)
  if ('code' in data) return data
  return {
    judged: { contract, name, authorizers, dataSize: data.size },
    rebuilt: {
      account,
      name: action,
      authorization: authorization.map(({ actor, permission }) => ({ actor, permission })),
      ...data.rebuilt,
    },
  }
}

/** nodeos takes `data` as hexadecimal text or as an object for the contract's ABI, else `hex_data`. */
function openUnpackedData(item: JsonObject): { size: number; rebuilt: JsonObject } | Violation {
  const data = member(item, 'data')
  if (isObject(data)) {
    // nodeos would get the number that JSON.parse rounded, which is not what was signed.
    if (hasInexactNumber(data)) return wrong('"data" has a number that is not exact; write it as text')
    return { size: JSON.stringify(data).length, rebuilt: { data } }
  }
  const name = data === undefined ? 'hex_data' : 'data'
  const hex = member(item, name)
  if (typeof hex !== 'string' || !decodeHex(hex)) return wrong(`"${name}" of an action is not hexadecimal`)
  return { size: hex.length / 2, rebuilt: { [name]: hex } }
}

function hasInexactNumber(value: unknown): boolean {
  if (typeof value === 'number')
    return Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value)
  return typeof value === 'object' && value !== null && Object.values(value).some(hasInexactNumber)
}

/**
 * Opens the original's shape on an endpoint that acts on transactions: `{"actions":[{"code"|"account", "data"}],
 * "signatures":[...]}`, every part of it optional. Types are the original's: Go refused another type than the
 * struct's, and took null for absence.
 */
export function openLegacy(object: unknown): Opened | Violation {
  if (!isObject(object)) return wrong('The array holds something else than objects')
  const signatures = member(object, 'signatures') ?? []
  if (!Array.isArray(signatures) || !signatures.every((signature) => typeof signature === 'string'))
    return wrong('"signatures" is not an array of texts')
  const list = member(object, 'actions') ?? []
  if (!Array.isArray(list)) return wrong('"actions" is not an array')
  const rebuilt: JsonObject[] = []
  for (const item of list) {
    if (!isObject(item)) return wrong('An action is not an object')
    const strange = legacyTexts.find((name) => typeof (member(item, name) ?? '') !== 'string')
    if (strange) return wrong(`"${strange}" of an action is not text`)
    rebuilt.push(textsOf(item))
  }
  return { transaction: readLegacy(object), text: JSON.stringify({ signatures, actions: rebuilt }) }
}

/**
 * Reads the original's shape where it passes as it came, since nodeos does not act on it: what is of another type is
 * another service's, and counts as not there.
 */
export function readLegacy(object: JsonObject): Transaction {
  const signatures = member(object, 'signatures')
  const list = member(object, 'actions')
  const actions: Action[] = []
  for (const item of Array.isArray(list) ? list : []) {
    if (!isObject(item)) continue
    const { code, account, name, data } = textsOf(item)
    // An action that names two contracts is judged by both.
    for (const contract of [code, account])
      if (contract !== undefined)
        actions.push({
          contract: parseName(contract),
          name: parseName(name ?? ''),
          authorizers: legacyAuthorizers(item),
          dataSize: data?.length ?? 0,
        })
    if (code === undefined && account === undefined && data !== undefined)
      actions.push({ contract: undefined, name: undefined, authorizers: [], dataSize: data.length })
  }
  return {
    form: 'legacy',
    signatureCount: Array.isArray(signatures) ? signatures.length : 0,
    expiration: undefined,
    actions,
    packedSize: 0,
    contextFreeDataSize: 0,
  }
}

const legacyTexts = ['code', 'account', 'name', 'data'] as const

/** The members of a legacy action that are text. */
function textsOf(item: JsonObject): { [name in (typeof legacyTexts)[number]]?: string } {
  const texts: Record<string, string> = {}
  for (const name of legacyTexts) {
    const value = member(item, name)
    if (typeof value === 'string') texts[name] = value
  }
  return texts
}

function legacyAuthorizers(item: JsonObject): Action['authorizers'] {
  const authorization = member(item, 'authorization')
  if (!Array.isArray(authorization)) return []
  return authorization
    .map((level) => (isObject(level) ? member(level, 'actor') : undefined))
    .map((actor) => (typeof actor === 'string' ? parseName(actor) : undefined))
    .filter((name) => name !== undefined)
}
