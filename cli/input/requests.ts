// Many requests as they were kept: a JSON object a line, an access log, or a HAR file. One after the other, so that a file may be of
// any size.
import { JSONParser } from '@streamparser/json'
import { requestOfCombined, requestOfEcs } from './access-log.ts'
import { isHarEntry, requestOfHarEntry } from './har.ts'
import { openFile, openLines } from './log-files.ts'

/** One request as it stands in the file, and where. */
export interface KeptRequest {
  /** Line, or entry of a HAR file, from 1. */
  at: number
  /** As `patroneos check` takes it; undefined where the line is no JSON. */
  json: unknown
  /** The log does not hold the body that it had. */
  lacksBody: boolean
}

export interface KeptRequests {
  size: number
  read(): number
  requests: AsyncIterable<KeptRequest>
}

export async function openRequests(path: string): Promise<KeptRequests> {
  if (/\.har(?:\.gz)?$/i.test(path)) return openHar(path)
  const { size, read, lines } = await openLines(path)
  return { size, read, requests: requestsOf(lines) }
}

async function* requestsOf(lines: AsyncIterable<string>): AsyncGenerator<KeptRequest> {
  let at = 0
  for await (const line of lines) {
    at++
    if (line.trim() !== '') yield { at, ...requestOfLine(line) }
  }
}

function requestOfLine(line: string): Omit<KeptRequest, 'at'> {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    json = undefined
  }
  const logged = json === undefined ? requestOfCombined(line) : requestOfEcs(json)
  if (logged) return { json: logged.input, lacksBody: logged.lacksBody }
  return { json: isHarEntry(json) ? requestOfHarEntry(json) : json, lacksBody: false }
}

async function openHar(path: string): Promise<KeptRequests> {
  const { size, stream, read } = await openFile(path)
  async function* entries(): AsyncGenerator<KeptRequest> {
    let at = 0
    let found: unknown[] = []
    // Each entry is let go of as soon as it was seen.
    const parser = new JSONParser({ paths: ['$.log.entries.*'], keepStack: false })
    parser.onValue = ({ value }) => void found.push(value)
    for await (const chunk of stream) {
      parser.write(chunk as Uint8Array)
      for (const entry of found)
        yield { at: ++at, json: isHarEntry(entry) ? requestOfHarEntry(entry) : undefined, lacksBody: false }
      found = []
    }
  }
  return { size, read, requests: entries() }
}
