// The listener against clients whose every byte the test sends itself.
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createWire, LIMITS, REFUSED } from '../testing/wire.ts'
import type { Exchange } from './exchange.ts'
import { createHttp1Server, type Http1Limits } from './server.ts'
import { nodeSockets } from './sockets.ts'

const eventually = { timeout: 10_000, interval: 10 }

const turns = async (count: number) => {
  for (let left = count; left > 0; left--) await setImmediate()
}

async function startServer(serve: (exchange: Exchange) => void, limits: Partial<Http1Limits> = {}) {
  const http1 = createHttp1Server({
    sockets: nodeSockets,
    refuse: () => REFUSED,
    limits: { ...LIMITS, ...limits },
    admits: () => true,
    serve,
  })
  http1.server.listen(0, '127.0.0.1')
  await once(http1.server, 'listening')
  onTestFinished(() => http1.close(0))
  const { port } = http1.server.address() as AddressInfo
  const countConnections = () =>
    new Promise<number>((resolve) => http1.server.getConnections((_error, count) => resolve(count)))
  return { ...http1, port, countConnections }
}

interface Client {
  socket: Socket
  send(bytes: string): void
  text(): string
  /** Resolves when this has come. */
  received(what: RegExp | string): Promise<unknown>
  /** Resolves with how it ended: `end`, or the error. */
  closed: Promise<string>
}

function connectTo(port: number): Client {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let text = ''
  let ended = 'end'
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ended = error.code ?? error.message
  })
  onTestFinished(() => void socket.destroy())
  return {
    socket,
    send: (bytes) => void socket.write(bytes, 'latin1'),
    text: () => text,
    received: (what) => vi.waitUntil(() => text.match(what), eventually),
    closed: new Promise((resolve) => {
      socket.on('close', () => resolve(ended))
    }),
  }
}

const head = (line: string, ...fields: string[]) => [line, 'Host: x', ...fields, '', ''].join('\r\n')
const GET = head('GET / HTTP/1.1')

const respondTo = (exchange: Exchange) => exchange.response.send(200, [], exchange.target, false)

/** What was told of an exchange, and of its body where it was read. */
function watch(exchange: Exchange) {
  const told: string[] = []
  exchange.attach({
    gone: () => void told.push('gone'),
    over: () => void told.push('over'),
    drained: () => void told.push('drain'),
    late: () => void told.push('late'),
  })
  const sink = {
    data: (chunk: Buffer) => told.push(chunk.toString('latin1')),
    end: () => told.push('end'),
    aborted: () => told.push('aborted'),
  }
  return { told, sink }
}

/** Serves one exchange after another to whoever waits for it. */
async function startQueue(limits?: Partial<Http1Limits>) {
  const exchanges: Exchange[] = []
  const server = await startServer((exchange) => exchanges.push(exchange), limits)
  const next = async () => {
    await vi.waitUntil(() => exchanges.length > 0, eventually)
    return exchanges.shift()!
  }
  return { ...server, exchanges, next }
}

/** Time stands still but for what the test says. */
function holdTime(): void {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
}

const until = async (holds: () => boolean | Promise<boolean>) => {
  while (!(await holds())) await setImmediate()
}

describe('requests on one connection', () => {
  it('are served one after another, each with its own body', async () => {
    const { port, exchanges, next } = await startQueue()
    const client = connectTo(port)
    client.send(
      [
        head('GET /1 HTTP/1.1'),
        `${head('POST /2 HTTP/1.1', 'Content-Length: 3')}\r\n\r`,
        `\r\n${head('POST /3 HTTP/1.1', 'Transfer-Encoding: chunked')}3\r\nGET\r\n0\r\n\r\n`,
        `${head('POST /4 HTTP/1.1', 'Content-Length: 2')}ab`,
        head('GET /5 HTTP/1.1'),
      ].join(''),
    )
    const bodies = [[], ['\r\n\r', 'end'], ['GET', 'end'], ['ab', 'end'], []]
    for (const [at, body] of bodies.entries()) {
      const exchange = await next()
      expect(exchange.target).toBe(`/${at + 1}`)
      expect(exchange.hasBody).toBe(body.length > 0)
      const { told, sink } = watch(exchange)
      if (exchange.hasBody) exchange.read(sink)
      await turns(20)
      expect(told).toEqual(body)
      expect(exchanges).toEqual([])
      respondTo(exchange)
      await client.received(new RegExp(`/${at + 1}$`))
      expect(told).toEqual([...body, 'over'])
    }
  })

  it.each([
    [true, head('GET / HTTP/1.1')],
    [false, head('GET / HTTP/1.1', 'Connection: close')],
    [true, head('GET / HTTP/1.0', 'Connection: keep-alive')],
    [false, head('GET / HTTP/1.0')],
  ])('end with the first or do not: %s, %j', async (isKept, request) => {
    const { port } = await startServer(respondTo)
    const client = connectTo(port)
    client.send(request + request)
    if (isKept) await client.received(/\/HTTP[\s\S]*\/$/)
    else {
      expect(await client.closed).toBe('end')
      expect(client.text().match(/HTTP/g)).toHaveLength(1)
    }
    expect(client.text()).toContain(isKept ? 'Connection: keep-alive\r\n' : 'Connection: close\r\n')
  })

  it('are told apart however a head is split at the limit of its size', async () => {
    const limit = 100
    for (let size = limit - 4; size <= limit + 8; size++) {
      const bytes = GET.replace('Host: x', `Host: ${'x'.repeat(1 + size - GET.length)}`)
      const outcomes = new Set<string>()
      for (let cut = size - 12; cut <= size; cut++) {
        const { server } = createHttp1Server({
          sockets: nodeSockets,
          refuse: () => REFUSED,
          limits: { ...LIMITS, maxHeaderSize: limit },
          admits: () => true,
          serve: respondTo,
        })
        const wire = createWire()
        server.emit('connection', wire.socket)
        wire.send(bytes.slice(0, cut))
        await turns(2)
        if (cut < size) wire.send(bytes.slice(cut))
        await turns(2)
        outcomes.add(wire.written().slice(0, 12))
        wire.socket.destroy()
      }
      expect([size, ...outcomes]).toEqual([size, size <= limit + 4 ? 'HTTP/1.1 200' : 'HTTP/1.1 431'])
    }
  })
})

describe('100 Continue', () => {
  const REQUEST = head('POST / HTTP/1.1', 'Expect: 100-continue', 'Content-Length: 2')

  it('is sent when the body is asked for, and not before', async () => {
    const { port, next } = await startQueue()
    const client = connectTo(port)
    client.send(REQUEST)
    const exchange = await next()
    await turns(20)
    expect(client.text()).toBe('')
    const { told, sink } = watch(exchange)
    exchange.read(sink)
    await client.received(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    client.send('ab')
    await vi.waitUntil(() => told.length === 2, eventually)
    respondTo(exchange)
    await client.received(/\r\n\r\nHTTP\/1\.1 200 /)
  })

  it.each([
    ['where the body is not wanted', REQUEST, false],
    ['where the body is there', `${REQUEST}ab`, true],
    ['to HTTP/1.0', REQUEST.replace('/1.1', '/1.0'), true],
  ])('is not sent %s', async (_what, request, reads) => {
    const { port, next } = await startQueue()
    const client = connectTo(port)
    client.send(request)
    const exchange = await next()
    if (reads) exchange.read(watch(exchange).sink)
    respondTo(exchange)
    await client.received(/^HTTP\/1\.1 200 [\s\S]*\/$/)
  })
})

describe('a response', () => {
  const KEPT = 'Date: #\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\n\r\n'
  const KEPT_CHUNKS = KEPT.replace('Conn', 'Transfer-Encoding: chunked\r\nConn')
  const CLOSED = 'Date: #\r\nConnection: close\r\n\r\n'
  const TEN = ['content-length', '10']
  const LARGE = 'x'.repeat(20_000)
  const HTTP_1_0 = 'GET / HTTP/1.0'

  it.each<[string, string, [status: number, fields: string[], ...pieces: string[]], string]>([
    [
      'with a length',
      '',
      [200, TEN, 'a'.repeat(4), 'b'.repeat(6)],
      `content-length: 10\r\n${KEPT}aaaabbbbbb`,
    ],
    [
      'in chunks',
      '',
      [200, ['x', 'y'], 'abc', '', 'd'.repeat(17)],
      `x: y\r\n${KEPT_CHUNKS}3\r\nabc\r\n11\r\n${'d'.repeat(17)}\r\n0\r\n\r\n`,
    ],
    ['in chunks of which there is none', '', [200, []], `${KEPT_CHUNKS}0\r\n\r\n`],
    ['in large chunks', '', [200, [], LARGE, 'a'], `${KEPT_CHUNKS}4e20\r\n${LARGE}\r\n1\r\na\r\n0\r\n\r\n`],
    [
      'in large pieces',
      '',
      [200, ['Content-Length', '20001'], LARGE, 'a'],
      `Content-Length: 20001\r\n${KEPT}${LARGE}a`,
    ],
    ['that ends with the connection, in HTTP/1.0', HTTP_1_0, [200, [], 'abc', 'd'], `${CLOSED}abcd`],
    [
      'with a length, in HTTP/1.0',
      HTTP_1_0,
      [200, TEN, '0123456789'],
      `content-length: 10\r\n${CLOSED}0123456789`,
    ],
    ['to HEAD', 'HEAD / HTTP/1.1', [200, TEN, '0123456789'], `content-length: 10\r\n${KEPT}`],
    ['to HEAD without a length', 'HEAD / HTTP/1.1', [200, [], '0123456789'], KEPT],
    ['204', '', [204, []], KEPT],
    ['304', '', [304, ['etag', '"x"']], `etag: "x"\r\n${KEPT}`],
    [
      'with a date',
      '',
      [200, ['DATE', 'today', 'content-length', '0']],
      `DATE: today\r\ncontent-length: 0\r\n${KEPT.replace('Date: #\r\n', '')}`,
    ],
    [
      'with high bytes in a header',
      '',
      [200, ['x', '\xe9', 'content-length', '0']],
      `x: \xe9\r\ncontent-length: 0\r\n${KEPT}`,
    ],
  ])('%s is framed so that its end is known', async (_what, line, [status, fields, ...pieces], expected) => {
    const { port } = await startServer((exchange) => {
      exchange.response.begin(status, fields)
      for (const piece of pieces) exchange.response.write(Buffer.from(piece, 'latin1'))
      exchange.response.end()
    })
    const client = connectTo(port)
    client.send(head(line || 'GET / HTTP/1.1') + head('GET / HTTP/1.1', 'Connection: close'))
    expect(await client.closed).toBe('end')
    const [first] = client.text().split(/(?<!^)(?=HTTP\/1\.1 )/)
    const text = first!
      .replace(/^HTTP\/1\.1 (\d+) [\w ]+\r\n/, '$1\r\n')
      .replace(/Date: [^\r]* GMT/, 'Date: #')
    expect(text).toBe(`${status}\r\n${expected}`)
    expect(client.text().match(/HTTP\/1\.1 /g)).toHaveLength(expected.includes('close') ? 1 : 2)
  })

  it.each([
    ['text', 'é€', 'content-length: 5\r\n', '\xc3\xa9\xe2\x82\xac'],
    ['bytes', new Uint8Array([9, 255, 0]).subarray(1), 'content-length: 2\r\n', '\xff\0'],
    ['nothing', '', 'content-length: 0\r\n', ''],
  ])('of its own is sent whole: %s', async (_what, body, length, sent) => {
    const { port } = await startServer((exchange) => exchange.response.send(403, ['a', 'b'], body, true))
    const client = connectTo(port)
    client.send(GET)
    expect(await client.closed).toBe('end')
    expect(client.text()).toMatch(/^HTTP\/1\.1 403 Forbidden\r\na: b\r\n/)
    expect(client.text()).toContain(length)
    expect(client.text().split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe(sent)
  })

  it('that is cut off is not ended', async () => {
    const { port } = await startServer((exchange) => {
      exchange.response.begin(200, [])
      exchange.response.write(Buffer.from('abc'))
      setTimeout(() => exchange.response.cut(), 10)
    })
    const client = connectTo(port)
    client.send(GET)
    await client.closed
    expect(client.text()).toMatch(/\r\n\r\n3\r\nabc\r\n$/)
  })
})

describe('a client that leaves', () => {
  it.each<[string, string, (exchange: Exchange, sink: Parameters<Exchange['read']>[0]) => void, string[]]>([
    ['before the response', GET, () => {}, ['gone', 'over']],
    [
      'within its body',
      `${head('POST / HTTP/1.1', 'Content-Length: 3')}ab`,
      (exchange, sink) => exchange.read(sink),
      ['ab', 'aborted', 'gone', 'over'],
    ],
    [
      'within a chunk',
      `${head('POST / HTTP/1.1', 'Transfer-Encoding: chunked')}3\r\nab`,
      (exchange, sink) => exchange.read(sink),
      ['ab', 'aborted', 'gone', 'over'],
    ],
    [
      'within a body that nobody reads',
      `${head('POST / HTTP/1.1', 'Content-Length: 3')}ab`,
      () => {},
      ['gone', 'over'],
    ],
    [
      'within the response',
      GET,
      (exchange) => {
        exchange.response.begin(200, [])
        exchange.response.write(Buffer.from('a'))
      },
      ['gone', 'over'],
    ],
    [
      'within a response that it does not read',
      GET,
      (exchange) => {
        exchange.response.begin(200, [])
        exchange.response.write(Buffer.alloc(20_000_000))
        exchange.response.end()
      },
      ['over'],
    ],
    ['after the response', GET, respondTo, ['over']],
  ])('%s is noticed once, and may be answered all the same', async (_what, request, act, expected) => {
    const { port, next, countConnections } = await startQueue()
    const client = connectTo(port)
    client.socket.pause()
    client.send(request)
    const exchange = await next()
    const { told, sink } = watch(exchange)
    act(exchange, sink)
    await turns(20)
    client.socket.resetAndDestroy()
    await vi.waitUntil(async () => (await countConnections()) === 0, eventually)
    await turns(5)
    expect(told.filter((event) => event !== 'gone')).toEqual(expected.filter((event) => event !== 'gone'))
    if (expected.includes('gone')) expect(told).toEqual(expected)
    expect(exchange.isOver).toBe(true)
    if (!exchange.response.isBegun) exchange.response.begin(200, [])
    expect(exchange.response.write(Buffer.from('late'))).toBe(true)
    exchange.response.end()
    exchange.response.cut()
    await turns(5)
    expect(told.filter((event) => event === 'over')).toHaveLength(1)
  })

  it('before its body was asked for has a body that does not come', async () => {
    const { port, next } = await startQueue()
    const client = connectTo(port)
    client.send(head('POST / HTTP/1.1', 'Content-Length: 3'))
    const exchange = await next()
    client.socket.resetAndDestroy()
    await vi.waitUntil(() => exchange.isOver, eventually)
    const { told, sink } = watch(exchange)
    exchange.read(sink)
    expect(told).toEqual(['aborted'])
  })
})

describe('a client that does not read', () => {
  it('is waited for, with the next piece and with the end', async () => {
    const { port, next } = await startQueue()
    const client = connectTo(port)
    client.socket.pause()
    client.send(GET)
    const exchange = await next()
    const { told } = watch(exchange)
    exchange.response.begin(200, [])
    let pieces = 1
    while (exchange.response.write(Buffer.alloc(100_000))) pieces++
    exchange.response.write(Buffer.alloc(20_000_000))
    await turns(20)
    expect(told).toEqual([])
    client.socket.resume()
    await vi.waitUntil(() => told.length > 0, eventually)
    expect(told).toEqual(['drain'])
    client.socket.pause()
    exchange.response.write(Buffer.alloc(20_000_000))
    exchange.response.end()
    await turns(20)
    expect(exchange.isOver).toBe(false)
    client.socket.resume()
    await vi.waitUntil(() => exchange.isOver, eventually)
    expect(told).toEqual(['drain', 'drain', 'over'])
    await vi.waitUntil(() => client.socket.bytesRead > 40_000_000 + pieces * 100_000, eventually)
    expect(client.text()).toMatch(/\r\n0\r\n\r\n$/)
  })
})

describe('a body that is not read', () => {
  const POST = head('POST / HTTP/1.1', 'Content-Length: 300000')

  it('ends the connection, and the client gets its answer though it still sends', async () => {
    const { port, next } = await startQueue()
    const client = connectTo(port)
    client.socket.pause()
    client.send(`${POST}${GET}`)
    const exchange = await next()
    respondTo(exchange)
    expect(exchange.isOver).toBe(true)
    for (let left = 10; left > 0; left--) {
      client.send(GET.repeat(300))
      await turns(3)
    }
    client.socket.resume()
    expect(await client.closed).toBe('end')
    expect(client.text()).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: close\r\n\r\n\/$/)
  })

  it('that has come already is passed over', async () => {
    const { port } = await startServer(respondTo)
    const client = connectTo(port)
    client.send(
      `${head('POST /1 HTTP/1.1', `Content-Length: ${GET.length}`)}${GET}${head('GET /2 HTTP/1.1')}`,
    )
    await client.received(/\/1HTTP[\s\S]*\/2$/)
    expect(client.text()).not.toContain('close')
  })

  it('to the end ends the connection, too, where the rest is left', async () => {
    const { port } = await startServer((exchange) => {
      exchange.read({
        data: () => {
          exchange.stopReading()
          respondTo(exchange)
        },
        end: () => {},
        aborted: () => {},
      })
    })
    const client = connectTo(port)
    client.send(`${POST}${GET}`)
    expect(await client.closed).toBe('end')
    expect(client.text().match(/HTTP/g)).toHaveLength(1)
  })

  it('is not taken without end', async () => {
    holdTime()
    const { port } = await startServer(respondTo)
    const client = connectTo(port)
    client.send(head('POST / HTTP/1.1', 'Transfer-Encoding: chunked'))
    await client.received('HTTP/1.1 200 ')
    for (let left = 6; left > 0; left--) client.send(`7a1200\r\n${'x'.repeat(8_000_000)}\r\n`)
    expect(await client.closed).toMatch(/^(?:ECONNRESET|EPIPE)$/)
    expect(client.text()).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('is waited for only for a while', async () => {
    holdTime()
    const { port, countConnections } = await startServer(respondTo)
    const client = connectTo(port)
    client.send(POST)
    await client.received('HTTP/1.1 200 ')
    vi.advanceTimersByTime(1_500)
    await turns(20)
    expect(await countConnections()).toBe(1)
    vi.advanceTimersByTime(1_500)
    await until(async () => (await countConnections()) === 0)
  })
})

it('a chunked body that is none is refused, and the rest of it not kept', async () => {
  holdTime()
  const { port, next, countConnections } = await startQueue()
  const client = connectTo(port)
  client.send(`${head('POST / HTTP/1.1', 'Transfer-Encoding: chunked')}x\r\n`)
  const exchange = await next()
  client.send('y'.repeat(300_000))
  await turns(20)
  const { told, sink } = watch(exchange)
  exchange.read(sink)
  expect(told).toEqual(['aborted', 'gone', 'over'])
  expect(await client.closed).toBe('end')
  expect(client.text()).toMatch(/^HTTP\/1\.1 400 [\s\S]*Connection: close\r\n\r\n\{/)
  await until(async () => (await countConnections()) === 0)
})

describe('time', () => {
  it.each<[string, string, RegExp, number]>([
    ['no request', '', /^$/, 10],
    ['half of a head', GET.slice(0, -2), /^HTTP\/1\.1 408 [\s\S]*Connection: close\r\n/, 10],
    ['half of a body', `${head('POST / HTTP/1.1', 'Content-Length: 3')}ab`, /^HTTP\/1\.1 408 /, 20],
    [
      'half of a chunk',
      `${head('POST / HTTP/1.1', 'Transfer-Encoding: chunked')}3\r\nab`,
      /^HTTP\/1\.1 408 /,
      20,
    ],
    ['nothing behind a response', head('HEAD / HTTP/1.1'), /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/, 30],
    [
      'half of a head behind a response',
      `${head('HEAD / HTTP/1.1')}${GET.slice(0, -2)}`,
      /\r\n\r\nHTTP\/1\.1 408 /,
      10,
    ],
    ['no response', head('GET /slow HTTP/1.1'), /^$/, 40],
  ])('is up with %s', async (_what, bytes, expected, seconds) => {
    holdTime()
    let told: string[] = []
    const { port, countConnections } = await startServer(
      (exchange) => {
        const watched = watch(exchange)
        told = watched.told
        if (exchange.hasBody) exchange.read(watched.sink)
        else if (exchange.target !== '/slow') respondTo(exchange)
      },
      { headTimeout: 10_000, bodyTimeout: 20_000, keepAliveTimeout: 30_000, requestTimeout: 40_000 },
    )
    const client = connectTo(port)
    client.send(bytes)
    await until(async () => (await countConnections()) === 1)
    await turns(20)
    vi.advanceTimersByTime(seconds * 1000 - 600)
    await turns(20)
    expect(client.socket.readableEnded || client.socket.destroyed).toBe(false)
    vi.advanceTimersByTime(1_200)
    await client.closed
    expect(client.text()).toMatch(expected)
    await turns(5)
    if (told[0] === 'ab') expect(told).toEqual(['ab', 'aborted', 'gone', 'over'])
    if (bytes.includes('slow')) expect(told).toEqual(['late', 'gone', 'over'])
  })

  it('begins again with each request', async () => {
    holdTime()
    const { port } = await startServer(respondTo, { headTimeout: 10_000, keepAliveTimeout: 10_000 })
    const client = connectTo(port)
    for (let nth = 1; nth <= 5; nth++) {
      client.send(head(`GET /${nth} HTTP/1.1`))
      await until(() => client.text().endsWith(`/${nth}`))
      vi.advanceTimersByTime(8_000)
    }
    expect(client.socket.readableEnded).toBe(false)
  })

  it('of a connection is that of the limits that are in force', async () => {
    holdTime()
    const { port, configure, countConnections } = await startServer(respondTo)
    configure({ ...LIMITS, headTimeout: 1_000 })
    const client = connectTo(port)
    await until(async () => (await countConnections()) === 1)
    vi.advanceTimersByTime(1_600)
    expect(await client.closed).toBe('end')
  })
})

describe('the end', () => {
  it('of a listener that retires: no connection more, and the last response on each that there is', async () => {
    const { port, next, retire, countConnections } = await startQueue()
    const [idle, running] = [connectTo(port), connectTo(port)]
    running.send(GET)
    const exchange = await next()
    await vi.waitUntil(async () => (await countConnections()) === 2, eventually)
    retire()
    await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED')
    respondTo(exchange)
    idle.send(GET)
    respondTo(await next())
    for (const { closed, text } of [idle, running]) {
      expect(await closed).toBe('end')
      expect(text()).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: close\r\n\r\n\/$/)
    }
  })

  it('comes when all is done that is under way, and at once for who does nothing', async () => {
    const { port, next, close } = await startQueue()
    const [idle, running, begun] = [connectTo(port), connectTo(port), connectTo(port)]
    running.send(GET)
    const last = await next()
    begun.send(GET)
    const first = await next()
    first.response.begin(200, ['content-length', '2'])
    first.response.write(Buffer.from('a'))
    await begun.received(/a$/)
    let isClosed = false
    const closing = close(60_000).then(() => {
      isClosed = true
    })
    expect(await idle.closed).toBe('end')
    first.response.write(Buffer.from('b'))
    first.response.end()
    expect(await begun.closed).toBe('end')
    expect(begun.text()).toMatch(/\r\n\r\nab$/)
    expect(isClosed).toBe(false)
    respondTo(last)
    expect(await running.closed).toBe('end')
    await closing
  })

  it('comes after a time in any case', async () => {
    const { port, next, close } = await startQueue()
    const client = connectTo(port)
    client.send(GET)
    const { told } = watch(await next())
    await close(10)
    expect(told).toEqual(['gone', 'over'])
    await client.closed
    expect(client.text()).toBe('')
  })
})

it('a connection too many is closed, and one that is not to be served', async () => {
  const admitted: boolean[] = [true, false, true]
  const { server, close } = createHttp1Server({
    sockets: nodeSockets,
    refuse: () => REFUSED,
    limits: { ...LIMITS, maxConnections: 2 },
    admits: () => admitted.shift()!,
    serve: respondTo,
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => close(0))
  const { port } = server.address() as AddressInfo
  const outcomes: string[] = []
  for (let nth = 0; nth < 4; nth++) {
    const client = connectTo(port)
    client.send(GET)
    outcomes.push(
      await Promise.race([client.received(/200/).then(() => 'served'), client.closed.then(() => 'closed')]),
    )
  }
  expect(outcomes).toEqual(['served', 'closed', 'served', 'closed'])
  expect(admitted).toEqual([])
})
