// Lines of access logs -> requests, as far as such a log knows them: without their bodies. The filter's own formats: ECS
// (elastic.co/guide/en/ecs), and the combined format of Apache and nginx.
import { isObject } from '../../shared/json.ts'

export interface LoggedRequest {
  /** As `patroneos check` takes it. */
  input: object
  /** It had a body, or may have had one. */
  lacksBody: boolean
}

/** Undefined where the JSON is no line of ECS. */
export function requestOfEcs(json: unknown): LoggedRequest | undefined {
  if (!isObject(json) || !isObject(json.http) || !isObject(json.http.request)) return undefined
  const { http, url, source } = json
  const { method, body } = json.http.request
  if (!isObject(url) || !isObject(http)) return undefined
  const bytes = isObject(body) ? Number(body.bytes) : Number.NaN
  const query = typeof url.query === 'string' ? `?${url.query}` : ''
  const input = {
    method,
    path: `${url.path ?? url.original}${query}`,
    ...(bytes > 0 && { headers: { 'content-length': String(bytes) } }),
    ...(isObject(source) && source.ip !== undefined && { from: source.ip }),
    ...(json['@timestamp'] !== undefined && { time: json['@timestamp'] }),
  }
  return { input, lacksBody: Number.isNaN(bytes) ? method === 'POST' : bytes > 0 }
}

const COMBINED = /^(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+) HTTP\/[\d.]+" \d{3} /

/** Undefined where the line is none of the combined format. */
export function requestOfCombined(line: string): LoggedRequest | undefined {
  const [, from, clock, method, path] = COMBINED.exec(line) ?? []
  if (from === undefined || method === undefined || path === undefined) return undefined
  // 28/Nov/2026:07:32:52 +0000
  const time = clock?.replace(/^(\d\d)\/(\w{3})\/(\d{4}):/, '$1 $2 $3 ') ?? ''
  return { input: { method, path, from, time }, lacksBody: method === 'POST' }
}
