// One request, however it is written: JSON, a HAR entry, HTTP text, or a curl line.
import { parseCheckRequest, type WholeRequest } from '../../shared/check-request.ts'
import { formatConfigIssue } from '../../shared/config/parse.ts'
import { isObject } from '../../shared/json.ts'
import { CommandError } from '../command-error.ts'
import { readCurl } from './curl.ts'
import { isHarEntry, requestOfHarEntry } from './har.ts'
import { type RefusedText, readHttpText } from './http-text.ts'
import { parseJsonText } from './text.ts'

export const FORMS =
  'JSON {"method", "path", "headers", "body", "from"}, a HAR file or entry, HTTP text, or a curl line'

/** Which entry of a HAR file is meant; the first is 1. */
export interface RequestOptions {
  entry?: number | undefined
}

export function readRequest(bytes: Buffer, { entry }: RequestOptions = {}): WholeRequest | RefusedText {
  const text = bytes.toString().trimStart()
  if (text === '') throw new CommandError(`there is no request; give ${FORMS}`)
  if (text.startsWith('{')) return requestOfJson(parseJsonText(text, 'the request'), entry)
  if (/^(?:\$ *)?curl\s/.test(text)) return readCurl(text)
  if (/^\S+ \S+ HTTP\/\d/.test(text))
    return readHttpText(bytes.subarray(bytes.length - Buffer.byteLength(text)))
  throw new CommandError(
    `found ${JSON.stringify(text.slice(0, 60))}, which is neither a file nor a request; give ${FORMS}`,
  )
}

function requestOfJson(json: unknown, entry: number | undefined): WholeRequest {
  if (isObject(json) && isObject(json.log) && Array.isArray(json.log.entries))
    return requestOfJson(entryOf(json.log.entries, entry), undefined)
  return requestOf(isHarEntry(json) ? requestOfHarEntry(json) : json)
}

function entryOf(entries: unknown[], entry: number | undefined): unknown {
  if (entry === undefined && entries.length === 1) return entries[0]
  const found = entries[(entry ?? 0) - 1]
  if (found !== undefined) return found
  throw new CommandError(
    `the HAR file has ${entries.length} entries: name one with --entry 1 to ${entries.length}, or take all with "patroneos replay"`,
  )
}

/** The request of one JSON value, or an error that says all that is wrong with it. */
export function requestOf(json: unknown): WholeRequest {
  const parsed = parseCheckRequest(json)
  if ('request' in parsed) return parsed.request
  throw new CommandError(`the request: ${parsed.issues.map(formatConfigIssue).join('; ')}`)
}
