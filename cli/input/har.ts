// Requests as browsers and proxies keep them: HTTP Archive 1.2, http://www.softwareishard.com/blog/har-12-spec/
import { isObject, type JsonObject } from '../../shared/json.ts'
import type { LoggedFacts } from './access-log.ts'

export function isHarEntry(json: unknown): json is JsonObject & { request: JsonObject } {
  return isObject(json) && isObject(json.request) && typeof json.request.url === 'string'
}

/** What is of another type than it should be is left to whoever reads the request. */
export function requestOfHarEntry({
  request,
  startedDateTime,
}: JsonObject & { request: JsonObject }): unknown {
  const { method, url, headers, postData } = request
  const named: Record<string, string[]> = {}
  for (const field of Array.isArray(headers) ? headers : []) {
    const { name, value } = field ?? {}
    // HTTP/2 has the request line in fields such as :path.
    if (typeof name === 'string' && !name.startsWith(':'))
      named[name] = [...(named[name] ?? []), String(value)]
  }
  const body = isObject(postData) ? postData.text : undefined
  const isBase64 = isObject(postData) && postData.encoding === 'base64'
  return {
    method,
    path: url,
    headers: named,
    ...(body !== undefined && (isBase64 ? { bodyBase64: body } : { body })),
    ...(startedDateTime !== undefined && { time: startedDateTime }),
  }
}

/** What nodeos answered, unless a filter answered for it; `timings.wait` is what of its time was waited for. */
export function responseOfHarEntry({ response, timings }: JsonObject): LoggedFacts {
  if (!isObject(response) || !(Number(response.status) > 0) || isRejection(response))
    return { lacksBody: false }
  const { status, content } = response
  const { text, encoding } = isObject(content) ? content : {}
  const body = Buffer.from(typeof text === 'string' ? text : '', encoding === 'base64' ? 'base64' : 'utf8')
  const wait = isObject(timings) ? Number(timings.wait) : Number.NaN
  const time = wait >= 0 ? { nodeosTime: wait, duration: wait } : {}
  return { lacksBody: false, answer: { status: Number(status), body }, ...time }
}

const isRejection = ({ headers }: JsonObject) =>
  Array.isArray(headers) && headers.some((field) => /^x-rejected-by$/i.test(String(field?.name)))
