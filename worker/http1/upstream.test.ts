// Connections to nodeos against a server whose every byte the test sends itself.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { nodeSockets } from './sockets.ts'
import { createUpstream, type Upstream, type UpstreamCall, type UpstreamJob } from './upstream.ts'

const eventually = { timeout: 10_000, interval: 10 }

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** What comes of a request: `head 200`, `data` with all of it that came in a row, and `end` or the error. */
interface Asked {
  call: UpstreamCall
  events: string[]
  /** Resolves with the events when one says that it is over. */
  over: Promise<string[]>
}

type Answer = (request: { socket: Socket; text: string; nth: number; connection: number }) => void

interface Nodeos {
  port: number
  /** Requests that came, over all connections. */
  requests: string[]
  connections: Socket[]
}

/** Takes whole requests, numbered from 0 over all connections, and answers each as the test says. */
async function startNodeos(answer: Answer): Promise<Nodeos> {
  const nodeos: Nodeos = { port: 0, requests: [], connections: [] }
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = nodeos.connections.push(socket) - 1
    let input = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      input += chunk.toString('latin1')
      const [head, length] = /^[\s\S]*?\r\n\r\n/.exec(input) ?? []
      if (head === undefined) return
      const size = head.length + Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
      if (length !== undefined || input.length < size) return
      const text = input.slice(0, size)
      input = input.slice(size)
      answer({ socket, text, nth: nodeos.requests.push(text) - 1, connection })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of nodeos.connections) socket.destroy()
    server.close()
  })
  nodeos.port = (server.address() as AddressInfo).port
  return nodeos
}

function upstreamTo(port: number, connections = 4, host = '127.0.0.1'): Upstream {
  const upstream = createUpstream({
    sockets: nodeSockets,
    origin: `http://${host}:${port}`,
    connections,
    connectTimeout: 5_000,
  })
  onTestFinished(async () => {
    upstream.destroy()
    await upstream.close()
  })
  return upstream
}

async function startBoth(answer: Answer, connections?: number, host?: string) {
  const nodeos = await startNodeos(answer)
  return { nodeos, upstream: upstreamTo(nodeos.port, connections, host) }
}

type Options = Partial<Omit<UpstreamJob, 'listener'>> & {
  /** Called on every piece of the body; false: no more until `resume`. */
  onData?: (asked: Asked) => boolean
  onHead?: (asked: Asked) => void
}

function ask(upstream: Upstream, { onData, onHead, ...job }: Options = {}): Asked {
  const { promise, resolve } = Promise.withResolvers<string[]>()
  const events: string[] = []
  const asked: Partial<Asked> & { events: string[] } = { events, over: promise }
  const end = (event: string) => {
    events.push(event)
    resolve(events)
  }
  asked.call = upstream.send({
    method: 'GET',
    target: '/v1/chain/get_info',
    headers: [],
    body: null,
    headTimeout: 60_000,
    bodyTimeout: 60_000,
    mayRetry: false,
    ...job,
    listener: {
      onHead: (status) => {
        events.push(`head ${status}`)
        onHead?.(asked as Asked)
      },
      onData: (chunk) => {
        events[1] = (events[1] ?? 'data ') + chunk.toString('latin1')
        return onData?.(asked as Asked) ?? true
      },
      onEnd: () => end('end'),
      onError: end,
    },
  })
  return asked as Asked
}

describe('a request', () => {
  it.each<[string, Options, string]>([
    ['without body', {}, 'GET /v1/chain/get_info HTTP/1.1\r\nhost: #\r\n\r\n'],
    [
      'with a body in text',
      { method: 'POST', target: '/a?b', headers: ['x', 'y'], body: 'é' },
      'POST /a?b HTTP/1.1\r\nhost: #\r\nx: y\r\ncontent-length: 2\r\n\r\n\xc3\xa9',
    ],
    [
      'with a body in bytes',
      { method: 'POST', body: new Uint8Array([255, 0, 1]).subarray(1) },
      'POST /v1/chain/get_info HTTP/1.1\r\nhost: #\r\ncontent-length: 2\r\n\r\n\0\x01',
    ],
    [
      'with none where there might be one',
      { method: 'POST' },
      'POST /v1/chain/get_info HTTP/1.1\r\nhost: #\r\ncontent-length: 0\r\n\r\n',
    ],
    [
      'with a body that is not copied',
      { method: 'PUT', body: Buffer.alloc(20_000, 'x') },
      `PUT /v1/chain/get_info HTTP/1.1\r\nhost: #\r\ncontent-length: 20000\r\n\r\n${'x'.repeat(20_000)}`,
    ],
  ])('goes out %s', async (_what, options, sent) => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK))
    expect(await ask(upstream, options).over).toEqual(['head 200', 'data ok', 'end'])
    expect(nodeos.requests).toEqual([sent.replace('#', `127.0.0.1:${nodeos.port}`)])
  })
})

describe('an answer', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nA: b\r\n'
  const CHUNKS = '2\r\n\r\n\r\n3;a=b\r\n0\r\n\r\n0\r\nTrailer: x\r\n\r\n'

  it.each<[string, string, string[], Options, boolean]>([
    [
      'with a length',
      `${HEAD}Content-Length: 4\r\n\r\n\r\n\r\n`,
      ['head 200', 'data \r\n\r\n', 'end'],
      {},
      true,
    ],
    ['with nothing', `${HEAD}Content-Length: 0\r\n\r\n`, ['head 200', 'end'], {}, true],
    [
      'in chunks',
      `${HEAD}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
      ['head 200', 'data \r\n0\r\n', 'end'],
      {},
      true,
    ],
    [
      'that is over with the connection',
      `${HEAD}\r\n0\r\n\r\n`,
      ['head 200', 'data 0\r\n\r\n', 'end'],
      {},
      false,
    ],
    ['of HTTP/1.0', 'HTTP/1.0 500 \r\nContent-Length: 1\r\n\r\nx', ['head 500', 'data x', 'end'], {}, false],
    ['to HEAD', `${HEAD}Content-Length: 4\r\n\r\n`, ['head 200', 'end'], { method: 'HEAD' }, true],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', ['head 204', 'end'], {}, true],
    ['304', 'HTTP/1.1 304 x\r\nContent-Length: 4\r\n\r\n', ['head 304', 'end'], {}, true],
    [
      'behind 100 and 103',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 9\r\n\r\n${OK}`,
      ['head 200', 'data ok', 'end'],
      {},
      true,
    ],
    [
      'that closes',
      `${HEAD}Connection: close\r\nContent-Length: 1\r\n\r\nx`,
      ['head 200', 'data x', 'end'],
      {},
      false,
    ],
  ])('%s is read, wherever it is cut', async (_what, answer, events, options, isKept) => {
    let cut = 0
    const { nodeos, upstream } = await startBoth(async ({ socket }) => {
      socket.write(answer.slice(0, cut), 'latin1')
      await setImmediate()
      await setImmediate()
      if (isKept) socket.write(answer.slice(cut), 'latin1')
      else socket.end(answer.slice(cut), 'latin1')
    })
    for (; cut < answer.length; cut++) expect(await ask(upstream, options).over).toEqual(events)
    expect(nodeos.connections).toHaveLength(isKept ? 1 : answer.length)
  })

  it.each([
    ['no HTTP', 'x\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['two lengths', `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`],
    ['a length and chunks', `${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}`],
    ['no head behind 100', 'HTTP/1.1 100 Continue\r\n\r\nx\r\n\r\n'],
  ])('of %s is an error', async (_what, answer) => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(answer))
    expect(await ask(upstream).over).toEqual(['closed'])
    await vi.waitUntil(() => nodeos.connections[0]!.destroyed, eventually)
  })

  it.each([
    ['a bad chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nokx\r\n`, false],
    ['half of a body', `${HEAD}Content-Length: 4\r\n\r\nok`, true],
    ['chunks without the last one', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`, true],
    ['chunks without the last line', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n`, true],
  ])('that breaks off is an error and not an end: %s', async (_what, answer, ends) => {
    const { upstream } = await startBoth(({ socket }) => (ends ? socket.end(answer) : socket.write(answer)))
    expect(await ask(upstream, { mayRetry: true }).over).toEqual(['head 200', 'data ok', 'closed'])
  })

  it('that is over with the connection is no whole one where that is reset', async () => {
    const { upstream, nodeos } = await startBoth(({ socket }) => socket.write(`${HEAD}\r\nok`))
    const asked = ask(upstream)
    await vi.waitUntil(() => asked.events.length === 2, eventually)
    nodeos.connections[0]!.resetAndDestroy()
    expect(await asked.over).toEqual(['head 200', 'data ok', 'closed'])
  })

  it.each(['x', OK])('leaves no connection to be used with %j behind it', async (behind) => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK + behind))
    for (let nth = 1; nth <= 3; nth++) {
      expect(await ask(upstream).over).toEqual(['head 200', 'data ok', 'end'])
      expect(nodeos.connections).toHaveLength(nth)
    }
  })

  it('that nobody asked for closes the connection', async () => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK))
    await ask(upstream).over
    nodeos.connections[0]!.write(OK)
    await vi.waitUntil(() => nodeos.connections[0]!.destroyed, eventually)
    expect(await ask(upstream).over).toEqual(['head 200', 'data ok', 'end'])
    expect(nodeos.connections).toHaveLength(2)
  })

  it('before the whole request was sent is read, and the connection not used again', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.pause()
        socket.write(OK)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const upstream = upstreamTo((server.address() as AddressInfo).port)
    const body = Buffer.alloc(20_000_000)
    expect(await ask(upstream, { method: 'POST', body }).over).toEqual(['head 200', 'data ok', 'end'])
    expect(await ask(upstream).over).toEqual(['head 200', 'data ok', 'end'])
  })
})

describe('a connection that is closed', () => {
  /** The first request is answered, and its connection and all others closed with the next one. */
  const closesAll: Answer = ({ socket, nth }) => (nth === 0 ? socket.write(OK) : socket.destroy())
  const closesKept: Answer = ({ socket, nth }) => (nth === 1 ? socket.destroy() : socket.write(OK))

  it.each<[string, Answer, boolean, string[], number]>([
    ['is tried once more', closesKept, true, ['head 200', 'data ok', 'end'], 3],
    ['is tried only once more', closesAll, true, ['closed'], 3],
    ['is not tried again where that could do harm', closesKept, false, ['closed'], 2],
    [
      'is not tried again where an answer had begun',
      ({ socket, nth }) => (nth === 1 ? socket.end('HTTP') : socket.write(OK)),
      true,
      ['closed'],
      2,
    ],
  ])('just as it was used again %s', async (_what, answer, mayRetry, events, requests) => {
    const { nodeos, upstream } = await startBoth(answer)
    await ask(upstream).over
    expect(await ask(upstream, { mayRetry }).over).toEqual(events)
    expect(nodeos.requests).toHaveLength(requests)
  })

  it('on its first request is not tried again', async () => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.destroy())
    expect(await ask(upstream, { mayRetry: true }).over).toEqual(['closed'])
    expect(nodeos.requests).toHaveLength(1)
  })

  it('while nobody used it is not used', async () => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK))
    await ask(upstream).over
    nodeos.connections[0]!.end()
    await vi.waitUntil(() => nodeos.connections[0]!.destroyed, eventually)
    expect(await ask(upstream).over).toEqual(['head 200', 'data ok', 'end'])
  })

  it('leaves room for no more than one other', async () => {
    const answers: (() => void)[] = []
    const { nodeos, upstream } = await startBoth(({ socket, nth }) => {
      if (nth === 1) socket.destroy()
      else answers.push(() => socket.write(OK))
      if (nth === 0) answers.pop()!()
    }, 1)
    await ask(upstream).over
    const asked = [1, 2, 3].map(() => ask(upstream, { mayRetry: true }))
    for (let served = 0; served < 3; served++) {
      await vi.waitUntil(() => answers.length > 0, eventually)
      // Whoever else could be served now would be.
      for (let turn = 0; turn < 20; turn++) await setImmediate()
      expect(nodeos.connections.filter((socket) => !socket.destroyed)).toHaveLength(1)
      answers.pop()!()
    }
    for (const { over } of asked) expect(await over).toEqual(['head 200', 'data ok', 'end'])
  })

  it('because its host has a name, which may lead elsewhere by now', async () => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK), 4, 'localhost')
    await ask(upstream).over
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 29_000 })
    onTestFinished(() => void vi.useRealTimers())
    await ask(upstream).over
    expect(nodeos.connections).toHaveLength(1)
    vi.setSystemTime(Date.now() + 2_000)
    for (let asked = 0; asked < 3; asked++) await ask(upstream).over
    expect(nodeos.connections).toHaveLength(2)
  })

  it('because nobody listens is an error, and so for all that wait', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const free = (server.address() as AddressInfo).port
    server.close()
    await once(server, 'close')
    const upstream = upstreamTo(free, 1)
    for (const { over } of [ask(upstream, { mayRetry: true }), ask(upstream), ask(upstream)])
      expect(await over).toEqual(['unconnected'])
  })
})

describe('more requests than connections', () => {
  it('wait, and are served in their order', async () => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK), 2)
    const targets = Array.from({ length: 20 }, (_, nth) => `/${nth}`)
    const asked = targets.map((target) => ask(upstream, { target }))
    for (const { over } of asked) expect(await over).toEqual(['head 200', 'data ok', 'end'])
    expect(nodeos.connections).toHaveLength(2)
    const order = nodeos.requests.map((text) => Number(/\/(\d+)/.exec(text)![1]))
    expect(order.toSorted((a, b) => a - b)).toEqual([...targets.keys()])
    // Two connections may overtake each other by one.
    for (const [at, nth] of order.entries()) expect(Math.abs(nth - at)).toBeLessThan(2)
  })

  it('wait for connections that are not kept as well', async () => {
    const { nodeos, upstream } = await startBoth(({ socket, nth }) => {
      if (nth % 2) socket.destroy()
      else socket.end('HTTP/1.1 200 OK\r\n\r\nok')
    }, 1)
    const asked = Array.from({ length: 6 }, () => ask(upstream))
    const outcomes = await Promise.all(asked.map(({ over }) => over))
    expect(outcomes.map((events) => events.at(-1))).toEqual([
      'end',
      'closed',
      'end',
      'closed',
      'end',
      'closed',
    ])
    expect(nodeos.connections).toHaveLength(6)
  })
})

describe('a call that is aborted', () => {
  const silent: Answer = () => {}

  it('while it waits is forgotten', async () => {
    const answers: (() => void)[] = []
    const { nodeos, upstream } = await startBoth(({ socket }) => answers.push(() => socket.write(OK)), 1)
    const [first, second, third] = ['/1', '/2', '/3'].map((target) => ask(upstream, { target }))
    second!.call.abort()
    second!.call.abort()
    expect(second!.events).toEqual(['aborted'])
    for (const { over } of [first!, third!]) {
      await vi.waitUntil(() => answers.length > 0, eventually)
      answers.pop()!()
      expect(await over).toEqual(['head 200', 'data ok', 'end'])
    }
    expect(nodeos.requests).toHaveLength(2)
  })

  it('while it connects, or is under way, closes its connection', async () => {
    const { nodeos, upstream } = await startBoth(silent, 1)
    const connecting = ask(upstream)
    connecting.call.abort()
    expect(connecting.events).toEqual(['aborted'])
    const running = ask(upstream, { mayRetry: true })
    await vi.waitUntil(() => nodeos.requests.length === 1, eventually)
    running.call.abort()
    expect(running.events).toEqual(['aborted'])
    await vi.waitUntil(() => nodeos.connections.every(({ destroyed }) => destroyed), eventually)
    await upstream.close()
    expect(nodeos.requests).toHaveLength(1)
  })

  it('after its end is only that', async () => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK))
    const asked = ask(upstream)
    await asked.over
    asked.call.abort()
    asked.call.resume()
    expect(asked.events).toEqual(['head 200', 'data ok', 'end'])
    await ask(upstream).over
    expect(nodeos.connections).toHaveLength(1)
  })

  it.each<[string, Options, string[]]>([
    ['its head', { onHead: ({ call }) => call.abort() }, ['head 200', 'aborted']],
    [
      'the last of its body',
      {
        onData: ({ call }) => {
          call.abort()
          return true
        },
      },
      ['head 200', 'data ok', 'aborted'],
    ],
  ])('from within %s has no end besides, and its connection is not used', async (_what, options, events) => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK), 1)
    const asked = ask(upstream, options)
    const next = ask(upstream)
    expect(await next.over).toEqual(['head 200', 'data ok', 'end'])
    expect(asked.events).toEqual(events)
    expect(nodeos.connections).toHaveLength(2)
  })
})

describe('time', () => {
  /** Time stands still but for what the test says. */
  const holdTime = () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] })
    onTestFinished(() => void vi.useRealTimers())
  }
  const until = async (holds: () => boolean) => {
    while (!holds()) await setImmediate()
  }

  it.each<[string, string, string[]]>([
    ['no head', '', ['late']],
    ['half of a head', 'HTTP/1.1 200 OK\r\n', ['late']],
    ['100 and no more', 'HTTP/1.1 100 Continue\r\n\r\n', ['late']],
    ['half of a body', OK.slice(0, -1), ['head 200', 'data o', 'late']],
    ['no body', OK.slice(0, -2), ['head 200', 'late']],
  ])('is up with %s, and the connection closed', async (_what, answer, events) => {
    holdTime()
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(answer))
    const limits = events.length > 1 ? { bodyTimeout: 10_000 } : { headTimeout: 10_000 }
    const asked = ask(upstream, { ...limits, mayRetry: true })
    await until(() => nodeos.requests.length === 1 && asked.events.length === events.length - 1)
    vi.advanceTimersByTime(9_400)
    expect(asked.events).toEqual(events.slice(0, -1))
    vi.advanceTimersByTime(1_200)
    expect(asked.events).toEqual(events)
    await until(() => nodeos.connections[0]!.destroyed)
  })

  it('for the body begins again with every piece', async () => {
    holdTime()
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK.slice(0, -2)))
    const asked = ask(upstream, { bodyTimeout: 10_000 })
    await until(() => asked.events.length === 1)
    vi.advanceTimersByTime(8_000)
    nodeos.connections[0]!.write('o')
    await until(() => asked.events.length === 2)
    vi.advanceTimersByTime(8_000)
    nodeos.connections[0]!.write('k')
    expect(await asked.over).toEqual(['head 200', 'data ok', 'end'])
  })

  it('to wait for a connection counts, and is up for all at once', async () => {
    holdTime()
    const { upstream } = await startBoth(() => {}, 1)
    const asked = Array.from({ length: 8 }, () => ask(upstream, { headTimeout: 10_000 }))
    vi.advanceTimersByTime(10_500)
    expect(asked.slice(1).map(({ events }) => events)).toEqual(Array(7).fill(['late']))
  })

  it('does not pass while nobody takes the body', async () => {
    holdTime()
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK.slice(0, -1)))
    const asked = ask(upstream, { bodyTimeout: 10_000, onData: () => false })
    await until(() => asked.events.length === 2)
    vi.advanceTimersByTime(600_000)
    nodeos.connections[0]!.write('k')
    expect(asked.events).toEqual(['head 200', 'data o'])
    asked.call.resume()
    expect(await asked.over).toEqual(['head 200', 'data ok', 'end'])
  })

  it('closes a connection that is idle for some seconds', async () => {
    holdTime()
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK))
    await ask(upstream).over
    vi.advanceTimersByTime(3_500)
    await ask(upstream).over
    expect(nodeos.connections).toHaveLength(1)
    vi.advanceTimersByTime(4_600)
    await until(() => nodeos.connections[0]!.destroyed)
    await ask(upstream).over
    expect(nodeos.connections).toHaveLength(2)
  })
})

describe('a body that is not taken', () => {
  it.each([
    ['with a length', `Content-Length: 4000000\r\n\r\n${'x'.repeat(4_000_000)}`],
    ['in chunks', `Transfer-Encoding: chunked\r\n\r\n${`3d0900\r\n${'x'.repeat(4_000_000)}\r\n`}0\r\n\r\n`],
    ['that is over with the connection', `\r\n${'x'.repeat(4_000_000)}`],
  ])('waits at nodeos and comes whole, %s', async (_what, answer) => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.end(`HTTP/1.1 200 OK\r\n${answer}`))
    let takes = false
    const asked = ask(upstream, { onData: () => takes })
    await vi.waitUntil(() => asked.events.length === 2, eventually)
    const held = asked.events[1]!.length
    for (let turn = 0; turn < 20; turn++) await setImmediate()
    expect(asked.events[1]).toHaveLength(held)
    expect(held).toBeLessThan(1_000_000)
    expect(nodeos.connections[0]!.destroyed).toBe(false)
    takes = true
    asked.call.resume()
    const events = await asked.over
    expect(events.at(-1)).toBe('end')
    expect(events[1]).toHaveLength('data '.length + 4_000_000)
  })

  it('to the last piece leaves a connection that can be used', async () => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK))
    for (let nth = 0; nth < 3; nth++)
      expect(await ask(upstream, { onData: () => false }).over).toEqual(['head 200', 'data ok', 'end'])
    expect(nodeos.connections).toHaveLength(1)
  })
})

describe('the end', () => {
  it('comes when what is under way, and what waits, is done', async () => {
    const answers: (() => void)[] = []
    const { nodeos, upstream } = await startBoth(({ socket }) => answers.push(() => socket.write(OK)), 1)
    const asked = [ask(upstream), ask(upstream)]
    let isClosed = false
    const closed = upstream.close().then(() => {
      isClosed = true
    })
    for (const { over } of asked) {
      await vi.waitUntil(() => answers.length > 0, eventually)
      expect(isClosed).toBe(false)
      answers.pop()!()
      expect(await over).toEqual(['head 200', 'data ok', 'end'])
    }
    await closed
    await vi.waitUntil(() => nodeos.connections.every(({ destroyed }) => destroyed), eventually)
  })

  it('closes idle connections', async () => {
    const { nodeos, upstream } = await startBoth(({ socket }) => socket.write(OK))
    await Promise.all([ask(upstream).over, ask(upstream).over])
    await upstream.close()
    await vi.waitUntil(() => nodeos.connections.every(({ destroyed }) => destroyed), eventually)
  })

  it('may be at once, also for what could be tried again', async () => {
    const { nodeos, upstream } = await startBoth(({ socket, nth }) => void (nth === 0 && socket.write(OK)), 1)
    await ask(upstream).over
    const asked = [ask(upstream, { mayRetry: true }), ask(upstream, { mayRetry: true })]
    await vi.waitUntil(() => nodeos.requests.length === 2, eventually)
    upstream.destroy()
    for (const { over } of asked) expect(await over).toEqual(['aborted'])
    await upstream.close()
    expect(nodeos.requests).toHaveLength(2)
  })
})
