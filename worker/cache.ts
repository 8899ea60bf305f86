// Caches answers to reads for a short time, and lets identical reads wait for the one in progress. Everything else is
// forwarded.
import { LRUCache } from 'lru-cache'
import type { FilterConfig } from '../shared/config/filter.ts'
import { isObject, member } from '../shared/json.ts'
import { blockCalls, GET_INFO } from '../shared/paths.ts'
import { bodyText } from './body-text.ts'
import { headerValue, heldFields, isPlain } from './headers.ts'
import { chainInfoOf } from './nodes/chain-info.ts'
import type { Forwarder } from './nodes/forwarder.ts'
import type { NodeState } from './nodes/node-state.ts'
import type { Nodes } from './nodes/nodes.ts'
import type {
  Answer,
  FilterRequest,
  ResponsePolicy,
  UpstreamAnswer,
  UpstreamRequest,
  UpstreamTrouble,
} from './platform.ts'

/** What was too large to be held, and until when in Unix milliseconds that is believed. */
interface Unfit {
  until: number
}

/** Reads by where their answer came from, and what is held of the answers. */
export interface CacheCounts {
  /** Memory. */
  hit: number
  /** The answer to the same read, which was under way. */
  joined: number
  /** nodeos. */
  miss: number
  entries: number
  bytes: number
}

/** Counts for all caches that a filter has, one after another. */
export class CacheMeter {
  hit = 0
  joined = 0
  miss = 0
  #kept: Kept | undefined

  /** The cache in force; undefined where there is none. */
  follow(kept: Kept | undefined): void {
    this.#kept = kept
  }

  counts(): CacheCounts {
    const { hit, joined, miss } = this
    return { hit, joined, miss, entries: this.#kept?.size ?? 0, bytes: this.#kept?.calculatedSize ?? 0 }
  }
}

type Kept = Pick<LRUCache<string, object>, 'size' | 'calculatedSize'>

/** Has a request answered: from memory or by nodeos. As FilterRequest's `forward`, which says what it resolves to. */
export type Forward = (
  request: FilterRequest,
  question: UpstreamRequest,
  policy: ResponsePolicy,
) => Promise<UpstreamTrouble | undefined>

interface Entry extends Omit<UpstreamAnswer, 'body'> {
  text: string
  /** Unix time in milliseconds at which nodeos was asked. */
  since: number
  /** Unix time in milliseconds until which it is given without asking again. */
  until: number
  /** The node that gave it. */
  from: NodeState
  /** The block that it can be as new as; undefined where that is not known. */
  head: number | undefined
}

/** The share of the memory that one answer may take. */
const LARGEST_SHARE = 8

/** Reads under way whose answers are held whole; further ones are streamed to their clients. */
const MAX_UNDER_WAY = 64

/** Bytes of the largest request body that is a key: those of reads are short, and long ones would displace them. */
const MAX_KEY_BODY = 4_096

/** Bytes that an entry takes beside its key and its text. */
const ENTRY_OVERHEAD = 1_024

/**
 * Headers that every browser or proxy adds and that change nothing in an answer of nodeos. They are left out of
 * a request whose answer others get too; one with any other header is its sender's own, so that nobody can have
 * an answer that such a header made (by something before nodeos) handed to others.
 */
const commonHeaders = new Set(
  `accept accept-charset accept-encoding accept-language cache-control content-type dnt from origin pragma priority
  referer save-data traceparent tracestate upgrade-insecure-requests user-agent via x-forwarded-for x-request-id
  x-requested-with`.split(/\s+/),
)

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Milliseconds for which an answer of a node that is ahead stands in for a newer one of a node that is behind, counted
 * from when it was asked for: by then a node that is fit to be asked has caught up (maxHeadLag).
 */
const LONGEST_HOLD = 20_000

/** A block takes half a second. nodeos: libraries/chain/include/eosio/chain/config.hpp (block_interval_ms). */
const BLOCK_INTERVAL = 500

export interface CacheParts {
  nodes: Nodes
  forwarder: Forwarder
  /** A request may wait for what another one asks. */
  sharesAnswers: boolean
  meter: CacheMeter
}

/** What is kept is valid for one configuration only, so a new one starts with nothing. */
export function createCache({ cache: { maxBytes, paths } }: FilterConfig, parts: CacheParts): Forward {
  const { nodes, forwarder, sharesAnswers, meter } = parts
  meter.follow(undefined)
  const forward: Forward = (request, question, policy) => forwarder.forward(request, question, policy)
  const lifetimes = new Map(Object.entries(paths).filter(([, seconds]) => seconds > 0))
  if (lifetimes.size === 0 || maxBytes === 0) return forward

  const largest = Math.max(1, Math.floor(maxBytes / LARGEST_SHARE))
  const kept = new LRUCache<string, Entry | Unfit>({
    maxSize: maxBytes,
    sizeCalculation: (entry, key) => ENTRY_OVERHEAD + key.length + (entryOf(entry)?.text.length ?? 0),
  })
  meter.follow(kept)
  const underWay = new Map<string, Promise<Entry | UpstreamAnswer | UpstreamTrouble | undefined>>()

  /** Asks a node and keeps the answer if it is fit for that; undefined: it is too large to be held. */
  const ask = async (key: string, question: UpstreamRequest, milliseconds: number) => {
    const since = Date.now()
    const { answer, state } = await forwarder.ask(
      forEverybody(question),
      largest,
      entryOf(kept.get(key))?.from,
    )
    const until = since + milliseconds
    if (answer === undefined) kept.set(key, { until })
    if (answer === undefined || state === undefined || 'code' in answer || !isForEverybody(answer))
      return answer
    const text = decoded(answer.body)
    if (text === undefined) return answer
    const info = question.target === GET_INFO ? chainInfoOf(text) : undefined
    const head = info?.head ?? newestHead(state, Date.now())
    const entry: Entry = {
      status: answer.status,
      headers: answer.headers,
      text,
      since,
      until,
      from: state,
      head,
    }
    const previous = entryOf(kept.get(key))
    if (previous && isBehind(state, info?.head, previous)) {
      // It stays until this node has caught up.
      previous.until = until
      return previous
    }
    if (info && (nodes.chainId ?? info.chainId) === info.chainId) nodes.informed(state, info)
    const parameter = blockCalls.get(question.target)
    if (
      parameter === undefined ||
      blockOf(bodyText(question.body), parameter) <= irreversibleOf(state, nodes)
    )
      kept.set(key, entry)
    return entry
  }

  return async (request, question, policy) => {
    const seconds = lifetimeOf(question, lifetimes)
    if (seconds === undefined) return forward(request, question, policy)
    const key = `${question.target}\n${bodyText(question.body)}`
    const found = kept.get(key)
    const isFresh = found !== undefined && found.until > Date.now()
    const entry = entryOf(found)
    if (isFresh && entry) {
      meter.hit++
      request.answer(answerFrom(entry, policy))
      return undefined
    }
    const waitedFor = underWay.get(key)
    if (isFresh || (!waitedFor && underWay.size >= MAX_UNDER_WAY)) return forward(request, question, policy)
    const asked = waitedFor ?? ask(key, question, seconds * 1000)
    meter[waitedFor ? 'joined' : 'miss']++
    if (!waitedFor && sharesAnswers) {
      underWay.set(key, asked)
      void asked.finally(() => underWay.delete(key))
    }
    const answer = await asked
    if (answer === undefined) return forward(request, question, policy)
    if ('code' in answer) return answer
    // It may be meant for one only, so whoever waited for it asks for themselves.
    if (!('text' in answer) && waitedFor) return forward(request, question, policy)
    request.answer('text' in answer ? answerFrom(answer, policy) : passOn(answer, policy))
    return undefined
  }
}

function entryOf(found: Entry | Unfit | undefined): Entry | undefined {
  return found && 'text' in found ? found : undefined
}

/** The question without what is its client's alone. */
function forEverybody({ method, target, body, client, headTimeout }: UpstreamRequest) {
  const headers = ['accept-encoding', 'identity', 'x-forwarded-for', client]
  if (body !== null) headers.push('content-type', 'application/json')
  return { method, target, headers, body, client, headTimeout }
}

/** The newest block that an answer of a node may know of; undefined where nothing is known of the node. */
function newestHead({ health: { info } }: NodeState, now: number): number | undefined {
  return info && info.head + Math.max(0, Math.ceil((now - info.headTime) / BLOCK_INTERVAL))
}

/**
 * Whether an answer may be older than one that another node gave before. `head` is the block that it was made at, where
 * it says so; else the node is at its last look's at the least.
 */
function isBehind(state: NodeState, head: number | undefined, previous: Entry): boolean {
  const least = head ?? state.health.info?.head
  const isHeld = Date.now() - previous.since < LONGEST_HOLD
  if (previous.from === state) return false
  return isHeld && least !== undefined && previous.head !== undefined && least < previous.head
}

/**
 * The last block that is irreversible to the very node that answered: one that is behind may still have another block of
 * that number, and one of another chain certainly has.
 */
function irreversibleOf({ health: { info }, node }: NodeState, { chainId }: Nodes): number {
  return info && (info.chainId === chainId || (node.isOnly && chainId === undefined)) ? info.irreversible : 0
}

/** Seconds that the answer may be kept; undefined where the request is none to answer from memory. */
function lifetimeOf(
  { method, target, headers, body, retryable }: UpstreamRequest,
  lifetimes: ReadonlyMap<string, number>,
): number | undefined {
  // A target with a query is no path of nodeos's, and `retryable` says that nothing is executed.
  if (!retryable || (method !== 'GET' && method !== 'POST') || (body?.length ?? 0) > MAX_KEY_BODY)
    return undefined
  const seconds = lifetimes.get(target)
  if (seconds === undefined) return undefined
  for (let at = 0; at < headers.length; at += 2)
    if (!commonHeaders.has(headers[at]!) && !headers[at]!.startsWith('sec-')) return undefined
  return seconds
}

/** Whether an answer may be given to others: nodeos sends none of these headers, something before it might. */
function isForEverybody({ status, headers }: UpstreamAnswer): boolean {
  const vary = headerValue(headers, 'vary').toLowerCase()
  return (
    status === 200 &&
    isPlain(headers) &&
    (vary === '' || vary === 'accept-encoding') &&
    !/\b(?:private|no-store)\b/i.test(headerValue(headers, 'cache-control'))
  )
}

function answerFrom({ status, headers, text, since }: Entry, policy: ResponsePolicy): Answer {
  policy.observe(status, undefined)
  const age = String(Math.floor((Date.now() - since) / 1000))
  const fields = [...heldFields(headers, policy.headers, 'age'), 'age', age]
  return { status, fields, body: text, close: false }
}

/** An answer that is not kept, for the one who asked. */
function passOn({ status, headers, body }: UpstreamAnswer, policy: ResponsePolicy): Answer {
  policy.observe(status, undefined)
  return { status, fields: heldFields(headers, policy.headers), body, close: false }
}

function decoded(body: Uint8Array): string | undefined {
  try {
    return utf8.decode(body)
  } catch {
    return undefined
  }
}

/** The number of the block that a body asks for; infinite where it does not say so plainly. */
function blockOf(body: string, parameter: string): number {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return Number.POSITIVE_INFINITY
  }
  if (!isObject(json) || Object.keys(json).length !== 1) return Number.POSITIVE_INFINITY
  const block = String(member(json, parameter))
  if (/^\d{1,10}$/.test(block)) return Number(block)
  // A block's id begins with its number, big-endian.
  return /^[0-9a-f]{64}$/i.test(block) ? Number.parseInt(block.slice(0, 8), 16) : Number.POSITIVE_INFINITY
}
