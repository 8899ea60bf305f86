// What nodeos would act on in an HTTP request: from method, raw target and body bytes to the
// transactions it would try to execute.
// Follows plugins/http_plugin (beast_http_session.hpp, http_plugin.hpp), plugins/chain_plugin
// (chain_plugin.cpp) and libraries/chain/include/eosio/chain/abi_serializer.hpp of AntelopeIO/spring;
// push_ro_transaction, send_ro_transaction and the v2 call are EOSIO 2.x's, before send_read_only_transaction.
//
// Where nodeos needs more than the request to refuse it (a signature that does not verify, an expiration
// that is no date, an action that no contract has), the model accepts: it finds more than nodeos, never less.
import {
  asBool,
  asString,
  asUint64,
  type FcObject,
  type FcValue,
  getArray,
  getObject,
  NodeosError,
  readFcJson,
} from './json.ts'
import {
  type Action,
  type Authorization,
  bytesFromVariant,
  type Compression,
  compressionFromVariant,
  nameFromVariant,
  type TransactionHeader,
  unpackContextFreeData,
  unpackTransaction,
  varuintSize,
} from './packed.ts'

export interface FoundTransaction {
  form: 'packed' | 'unpacked'
  compression: Compression
  signatures: number
  contextFreeActions: Action[]
  actions: Action[]
  /** Bytes of each context-free data. */
  contextFreeData: number[]
  /** Bytes of the transaction after decompression, trailing ones included; undefined where an action's are. */
  size: number | undefined
  /** Bytes behind the transaction, the context-free data and their zlib streams, all ignored by nodeos. */
  trailing: number
  /** Only of a packed transaction. */
  header: TransactionHeader | undefined
}

export interface Reading {
  transactions: FoundTransaction[]
  /** How many transactions nodeos would try to read: more than `transactions` when some are refused. */
  attempted: number
  errors: string[]
}

// http_plugin's default max-body-size.
const MAX_BODY_BYTES = 2 * 1024 * 1024
// chain_plugin.cpp
const MAX_TRANSACTIONS = 1000
// chain::transaction_header without its three varuints
const FIXED_HEADER_BYTES = 4 + 2 + 4 + 1

/** crypto/signature.cpp, less the checksum and the key recovery. */
function signatureFromVariant(value: FcValue): void {
  if (!/^SIG_(K1|R1|WA)_./s.test(asString(value))) throw new NodeosError('not a signature')
}

const signaturesFromVariant = (value: FcValue): number => {
  const signatures = getArray(value)
  for (const signature of signatures) signatureFromVariant(signature)
  return signatures.length
}

/** Reflected members are optional: an absent one keeps its default, here the empty name. */
function authorizationFromVariant(value: FcValue): Authorization {
  const object = getObject(value)
  const name = (key: string) => (object.has(key) ? nameFromVariant(object.get(key)!) : '')
  return { actor: name('actor'), permission: name('permission') }
}

// abi_serializer.hpp, extract of an action. Data that is an object goes through the contract's ABI, which
// is not known here; where the contract has none, hex_data is taken.
function actionFromVariant(value: FcValue): Action {
  const object = getObject(value)
  const account = object.get('account')
  const name = object.get('name')
  if (account === undefined || name === undefined) throw new NodeosError('action without account or name')
  const action: Action = {
    account: nameFromVariant(account),
    name: nameFromVariant(name),
    authorization: object.has('authorization')
      ? getArray(object.get('authorization')!).map(authorizationFromVariant)
      : [],
    dataSize: 0,
  }
  const data = object.get('data')
  if (data instanceof Map) return { ...action, dataSize: undefined }
  if (typeof data === 'string') action.dataSize = bytesFromVariant(data).length
  if (data === '' || action.dataSize! > 0) return action
  const hexData = object.get('hex_data')
  if (typeof hexData === 'string') action.dataSize = bytesFromVariant(hexData).length
  if (action.dataSize === 0) throw new NodeosError('action without data')
  return action
}

function extensionFromVariant(value: FcValue): number {
  const [type, data] = getArray(value)
  if (type !== undefined) asUint64(type)
  return data === undefined ? 0 : bytesFromVariant(data).length
}

const sum = (sizes: (number | undefined)[]): number | undefined =>
  sizes.reduce((total, size) => (total === undefined || size === undefined ? undefined : total + size), 0)

const actionSize = (action: Action): number | undefined =>
  action.dataSize === undefined
    ? undefined
    : 16 +
      varuintSize(action.authorization.length) +
      16 * action.authorization.length +
      varuintSize(action.dataSize) +
      action.dataSize

type UnpackedTransaction = Pick<FoundTransaction, 'contextFreeActions' | 'actions' | 'size'>

// chain/transaction.hpp: the reflected members, each of them optional. The signed form, which nodeos reads
// when no packed context-free data is there, has two more members that must parse but are overwritten.
function unpackedFromVariant(value: FcValue, signed: boolean): UnpackedTransaction {
  const object = getObject(value)
  const field = <T>(key: string, from: (value: FcValue) => T, otherwise: T): T =>
    object.has(key) ? from(object.get(key)!) : otherwise
  const uint32 = (value: FcValue) => Number(asUint64(value) & 0xffffffffn)
  field('expiration', asString, '')
  field('ref_block_num', uint32, 0)
  field('ref_block_prefix', uint32, 0)
  const maxNetUsageWords = field('max_net_usage_words', uint32, 0)
  field('max_cpu_usage_ms', uint32, 0)
  const delaySec = field('delay_sec', uint32, 0)
  const actions = (value: FcValue) => getArray(value).map(actionFromVariant)
  const contextFreeActions = field('context_free_actions', actions, [])
  const ordinary = field('actions', actions, [])
  const extensions = field('transaction_extensions', (list) => getArray(list).map(extensionFromVariant), [])
  if (signed) {
    field('signatures', signaturesFromVariant, 0)
    field('context_free_data', (list) => getArray(list).map(bytesFromVariant), [])
  }
  const size = sum([
    FIXED_HEADER_BYTES + varuintSize(maxNetUsageWords) + varuintSize(delaySec),
    ...[contextFreeActions, ordinary, extensions].map((list) => varuintSize(list.length)),
    ...[...contextFreeActions, ...ordinary].map(actionSize),
    ...extensions.map((data) => 2 + varuintSize(data) + data),
  ])
  return { contextFreeActions, actions: ordinary, size }
}

const nonEmptyString = (value: FcValue | undefined): value is string =>
  typeof value === 'string' && value !== ''

// abi_serializer.hpp, extract of a packed_transaction.
function transactionFromVariant(value: FcValue): FoundTransaction {
  const object = getObject(value)
  if (!object.has('signatures')) throw new NodeosError('signatures are missing')
  if (!object.has('compression')) throw new NodeosError('compression is missing')
  const signatures = signaturesFromVariant(object.get('signatures')!)
  const compression = compressionFromVariant(object.get('compression')!)

  const packedContextFreeData = object.get('packed_context_free_data')
  const hasPackedContextFreeData = nonEmptyString(packedContextFreeData)
  const contextFreeBytes = hasPackedContextFreeData ? bytesFromVariant(packedContextFreeData) : undefined
  // Beside a packed transaction too: the context-free data may come as an array of hex strings.
  const contextFreeArray =
    !hasPackedContextFreeData && object.has('context_free_data')
      ? getArray(object.get('context_free_data')!).map((data) => bytesFromVariant(data).length)
      : []
  const contextFree = contextFreeBytes
    ? unpackContextFreeData(contextFreeBytes, compression)
    : { sizes: contextFreeArray, trailing: 0, unused: 0 }

  const common = { compression, signatures, contextFreeData: contextFree.sizes }
  const behind = contextFree.trailing + contextFree.unused
  const packed = object.get('packed_trx')
  if (nonEmptyString(packed)) {
    const transaction = unpackTransaction(bytesFromVariant(packed), compression)
    return {
      ...common,
      form: 'packed',
      header: transaction.header,
      contextFreeActions: transaction.contextFreeActions,
      actions: transaction.actions,
      size: transaction.size + transaction.trailing,
      trailing: transaction.trailing + transaction.unused + behind,
    }
  }
  if (!object.has('transaction')) throw new NodeosError('transaction is missing')
  const unpacked = unpackedFromVariant(object.get('transaction')!, !hasPackedContextFreeData)
  return {
    ...common,
    ...unpacked,
    form: 'unpacked',
    header: undefined,
    trailing: behind,
  }
}

function checkOptional(object: FcObject, key: string, check: (value: FcValue) => unknown): void {
  if (object.has(key)) check(object.get(key)!)
}

// EOSIO 2.1 and 2.2: struct push_ro_transaction_params_v1, send_ro_transaction_params_v1, send_transaction_params_v2.
function withFailureTraces(value: FcValue): FcValue[] {
  const object = getObject(value)
  checkOptional(object, 'return_failure_traces', asBool)
  return [object.get('transaction') ?? null]
}

/** What carries the transactions of an endpoint: the parameters, not yet read as transactions. */
const ENDPOINTS: Record<string, (value: FcValue) => FcValue[]> = {
  '/v1/chain/push_transaction': (value) => [getObject(value)],
  '/v1/chain/send_transaction': (value) => [getObject(value)],
  '/v1/chain/push_transactions': (value) => {
    const list = getArray(value)
    for (const item of list) getObject(item)
    if (list.length > MAX_TRANSACTIONS) throw new NodeosError('too many transactions at once')
    return list
  },
  '/v1/chain/send_transaction2': (value) => {
    const object = getObject(value)
    checkOptional(object, 'return_failure_trace', asBool)
    checkOptional(object, 'retry_trx', asBool)
    checkOptional(object, 'retry_trx_num_blocks', asUint64)
    return [object.get('transaction') ?? null]
  },
  '/v1/chain/compute_transaction': (value) => [getObject(value).get('transaction') ?? null],
  '/v1/chain/send_read_only_transaction': (value) => [getObject(value).get('transaction') ?? null],
  '/v1/chain/push_ro_transaction': withFailureTraces,
  '/v1/chain/send_ro_transaction': withFailureTraces,
  '/v2/chain/send_transaction': withFailureTraces,
}

/** The raw targets under which nodeos takes transactions. */
export const TRANSACTION_TARGETS: readonly string[] = Object.keys(ENDPOINTS)

// http_plugin.hpp, is_empty_content: a body of blanks, or braces with blanks and tabs between.
const isEmptyContent = (body: Uint8Array) => /^ *(\{[ \t]*\} *)?$/.test(Buffer.from(body).toString('latin1'))

const nothing = (...errors: string[]): Reading => ({ transactions: [], attempted: 0, errors })

/** What nodeos would act on. It looks at no header but Host and those that frame the body. */
export function readRequest(method: string, target: string, body: Uint8Array): Reading {
  if (body.length > MAX_BODY_BYTES) return nothing('body too large')
  // beast_http_session.hpp: OPTIONS is answered first; any other method reaches the handler, GET too.
  if (method === 'OPTIONS') return nothing()
  const parameters = Object.hasOwn(ENDPOINTS, target) ? ENDPOINTS[target] : undefined
  if (!parameters) return nothing()
  if (isEmptyContent(body)) return nothing('body is empty')
  const reading = nothing()
  try {
    const items = parameters(readFcJson(body))
    reading.attempted = items.length
    // One refused transaction of push_transactions does not stop the next.
    for (const item of items) {
      try {
        reading.transactions.push(transactionFromVariant(item))
      } catch (error) {
        if (!(error instanceof NodeosError)) throw error
        reading.errors.push(error.message)
      }
    }
  } catch (error) {
    if (!(error instanceof NodeosError)) throw error
    reading.errors.push(error.message)
  }
  return reading
}
