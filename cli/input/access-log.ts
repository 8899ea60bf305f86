// Lines of access logs -> requests, as far as such a log knows them: without their bodies. The filter's own formats: ECS
// (elastic.co/guide/en/ecs), and the combined format of Apache and nginx.
import { isObject, type JsonObject } from '../../shared/json.ts'
import {
  INVALID_READ,
  strikeClassOf,
  type Violation,
  type ViolationCode,
  violations,
} from '../../shared/violations.ts'
import type { LoggedRequest } from '../../worker/dry-run/replay-filter.ts'
import { carriesTransactions } from '../../worker/transactions/shapes.ts'
import { ANSWERS } from './answers.ts'

/** What a log tells beside the request. */
export type LoggedFacts = Omit<LoggedRequest, 'request'>

export interface LogEntry {
  /** As `patroneos check` takes it. */
  input: unknown
  facts: LoggedFacts
}

/** Undefined where the JSON is no line of ECS. */
export function entryOfEcs(json: unknown): LogEntry | undefined {
  if (!isObject(json) || !isObject(json.http) || !isObject(json.http.request)) return undefined
  const { http, url, source, event } = json
  const milliseconds = isObject(event) ? Number(event.duration ?? 0) / 1e6 : 0
  const from = isObject(source) && source.ip !== undefined ? { from: source.ip } : {}
  const { '@timestamp': end } = json
  const time =
    end === undefined ? {} : { time: typeof end === 'string' ? Date.parse(end) - milliseconds : end }
  if (!isObject(url)) return refusedOf({ ...from, ...time }, event, http)
  const { method, body } = json.http.request
  const path = String(url.path ?? url.original)
  const bytes = isObject(body) ? Number(body.bytes) : Number.NaN
  const query = typeof url.query === 'string' ? `?${url.query}` : ''
  const found = foundOf(json, path)
  return {
    input: {
      method,
      path: `${path}${query}`,
      ...(bytes > 0 && { headers: { 'content-length': String(bytes) } }),
      ...from,
      ...time,
    },
    facts: {
      // Of headers it has none either.
      lacksBody: found ? true : Number.isNaN(bytes) ? method === 'POST' : bytes > 0,
      found,
      duration: milliseconds,
      ...answerOf(json.patroneos),
    },
  }
}

/** What came was no request. */
function refusedOf(input: object, event: unknown, http: JsonObject): LogEntry | undefined {
  if (!isObject(event) || !isObject(http.response) || !isCode(event.code)) return undefined
  const refused = { status: Number(http.response.status_code), detail: String(event.reason ?? '') }
  return { input: { ...input, path: '/' }, facts: { lacksBody: false, refused } }
}

const isCode = (code: unknown): code is ViolationCode =>
  typeof code === 'string' && Object.hasOwn(violations, code)

/** What the filter that wrote the line found in the body, or in headers that are not logged. */
function foundOf({ event, patroneos }: JsonObject, path: string): Violation | null | undefined {
  if (!isObject(patroneos) || !isObject(event)) return undefined
  const { code, reason } = event
  if (!isCode(code))
    return ['success', 'failed', 'trouble'].includes(String(patroneos.outcome)) ? null : undefined
  // What comes after the body was found good.
  if (code === 'RATE_LIMITED' || code.startsWith('NODEOS_')) return null
  // What is judged before the body is judged anew.
  if (strikeClassOf(code) === null || code === 'ENDPOINT_NOT_ALLOWED' || code === 'METHOD_NOT_ALLOWED')
    return undefined
  const isRead = code === 'INVALID_JSON' && !carriesTransactions(path)
  return { code, detail: String(reason ?? ''), ...(isRead && { reportedAs: INVALID_READ }) }
}

/** What nodeos answered, and how much of its time that took: of cached answers none. */
function answerOf(patroneos: unknown): Pick<LoggedFacts, 'answer' | 'nodeosTime'> {
  if (!isObject(patroneos)) return {}
  const { outcome, nodeos_duration: nanoseconds } = patroneos
  const answer = typeof outcome === 'string' && Object.hasOwn(ANSWERS, outcome) ? ANSWERS[outcome] : undefined
  return answer || nanoseconds !== undefined ? { answer, nodeosTime: Number(nanoseconds ?? 0) / 1e6 } : {}
}

const COMBINED = /^(\S+) \S+ \S+ \[([^\]]+)\] "(?:(\S+) (\S+) HTTP\/[\d.]+)?" (\d{3}) /

/** Undefined where the line is none of the combined format. */
export function entryOfCombined(line: string): LogEntry | undefined {
  const [, from, clock, method, path, status] = COMBINED.exec(line) ?? []
  if (from === undefined) return undefined
  // 28/Nov/2026:07:32:52 +0000
  const time = clock?.replace(/^(\d\d)\/(\w{3})\/(\d{4}):/, '$1 $2 $3 ') ?? ''
  if (path === undefined) {
    const refused = { status: Number(status), detail: 'The log has no request line' }
    return { input: { path: '/', from, time }, facts: { lacksBody: false, refused } }
  }
  return { input: { method, path, from, time }, facts: { lacksBody: method === 'POST' } }
}
