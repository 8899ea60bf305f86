// The promise that is tested with hostile requests: nodeos finds nothing in what was forwarded that the
// rules forbid, and reads it as strict readers do. From one request and its outcome to the promises broken.
import { inflateSync } from 'node:zlib'
import { Serializer, Transaction } from '@wharfkit/antelope'
import { type FcValue, NodeosError, readFcJson } from '../nodeos-model/json.ts'
import type { Action } from '../nodeos-model/packed.ts'
import {
  type FoundTransaction,
  type Reading,
  readRequest,
  TRANSACTION_TARGETS,
} from '../nodeos-model/request.ts'
import { ALLOWED_CONTRACTS, FORBIDDEN, type HostileRequest, LIMITS } from './hostile.ts'

/** A request as the upstream got it. */
export interface Forwarded {
  method: string
  target: string
  /** Lower-case names. */
  headers: Record<string, string>
  body: Uint8Array
}

export interface Outcome {
  forwarded: Forwarded[]
  response: { status: number; headers: Headers; text: string }
}

export type Send = (request: HostileRequest) => Promise<Outcome>

/** The rules under test: keys of the filter's configuration. */
export interface Rules {
  contractBlackList: Record<string, true>
  contractAllowList: Record<string, true>
  actionBlackList: Record<string, true>
  authorizerBlackList: Record<string, true>
  maxSignatures: number
  maxTransactionSize: number
  maxTransactions: number
  maxActions: number
  unpackedTransactions: 'reject' | 'inspect'
}

const FORBIDDING: Rules = {
  ...LIMITS,
  contractBlackList: { [FORBIDDEN.contract]: true },
  contractAllowList: {},
  actionBlackList: { [FORBIDDEN.action]: true },
  authorizerBlackList: { [FORBIDDEN.authorizer]: true },
  unpackedTransactions: 'reject',
}
export const RULES: Record<string, Rules> = {
  'packed only': FORBIDDING,
  'unpacked too': { ...FORBIDDING, unpackedTransactions: 'inspect' },
  'allow list': {
    ...FORBIDDING,
    unpackedTransactions: 'inspect',
    contractBlackList: {},
    contractAllowList: Object.fromEntries(ALLOWED_CONTRACTS.map((contract) => [contract, true])),
  },
}

/** The default of maxTransactionLifetime, what the filter adds to it, and its grace after the end; in seconds. */
const LIFETIME = 3_600 + 2
const GRACE = 10
/** Seconds that may pass between the filter's verdict and this one. */
const SLACK = 5

/** What only reads needs nobody's authorization. */
const READ_ONLY = /_(?:ro|read_only)_transaction$/

const allActions = (transaction: FoundTransaction): Action[] => [
  ...transaction.contextFreeActions,
  ...transaction.actions,
]

function violationsOf(rules: Rules, target: string, { transactions, attempted }: Reading): string[] {
  const found: string[] = []
  const check = (ok: boolean, what: string) => ok || found.push(what)
  check(attempted <= rules.maxTransactions, `${attempted} transactions`)
  for (const transaction of transactions) {
    const { form, signatures, contextFreeData, size = 0, header } = transaction
    const actions = allActions(transaction)
    if (header) {
      const left = header.expiration - Date.now() / 1000
      check(left > -GRACE - SLACK && left < LIFETIME, `a transaction that expires in ${left} seconds`)
    }
    check(
      READ_ONLY.test(target) || actions.some(({ authorization }) => authorization.length > 0),
      'a transaction that nobody authorizes',
    )
    check(form === 'packed' || rules.unpackedTransactions === 'inspect', 'an unpacked transaction')
    check(signatures <= rules.maxSignatures, `${signatures} signatures`)
    check(actions.length <= rules.maxActions, `${actions.length} actions`)
    check(size <= rules.maxTransactionSize, `a transaction of ${size} bytes`)
    for (const bytes of contextFreeData)
      check(bytes <= rules.maxTransactionSize, `context-free data of ${bytes} bytes`)
    for (const { account, name, authorization, dataSize = 0 } of actions) {
      check(dataSize <= rules.maxTransactionSize, `action data of ${dataSize} bytes`)
      check(!Object.hasOwn(rules.contractBlackList, account), `contract ${account}`)
      check(!Object.hasOwn(rules.actionBlackList, `${account}::${name}`), `action ${account}::${name}`)
      check(
        Object.keys(rules.contractAllowList).length === 0 || Object.hasOwn(rules.contractAllowList, account),
        `contract ${account}, which is not allowed`,
      )
      for (const { actor } of authorization)
        check(!Object.hasOwn(rules.authorizerBlackList, actor), `authorizer ${actor}`)
    }
  }
  return found
}

/** What JSON.parse would have returned, had it read as nodeos does. */
function toJson(value: FcValue): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string') return Buffer.from(value, 'latin1').toString('utf8')
  if (Array.isArray(value)) return value.map(toJson)
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, item]) => [toJson(key), toJson(item)]))
  return value
}

// Key order does not matter. Action data that is an object is the contract's matter: no rule looks into it.
const canonical = (value: unknown): string =>
  JSON.stringify(value, (key, item) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    if (key === 'data') return 'an object'
    return Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })

const attempt = <T>(task: () => T): T | undefined => {
  try {
    return task()
  } catch {
    return undefined
  }
}

const strictJson = (body: Uint8Array): unknown =>
  attempt(() => JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)))

function nodeosJson(body: Uint8Array): unknown {
  try {
    return toJson(readFcJson(body))
  } catch (error) {
    if (error instanceof NodeosError) return undefined
    throw error
  }
}

interface Envelope {
  packed_trx?: string
  packed_context_free_data?: string
  compression?: unknown
  transaction?: unknown
}

const envelopesOf = (value: unknown): Envelope[] => {
  if (Array.isArray(value)) return value
  const object = value as Envelope
  return ['packed_trx', 'signatures'].some((key) => Object.hasOwn(object, key))
    ? [object]
    : [object.transaction as Envelope]
}

type ShownAction = Pick<Action, 'account' | 'name' | 'authorization'>
const shown = (list: { account: unknown; name: unknown; authorization?: unknown }[]): ShownAction[] =>
  list.map(({ account, name, authorization = [] }) => ({
    account: String(account),
    name: String(name),
    authorization: (authorization as { actor?: unknown; permission?: unknown }[]).map(
      ({ actor = '', permission = '' }) => ({ actor: String(actor), permission: String(permission) }),
    ),
  }))

/** The actions that a strict reader finds, if it finds any: JSON.parse, and wharfkit for what is packed. */
function strictActions({ packed_trx, compression, transaction }: Envelope): ShownAction[] | undefined {
  if (packed_trx) {
    const bytes = Buffer.from(packed_trx, 'hex')
    const plain = compression === 1 || compression === 'zlib' ? inflateSync(bytes) : bytes
    const decoded = Serializer.decode({ data: Uint8Array.from(plain), type: Transaction })
    // Written again it must be the same, or it was padded somewhere.
    if (!Buffer.from(Serializer.encode({ object: decoded }).array).equals(plain)) return undefined
    return shown([...decoded.context_free_actions, ...decoded.actions])
  }
  const { context_free_actions = [], actions = [] } = transaction as Record<string, ShownAction[]>
  return shown([...context_free_actions, ...actions])
}

// Of the headers that must not come through, those that hostile requests carry.
const WITHHELD = ['authorization', 'cookie', 'expect', 'transfer-encoding', 'content-encoding', 'connection']

function forwardedBreaches(rules: Rules, request: HostileRequest, forwarded: Forwarded): string[] {
  const { method, target, headers, body } = forwarded
  const found: string[] = []
  if (target !== request.target) found.push(`target ${request.target} became ${target}`)
  if (method !== request.method) found.push(`method ${request.method} became ${method}`)
  for (const name of WITHHELD)
    if (headers[name] !== undefined && headers[name] !== 'identity') found.push(`header ${name} came through`)
  const length = headers['content-length']
  if (length !== undefined && length !== String(body.length)) found.push(`content-length is ${length}`)

  if (request.body.length > 0 && strictJson(request.body) === undefined)
    found.push('what is no strict JSON came through')

  const reading = readRequest(method, target, body)
  for (const violation of violationsOf(rules, target, reading)) found.push(`nodeos finds ${violation}`)
  if (!TRANSACTION_TARGETS.includes(target) || body.length === 0) return found

  const strict = strictJson(body)
  if (strict === undefined) return [...found, 'the body is not strict JSON']
  for (const { packed_trx, packed_context_free_data } of envelopesOf(strict))
    for (const hex of [packed_trx ?? '', packed_context_free_data ?? ''])
      if (!/^(?:[0-9a-f]{2})*$/i.test(hex)) found.push(`${hex} is not hexadecimal`)
  // Where nodeos finds nothing, as in bodies of the original's shape, it does not matter how it reads them.
  if (reading.transactions.length === 0) return found
  if (canonical(strict) !== canonical(nodeosJson(body))) found.push('nodeos reads other JSON than JSON.parse')
  if (reading.errors.length > 0) return found
  for (const [index, transaction] of reading.transactions.entries()) {
    if (transaction.trailing > 0) found.push(`${transaction.trailing} bytes behind what is packed`)
    const expected = canonical(shown(allActions(transaction)))
    const actions = attempt(() => canonical(strictActions(envelopesOf(strict)[index]!)))
    if (actions !== expected) found.push(`nodeos finds ${expected}, strict readers ${actions}`)
  }
  return found
}

function rejectionBreaches({ method }: HostileRequest, { response }: Outcome): string[] {
  if (method === 'OPTIONS' && response.status < 300) return []
  if (response.status < 400 || response.status >= 500)
    return [`not forwarded, yet answered ${response.status}`]
  const found: string[] = []
  if (response.headers.get('x-rejected-by') !== 'patroneos') found.push('X-REJECTED-BY is missing')
  if (method === 'HEAD') return found
  const body = attempt(() => JSON.parse(response.text))
  if (body?.code !== response.status || !/^[A-Z_]+$/.test(body?.message))
    found.push(`the rejection says ${response.text}`)
  return found
}

/** Every promise that this outcome breaks, as sentences. */
export function breaches(rules: Rules, request: HostileRequest, outcome: Outcome): string[] {
  const { forwarded } = outcome
  if (forwarded.length > 1) return [`forwarded ${forwarded.length} times`]
  return forwarded[0] ? forwardedBreaches(rules, request, forwarded[0]) : rejectionBreaches(request, outcome)
}

/** As `breaches`, for a request that keeps to every rule: it comes through, and unchanged in what it says. */
export function honestBreaches(rules: Rules, request: HostileRequest, outcome: Outcome): string[] {
  const forwarded = outcome.forwarded[0]
  if (!forwarded)
    return [`an honest request was answered ${outcome.response.status} ${outcome.response.text}`]
  const said = (reading: Reading) =>
    canonical(reading.transactions.map(({ compression: _, ...rest }) => rest))
  const before = said(readRequest(request.method, request.target, request.body))
  const after = said(readRequest(forwarded.method, forwarded.target, forwarded.body))
  const found = breaches(rules, request, outcome)
  return before === after ? found : [...found, `${before} became ${after}`]
}
