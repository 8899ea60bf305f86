// Requests as the engine reads them against Node's own parser: whatever the engine takes for a request, that parser
// does as well, byte for byte. Where the two differ, somebody behind the one could be told what the other never saw.
import { createServer, METHODS } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createWire, LIMITS, REFUSED, type Wire } from '../testing/wire.ts'
import { writeFields } from './fields.ts'
import { createHttp1Server } from './server.ts'
import { nodeSockets } from './sockets.ts'

/** A request whose head was taken, and what came of its body. */
interface Taken {
  method: string
  target: string
  headers: readonly string[]
  body: string
  isWhole: boolean
}

interface Reading {
  taken: Taken[]
  /** Why what came next was refused. */
  refusal: string | undefined
}

const SEED = 1
const CASES = 4_000

const turns = async (count: number) => {
  for (let left = count; left > 0; left--) await setImmediate()
}

/** Sends packets, with time to read each, and to answer all that is in them. */
async function sendAll({ send }: Wire, packets: string[]): Promise<void> {
  for (const packet of packets) {
    send(packet)
    await turns(2)
  }
  await turns(8)
}

async function readAsEngine(packets: string[]): Promise<Reading> {
  const taken: Taken[] = []
  const { server } = createHttp1Server({
    sockets: nodeSockets,
    refuse: () => REFUSED,
    limits: LIMITS,
    admits: () => true,
    serve: (exchange) => {
      const { method, target, headers } = exchange
      const request: Taken = { method, target, headers, body: '', isWhole: false }
      taken.push(request)
      const end = () => {
        request.isWhole = true
        exchange.response.send(200, [], '', false)
      }
      if (!exchange.hasBody) return end()
      exchange.read({
        data: (chunk) => (request.body += chunk.toString('latin1')),
        end,
        aborted: () => {},
      })
    },
  })
  const wire = createWire()
  server.emit('connection', wire.socket)
  await sendAll(wire, packets)
  const refusal = /HTTP\/1\.1 [45].*?(?=\r\n)/.exec(wire.written())?.[0]
  wire.socket.destroy()
  return { taken, refusal }
}

/** Node leaves a target in absolute form as it is; the engine takes path and query of it. */
const originForm = (target: string) =>
  target.replace(/^https?:\/\/[^/?]*(?=([/?]?))/i, (_, next) => (next === '/' ? '' : '/'))

async function readAsNode(packets: string[]): Promise<Reading> {
  const reading: Reading = { taken: [], refusal: undefined }
  const server = createServer((incoming, outgoing) => {
    const { method, url, rawHeaders } = incoming
    const request: Taken = {
      method: method!,
      target: originForm(url!),
      headers: rawHeaders,
      body: '',
      isWhole: false,
    }
    reading.taken.push(request)
    incoming.on('data', (chunk: Buffer) => (request.body += chunk.toString('latin1')))
    incoming.on('end', () => {
      request.isWhole = true
      outgoing.end()
    })
    incoming.on('error', () => {})
  })
  server.on('clientError', (error: NodeJS.ErrnoException) => (reading.refusal ??= error.code))
  const wire = createWire()
  server.emit('connection', wire.socket)
  await sendAll(wire, packets)
  wire.socket.destroy()
  return reading
}

const HEADERS = [
  'Content-Length: 3',
  'Content-Length: 0',
  'content-length:5',
  'Content-Length: +3',
  'Content-Length: 3, 3',
  'Content-Length : 3',
  'Transfer-Encoding: chunked',
  'transfer-encoding:\tCHUNKED ',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\x0bchunked',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Keep-Alive, close',
  'Connection: close , x',
  'Connection: x,CLOSE',
  'Connection: close x',
  'Connection: close;x',
  'Connection: close-x, keep-alive',
  'Connection: ,close',
  'Connection:close,',
  'Connection: "close"',
  'Connection: closed',
  'Connection:',
  'Connection: keep-alive x',
  'Connection: upgrade',
  'Upgrade: websocket',
  'Proxy-Connection: close',
  'Expect: 100-continue',
  'Expect: x',
  'Host: other.example',
  'Host:',
  'X-Empty:',
  'X-High: \xff\x80',
  'X-Blanks: \t a \t b \t ',
  ' folded: x',
  'X: a\r\n folded',
  'Trailer: x',
  ': x',
  'no colon',
]

const PIECES = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  '\r\r\n',
  ' ',
  '\t',
  '\0',
  '\x01',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\xff',
  ':',
  ';',
  ',',
  '"',
  '\\',
  '0',
  '1',
  'a',
  'F',
  'G',
  '-',
  '+',
  '0x',
  ';a=b',
  ';a="b;\\"c"',
  ' ;a',
  ';',
  'HTTP/1.0',
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  '0\r\n\r\n',
  '3\r\nabc\r\n',
]

const NO_CONTENT = { fields: [] as string[], body: '' }

const chunked = fc
  .record({
    chunks: fc.array(
      fc.record({
        data: fc.string({
          unit: fc.constantFrom('a', '\r', '\n', '0', '\0', '\xff'),
          minLength: 1,
          maxLength: 20,
        }),
        zeros: fc.nat(3),
        extension: fc.constantFrom('', '', '', ';a', ';a=b', ';a="b c"', ';a=1;b'),
      }),
      { maxLength: 3 },
    ),
    trailers: fc.array(fc.constantFrom('X: y\r\n', 'X:\r\n'), { maxLength: 2 }),
  })
  .map(({ chunks, trailers }) => {
    const parts = chunks.map(
      ({ data, zeros, extension }) =>
        `${'0'.repeat(zeros)}${data.length.toString(16)}${extension}\r\n${data}\r\n`,
    )
    return { fields: ['Transfer-Encoding: chunked'], body: `${parts.join('')}0\r\n${trailers.join('')}\r\n` }
  })

const sized = fc
  .string({ unit: fc.constantFrom('a', '\r', '\n', '\0', '\xff'), maxLength: 20 })
  .map((body) => ({ fields: [`Content-Length: ${body.length}`], body }))

const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'POST', 'HEAD', 'OPTIONS', 'PUT'),
    target: fc.constantFrom('/', '/v1/chain/get_info', '/a?b=c', '*', 'http://x/y', '/%00', '/a#b'),
    minor: fc.constantFrom(1, 1, 1, 1, 0),
    more: fc.subarray(['X-A: b', 'X-Empty:', 'X-Blanks: \t a b \t']),
    connection: fc.constantFrom([], [], ['Connection: close'], ['Connection: keep-alive']),
    content: fc.oneof(fc.constant(NO_CONTENT), sized, chunked),
  })
  .map(({ method, target, minor, more, connection, content }) =>
    [
      `${method} ${target} HTTP/1.${content === NO_CONTENT ? minor : 1}`,
      'Host: x',
      ...more,
      ...connection,
      ...content.fields,
      '',
      content.body,
    ].join('\r\n'),
  )

type Mutation = (text: string) => string

/** Somewhere in a text: more often next to the end of a line. */
const place = fc
  .record({ nth: fc.nat(1_000), by: fc.integer({ min: -2, max: 3 }), atLine: fc.boolean() })
  .map(({ nth, by, atLine }) => (text: string) => {
    if (!atLine) return nth % (text.length + 1)
    const lines = [...text.matchAll(/\r\n/g)]
    return Math.max(0, (lines[nth % (lines.length || 1)]?.index ?? 0) + by)
  })

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ at: place, piece: fc.constantFrom(...PIECES) }).map(
    ({ at, piece }) =>
      (text: string) =>
        text.slice(0, at(text)) + piece + text.slice(at(text)),
  ),
  fc.record({ at: place, piece: fc.constantFrom(...PIECES) }).map(
    ({ at, piece }) =>
      (text: string) =>
        text.slice(0, at(text)) + piece + text.slice(at(text) + 1),
  ),
  fc.record({ at: place, length: fc.integer({ min: 1, max: 4 }) }).map(
    ({ at, length }) =>
      (text: string) =>
        text.slice(0, at(text)) + text.slice(at(text) + length),
  ),
  fc.record({ at: place, length: fc.integer({ min: 1, max: 20 }) }).map(
    ({ at, length }) =>
      (text: string) =>
        text.slice(0, at(text) + length) + text.slice(at(text)),
  ),
  fc
    .record({ nth: fc.nat(100), header: fc.constantFrom(...HEADERS) })
    .map(({ nth, header }) => (text: string) => {
      const lines = text.split('\r\n')
      lines.splice(1 + (nth % lines.length), 0, header)
      return lines.join('\r\n')
    }),
)

interface Sent {
  bytes: string
  packets: string[]
}

const sent: fc.Arbitrary<Sent> = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 3 }),
    mutations: fc.array(mutation, { maxLength: 3 }),
    cuts: fc.array(fc.nat(10_000), { maxLength: 5 }),
    everyByte: fc.nat(19).map((chance) => chance === 0),
  })
  .map(({ requests, mutations, cuts, everyByte }) => {
    const bytes = mutations.reduce((text, mutate) => mutate(text), requests.join(''))
    const ends = everyByte
      ? Array.from(bytes, (_, at) => at + 1)
      : [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
    const packets = ends.map((end, nth) => bytes.slice(ends[nth - 1] ?? 0, end))
    return { bytes, packets: packets.filter((packet) => packet !== '') }
  })

/** What Node refuses and the engine takes on purpose. */
const EXCUSES: { reason: string; holds(refusal: string, taken: Taken, before: Taken[]): boolean }[] = [
  {
    reason: 'any token is a method (RFC 9110, section 9.1); the app serves those that it knows',
    holds: (refusal, { method }) => refusal === 'HPE_INVALID_METHOD' && !METHODS.includes(method),
  },
  {
    reason: 'a target in no known form is still one target; the app serves paths that it knows',
    holds: (refusal, { target }) => refusal === 'HPE_INVALID_URL' && !target.startsWith('/'),
  },
  {
    reason:
      'neither Proxy-Connection nor a trailer is Connection (RFC 9112, appendix C.2.2, and section 9.6)',
    holds: (refusal, _taken, before) =>
      refusal === 'HPE_CLOSED_CONNECTION' &&
      !before.some(({ headers }) => /^connection:(?:.*[ ,])?close(?![\w-])/im.test(writeFields(headers))),
  },
]

/** What the engine took for a request, or for a part of one, and Node did not. */
function findDifference(engine: Reading, node: Reading): string | undefined {
  const refusal = node.refusal ?? 'waits for more'
  for (const [nth, ours] of engine.taken.entries()) {
    const theirs = node.taken[nth]
    if (theirs) {
      const { method, target, headers } = theirs
      if (ours.method !== method || ours.target !== target) return 'another request line'
      if (JSON.stringify(ours.headers) !== JSON.stringify(headers)) return 'other headers'
      if (!ours.body.startsWith(theirs.body) && !theirs.body.startsWith(ours.body)) return 'another body'
      if (ours.isWhole && theirs.isWhole && ours.body !== theirs.body) return 'another end of the body'
    }
    if (!theirs || (ours.isWhole && !theirs.isWhole))
      return EXCUSES.some(({ holds }) => holds(refusal, ours, engine.taken.slice(0, nth)))
        ? undefined
        : `${nth}: ${refusal}`
  }
  return undefined
}

describe('requests, well-formed and not', () => {
  it('are taken only as Node takes them', async () => {
    const counts = { taken: 0, refused: 0 }
    const property = fc.asyncProperty(
      sent.map((request) => request.bytes),
      async (bytes) => {
        const [engine, node] = await Promise.all([readAsEngine([bytes]), readAsNode([bytes])])
        counts.taken += engine.taken.filter(({ isWhole }) => isWhole).length
        if (engine.refusal) counts.refused++
        expect(findDifference(engine, node)).toBeUndefined()
      },
    )
    await fc.assert(property, { numRuns: CASES, seed: SEED })
    // Else there was nothing to compare.
    expect(counts.taken).toBeGreaterThan(CASES / 2)
    expect(counts.refused).toBeGreaterThan(CASES / 4)
  })

  it('are taken alike however they are split into packets', async () => {
    const property = fc.asyncProperty(sent, async ({ bytes, packets }) => {
      const [whole, split] = await Promise.all([readAsEngine([bytes]), readAsEngine(packets)])
      expect(split).toEqual(whole)
    })
    await fc.assert(property, { numRuns: CASES / 2, seed: SEED })
  })

  it('are taken by both where nothing was done to them', async () => {
    const property = fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), async (requests) => {
      const bytes = requests.join('')
      const [engine, node] = await Promise.all([readAsEngine([bytes]), readAsNode([bytes])])
      expect(engine.taken).toEqual(node.taken)
      expect(engine.refusal).toBeUndefined()
    })
    await fc.assert(property, { numRuns: CASES / 10, seed: SEED })
  })
})
