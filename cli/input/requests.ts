// Many requests as they were kept: a JSON object a line, an access log, or a HAR file. One after the other, so that a file may be of
// any size.
import { JSONParser } from '@streamparser/json'
import * as v from 'valibot'
import { parseCheckRequest } from '../../shared/check-request.ts'
import { formatConfigIssue, parseConfig } from '../../shared/config/parse.ts'
import { isObject } from '../../shared/json.ts'
import type { LoggedRequest } from '../../worker/dry-run/replay-filter.ts'
import { CommandError } from '../command-error.ts'
import { entryOfCombined, entryOfEcs, type LogEntry, type LoggedFacts } from './access-log.ts'
import { ANSWERS, outcomes } from './answers.ts'
import { isHarEntry, requestOfHarEntry, responseOfHarEntry } from './har.ts'
import { linesOf, openLog } from './log-files.ts'

/** One request as it stands in the file, and where. */
export interface KeptRequest {
  /** Line, or entry of a HAR file, from 1. */
  at: number
  logged: LoggedRequest
}

/** What cannot be judged, and why. */
export interface Unread {
  at: number
  unread: string
}

export interface KeptRequests {
  size: number
  read(): number
  requests: AsyncIterable<KeptRequest | Unread>
}

/** How a HAR file begins; a request on a line has no member of this name. */
const HAR = /^\s*\{\s*"log"\s*:\s*\{/

export async function openRequests(path: string): Promise<KeptRequests> {
  const { size, read, chunks } = await openLog(path)
  async function* requests(): AsyncGenerator<KeptRequest | Unread> {
    const iterator = chunks[Symbol.asyncIterator]()
    const first = await iterator.next()
    if (first.done) return
    async function* all() {
      yield first.value as Uint8Array
      yield* { [Symbol.asyncIterator]: () => iterator }
    }
    yield* HAR.test(Buffer.from(first.value.subarray(0, 1_000)).toString())
      ? entriesOf(all())
      : requestsOf(linesOf(all()))
  }
  return { size, read, requests: requests() }
}

async function* requestsOf(lines: AsyncIterable<string>): AsyncGenerator<KeptRequest | Unread> {
  let at = 0
  for await (const line of lines) {
    at++
    // A byte order mark goes as well.
    const text = line.trim()
    if (text !== '') yield { at, ...requestOfLine(text) }
  }
}

type Read = { logged: LoggedRequest } | { unread: string }

function requestOfLine(line: string): Read {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    const entry = entryOfCombined(line)
    return entry ? requestOf(entry) : { unread: 'is no JSON, nor of an access log' }
  }
  return requestOfJson(json)
}

function requestOfJson(json: unknown): Read {
  if (isHarEntry(json)) return requestOf({ input: requestOfHarEntry(json), facts: responseOfHarEntry(json) })
  return requestOf(entryOfEcs(json) ?? entryOfObject(json))
}

function requestOf(entry: LogEntry | Unread['unread']): Read {
  if (typeof entry === 'string') return { unread: entry }
  const parsed = parseCheckRequest(entry.input)
  if ('request' in parsed) return { logged: { ...entry.facts, request: parsed.request } }
  return { unread: `is not taken: ${parsed.issues.map(formatConfigIssue).join('; ')}` }
}

const TIME = 'milliseconds from 0'

const factsSchema = v.strictObject({
  outcome: v.optional(v.picklist(outcomes, outcomes.map((outcome) => `"${outcome}"`).join(', '))),
  nodeosTime: v.optional(v.pipe(v.number(TIME), v.minValue(0, TIME))),
})

/** An object as `patroneos check` takes it, with what became of the request beside it. */
function entryOfObject(json: unknown): LogEntry | string {
  if (!isObject(json)) return { input: json, facts: { lacksBody: false } }
  const { outcome, nodeosTime, ...input } = json
  const plain: LoggedFacts = { lacksBody: false, lacksAddress: input.from === undefined }
  if (outcome === undefined && nodeosTime === undefined) return { input, facts: plain }
  const parsed = parseConfig(factsSchema as never, { outcome, nodeosTime })
  if ('issues' in parsed) return `is not taken: ${parsed.issues.map(formatConfigIssue).join('; ')}`
  const { config } = parsed as { config: v.InferOutput<typeof factsSchema> }
  const answer = config.outcome && ANSWERS[config.outcome]
  return { input, facts: { ...plain, answer, nodeosTime: config.nodeosTime, duration: config.nodeosTime } }
}

async function* entriesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<KeptRequest | Unread> {
  let at = 0
  let found: unknown[] = []
  // Each entry is let go of as soon as it was seen.
  const parser = new JSONParser({ paths: ['$.log.entries.*'], keepStack: false })
  parser.onValue = ({ value }) => void found.push(value)
  for await (const chunk of chunks) {
    try {
      parser.write(chunk)
    } catch (error) {
      throw new CommandError(`behind entry ${at} the HAR file is no JSON: ${(error as Error).message}`)
    }
    for (const entry of found)
      yield { at: ++at, ...(isHarEntry(entry) ? requestOfJson(entry) : { unread: 'is no entry of HAR' }) }
    found = []
  }
}
