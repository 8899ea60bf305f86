// What a client may hold open and for how long, and what becomes of it when something breaks, on each runtime's
// sockets: the limits of worker/limits.test.ts where they depend on them.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { PackedTransaction } from '@wharfkit/antelope'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { signWithWharfkit, transfer } from '../testing/clients.ts'
import { ask } from '../testing/harness.ts'
import { contentLength, type RawClient, rawClient, requestHead } from '../testing/raw-client.ts'
import { type AwkwardNodeos, LARGE, SHORTER, startAwkwardNodeos } from './testing/awkward-nodeos.ts'
import { type RunningProgram, startBun, startDeno, startNode } from './testing/runtimes.ts'

const eventually = { timeout: 10_000, interval: 20 }

const INFO = '/v1/chain/get_info'
const BLOCK = '/v1/chain/get_block'
const PUSH = '/v1/chain/push_transaction'

const signed = signWithWharfkit({ actions: [transfer('alice', 'bob')] })
const transaction = JSON.stringify(PackedTransaction.fromSigned(signed, 0))
const push = (target = PUSH) => `${requestHead('POST', target, contentLength(transaction))}${transaction}`
const get = (target: string, ...fields: string[]) => requestHead('GET', target, ...fields)

/** Times of one second each, but for the one that goes on while the others are waited for. */
const hasty = {
  headTimeout: 1,
  bodyTimeout: 1,
  keepAliveTimeout: 1,
  requestTimeout: 4,
  nodeosTimeout: 1,
  nodeosBodyTimeout: 1,
}

/** Little of everything, for each client, which is the other end of the connection. */
const narrow = {
  trustedProxies: [],
  maxHeaderSize: 2_048,
  maxBodySize: 100_000,
  maxBufferedBytesPerClient: 150_000,
  maxConnectionsPerClient: 3,
  bans: { maxRetry: { malformed: 3 } },
}

describe.concurrent.each(Object.entries({ Node: startNode, Bun: startBun, Deno: startDeno }))(
  'on %s',
  (_name, start) => {
    let nodeos: AwkwardNodeos
    const filters: RunningProgram[] = []
    /** A filter with these keys. */
    const startFilter = async (settings: object): Promise<RunningProgram> => {
      const filter = await start({
        config: {
          nodeosUrl: '127.0.0.1',
          nodeosPort: nodeos.port,
          cache: { paths: {} },
          repeats: 0,
          ...settings,
        },
        relaySecret: `whsec_${randomBytes(32).toString('base64')}`,
      })
      filters.push(filter)
      return filter
    }
    beforeAll(async () => {
      nodeos = await startAwkwardNodeos()
    })
    afterAll(async () => {
      await Promise.all(filters.map(({ stop }) => stop()))
      await nodeos?.close()
    })

    describe('listening', { concurrent: false }, () => {
      it('on every address of either family where none is named, and on a port that is free', async () => {
        const filter = await startFilter({ listenIP: '', trustedProxies: ['::1', '127.0.0.1'] })
        for (const host of ['127.0.0.1', '[::1]']) {
          const { status } = await fetch(`http://${host}:${filter.port}${INFO}`)
          expect(status).toBe(200)
        }
        await expect(startFilter({ listenPort: filter.port })).rejects.toThrow(
          `cannot listen on 127.0.0.1:${filter.port} (listenPort): the port is in use`,
        )
      })
    })

    describe('time', { concurrent: false }, () => {
      let port: number
      beforeAll(async () => {
        port = (await startFilter(hasty)).port
      })

      const limits: [string, (client: RawClient) => unknown, RegExp][] = [
        [
          'headTimeout: a head that does not go on',
          ({ send }) => send('GET / HTTP/1.1\r\n'),
          /^HTTP\/1.1 408 /,
        ],
        ['headTimeout: a connection without a request', () => {}, /^$/],
        ['headTimeout: a connection with an empty line only', ({ send }) => send('\r\n'), /^$/],
        [
          'keepAliveTimeout: an empty line behind a body',
          ({ send }) => send(`${requestHead('POST', '/v1/chain/body', 'Content-Length: 2')}{}\r\n`),
          /^HTTP\/1.1 200 .*\r\n\r\n\{\}$/s,
        ],
        [
          'keepAliveTimeout: a CR behind a body',
          ({ send }) => send(`${requestHead('POST', '/v1/chain/body', 'Content-Length: 2')}{}\r`),
          /^HTTP\/1.1 200 .*\r\n\r\n\{\}$/s,
        ],
        [
          'bodyTimeout',
          ({ send }) => send(`${requestHead('POST', BLOCK, 'Content-Length: 7')}{"a"`),
          /^HTTP\/1.1 408 /,
        ],
        ['keepAliveTimeout', ({ send }) => send(get(INFO)), /^HTTP\/1.1 200 .*\r\n\r\n\{\}$/s],
        ['nodeosTimeout', ({ send }) => send(get('/v1/chain/silent')), /^HTTP\/1.1 504 .*NODEOS_TIMEOUT/s],
        ['nodeosBodyTimeout', ({ send }) => send(get('/v1/chain/stalled')), /\r\n4\r\nhalf\r\n$/],
        [
          'requestTimeout: a client that does not read',
          async ({ send, socket }) => {
            socket.pause()
            send(get('/v1/chain/endless?unread'))
            await vi.waitUntil(() => nodeos.held.get('/v1/chain/endless?unread')?.isGone, eventually)
            socket.resume()
          },
          /^HTTP\/1.1 200 /,
        ],
      ]
      let outcomes: Map<string, Promise<string>>
      beforeAll(() => {
        outcomes = new Map(
          limits.map(([name, begin]) => {
            const client = rawClient(port)
            const closed = Promise.resolve(begin(client)).then(() => client.closed)
            return [name, closed.then(() => client.text())]
          }),
        )
      })
      it.each(limits)('%s', async (name, _begin, expected) => {
        expect(await outcomes.get(name)).toMatch(expected)
      })
    })

    describe('number and size', { concurrent: false }, () => {
      let filter: RunningProgram
      const clients: RawClient[] = []
      const client = (localAddress?: string) => {
        const opened = rawClient(filter.port, localAddress)
        clients.push(opened)
        return opened
      }
      beforeAll(async () => {
        filter = await startFilter(narrow)
      })
      afterEach(async () => {
        for (const { socket } of clients) socket.destroy()
        await Promise.all(clients.splice(0).map(({ closed }) => closed))
      })
      const isServed = (localAddress?: string) =>
        vi.waitFor(async () => {
          const one = client(localAddress)
          one.send(get(INFO, 'Connection: close'))
          await one.closed
          expect(one.text()).toMatch(/^HTTP\/1.1 200 /)
        }, eventually)

      it('maxHeaderSize', async () => {
        const large = client()
        large.send(get(INFO, `X: ${'a'.repeat(3_000)}`))
        await large.closed
        expect(large.text()).toMatch(/^HTTP\/1.1 431 /)
      })

      it.each([
        ['a length', 'Content-Length: 10000000', ''],
        ['chunks', 'Transfer-Encoding: chunked', `${(65_536).toString(16)}\r\n`],
      ])('maxBodySize: the answer arrives while the body does, with %s', async (_framing, field, before) => {
        const sending = client('127.0.0.4')
        sending.send(requestHead('POST', BLOCK, field))
        const piece = `${before}${'1'.repeat(65_536)}${before && '\r\n'}`
        for (let pieces = 0; pieces < 10; pieces++) sending.send(piece)
        await sending.received(/^HTTP\/1.1 413 .*BODY_TOO_LARGE/s)
        // It sends on, and is not heard for ever.
        const sendOn = (error?: Error | null) => {
          if (!error) setImmediate(() => sending.socket.write(piece, sendOn))
        }
        sendOn()
        await sending.closed
      })

      it('maxBufferedBytesPerClient, and what a client held that resets is free again', async () => {
        const body = '1'.repeat(60_000)
        const whole = `${requestHead('POST', '/v1/chain/echo', contentLength(body))}${body}`
        const answerTo = async (localAddress: string) => {
          const one = client(localAddress)
          one.send(whole)
          await one.received(/^HTTP\/1.1 \d.*(?:echo|\}\s*)$/s)
          one.socket.destroy()
          return one.text()
        }
        let holding: RawClient | undefined
        await vi.waitFor(async () => {
          // Of two bodies that come at the same time either may be the one too many.
          holding?.socket.destroy()
          holding = client('127.0.0.5')
          holding.send(whole.slice(0, -1))
          await isServed('127.0.0.6')
          expect(await answerTo('127.0.0.5')).toMatch(/^HTTP\/1.1 503 .*OVERLOADED/s)
        }, eventually)
        expect(await answerTo('127.0.0.6')).toMatch(/^HTTP\/1.1 200 /)
        expect(holding!.text()).toBe('')
        holding!.socket.resetAndDestroy()
        await vi.waitFor(
          async () => expect(await answerTo('127.0.0.5')).toMatch(/^HTTP\/1.1 200 /),
          eventually,
        )
      })

      it('maxConnectionsPerClient: one more is closed, another client is served, a place is free again', async () => {
        const opened = [client('127.0.0.7'), client('127.0.0.7'), client('127.0.0.7')]
        for (const one of opened) {
          one.send(get(INFO))
          await one.received(/^HTTP\/1.1 200 /)
        }
        const over = client('127.0.0.7')
        over.send(get(INFO))
        await over.closed
        expect(over.text()).toBe('')
        await isServed('127.0.0.8')
        opened[0]!.socket.destroy()
        await isServed('127.0.0.7')
        opened[1]!.socket.resetAndDestroy()
        await isServed('127.0.0.7')
      })

      it('a connection that is reset at once takes no place', async () => {
        for (let count = 0; count < 30; count++) {
          const { socket } = client('127.0.0.9')
          await once(socket, 'connect')
          socket.resetAndDestroy()
        }
        await isServed('127.0.0.9')
      })

      it('maxConnections: one more of anybody is closed, a place is free again', async () => {
        expect((await filter.operate('POST', 'config', { maxConnections: 2 })).status).toBe(200)
        await isServed('127.0.0.10')
        const opened: RawClient[] = []
        for (const address of ['127.0.0.10', '127.0.0.11'])
          await vi.waitFor(async () => {
            const one = client(address)
            one.send(get(INFO))
            await Promise.race([one.received(/^HTTP\/1.1 200 /), one.closed])
            expect(one.text()).toMatch(/^HTTP\/1.1 200 /)
            opened.push(one)
          }, eventually)
        const over = client('127.0.0.12')
        over.send(get(INFO))
        await over.closed
        expect(over.text()).toBe('')
        opened[0]!.send(get(INFO))
        await opened[0]!.received(/(HTTP\/1.1 200 .*){2}/s)
        opened[0]!.socket.destroy()
        await isServed('127.0.0.12')
        expect((await filter.operate('POST', 'config', { maxConnections: 1_000 })).status).toBe(200)
      })

      it('bans: an open connection gets 403 and is closed, new ones are closed at accept', async () => {
        const address = '127.0.0.13'
        const kept = client(address)
        const offender = client(address)
        kept.send(get(INFO))
        await kept.received(/^HTTP\/1.1 200 /)
        for (let strike = 1; strike <= 3; strike++) {
          offender.send(`${requestHead('POST', PUSH, 'Content-Length: 1')}{`)
          await offender.received(new RegExp(`(HTTP/1.1 400 .*){${strike}}`, 's'))
        }
        offender.send(get(INFO))
        await offender.closed
        kept.send(get(INFO))
        await kept.closed
        for (const { text } of [offender, kept]) expect(text()).toMatch(/HTTP\/1.1 403 .*"BANNED"/s)
        for (let count = 0; count < 3; count++) {
          const late = client(address)
          late.send(get(INFO))
          await late.closed
          expect(late.text()).toBe('')
        }
        await isServed('127.0.0.14')
        expect((await filter.operate('DELETE', `bans/${address}`)).ok).toBe(true)
        await isServed(address)
      })
    })

    describe('what breaks, and what is large', { concurrent: false }, () => {
      let filter: RunningProgram
      let idleBytes: number
      let idleDescriptors: number
      beforeAll(async () => {
        filter = await startFilter({})
        await ask(filter.port, {})
        idleBytes = residentBytes(filter)
        idleDescriptors = openDescriptors(filter)
      })
      const client = () => rawClient(filter.port)
      const lives = async () => expect((await ask(filter.port, {})).status).toBe(200)

      it('a large response comes whole to a client that reads slowly', async () => {
        const slow = client()
        const { socket } = slow
        let whole = LARGE.length
        let size = 0
        let next = 0
        socket.on('data', (chunk) => {
          if (size === 0) whole += chunk.indexOf('\r\n\r\n') + 4
          size += chunk.length
          if (size < next) return
          next = size + 500_000
          socket.pause()
          setTimeout(() => socket.resume(), 10)
        })
        slow.send(get('/v1/chain/large'))
        await vi.waitUntil(() => size >= whole, { timeout: 20_000, interval: 20 })
        expect(
          slow
            .bytes()
            .subarray(whole - LARGE.length)
            .equals(LARGE),
        ).toBe(true)
        // The end was noticed as well: it is the next request's turn.
        slow.send(get('/v1/chain/echo'))
        await vi.waitUntil(
          () => slow.bytes().toString('latin1', whole).endsWith('/v1/chain/echo'),
          eventually,
        )
        socket.destroy()
      })

      it('large bodies come whole to nodeos, side by side', async () => {
        const bodies = [1, 2].map(() => JSON.stringify(randomBytes(750_000).toString('hex')))
        const answers = await Promise.all([
          ask(filter.port, { target: '/v1/chain/body', body: bodies[0]! }),
          ask(filter.port, {
            target: '/v1/chain/body',
            headers: ['transfer-encoding', 'chunked'],
            body: bodies[1]!,
          }),
        ])
        expect(answers.map(({ text }, index) => text === bodies[index])).toEqual([true, true])
      })

      it('nodeos waits for a client that does not read, and memory does not grow', async () => {
        const target = '/v1/chain/endless'
        const lazy = client()
        lazy.socket.pause()
        lazy.send(get(target))
        let seen = -1
        await vi.waitUntil(
          () => {
            const before = seen
            seen = nodeos.sent.get(target) ?? 0
            return seen > 0 && seen === before
          },
          { timeout: 20_000, interval: 400 },
        )
        expect(seen).toBeLessThan(100_000_000)
        expect(residentBytes(filter) - idleBytes).toBeLessThan(200_000_000)
        lazy.socket.destroy()
        await vi.waitUntil(() => nodeos.held.get(target)!.isGone, eventually)
      })

      it.each(
        ['length', 'chunked', 'until_close'].flatMap((framing) =>
          ['1.1', '1.0'].map((version) => [framing, version] as const),
        ),
      )('a body framed by %s comes whole to a client of HTTP/%s', async (framing, version) => {
        const reading = client()
        reading.send(get(`/v1/chain/${framing}`, 'Connection: close').replace('HTTP/1.1', `HTTP/${version}`))
        await reading.closed
        const bytes = Buffer.from(reading.text(), 'latin1')
        expect(bodyOf(bytes).equals(SHORTER)).toBe(true)
      })

      it('requests sent ahead are answered in order, 2,000 in one write', async () => {
        const targets = Array.from({ length: 2_000 }, (_, index) => `/v1/chain/echo?${index}`)
        const ahead = client()
        ahead.send(targets.map((target) => get(target)).join(''))
        await vi.waitUntil(() => ahead.text().endsWith(targets.at(-1)!), { timeout: 20_000, interval: 100 })
        expect(ahead.text().match(/(?<=\r\n\r\n)\/v1\S+?(?=HTTP|$)/g)).toEqual(targets)
        ahead.socket.destroy()
      })

      it('a client that resets after its push, or within, ends nothing but its connection', async () => {
        const leaving = client()
        leaving.send(push())
        await vi.waitUntil(() => nodeos.held.has(PUSH), eventually)
        leaving.socket.resetAndDestroy()
        const within = client()
        within.send(push().slice(0, -10))
        await once(within.socket, 'connect')
        within.socket.resetAndDestroy()
        await lives()
        expect(nodeos.held.get(PUSH)!.isGone).toBe(false)
        nodeos.held
          .get(PUSH)!
          .answer('{"code":500,"error":{"code":3050003,"name":"x","what":"x","details":[]}}', 500)
        await vi.waitFor(
          async () =>
            expect(await (await filter.operate('GET', 'metrics')).text()).toContain(
              'patroneos_requests_total{verdict="TRANSACTION_FAILED"} 1\n',
            ),
          eventually,
        )
        await lives()
      })

      it('a read whose client resets is not asked of nodeos to the end', async () => {
        const target = '/v1/chain/held?reset'
        const leaving = client()
        leaving.send(get(target))
        await vi.waitUntil(() => nodeos.held.has(target), eventually)
        leaving.socket.resetAndDestroy()
        await vi.waitUntil(() => nodeos.held.get(target)!.isGone, eventually)
        await lives()
      })

      it('a client that closes its half is served, and one that is gone when it is answered is gone', async () => {
        const answer = '{"code":500,"error":{"code":3050003,"name":"x","what":"x","details":[]}}'
        for (const leave of ['end', 'destroy'] as const) {
          const target = `/v1/chain/held?${leave}`
          const leaving = client()
          leaving.send(get(target))
          await vi.waitUntil(() => nodeos.held.has(target), eventually)
          leaving.socket[leave]()
          await sleep(100)
          expect(nodeos.held.get(target)!.isGone).toBe(false)
          nodeos.held.get(target)!.answer(answer, 500)
          await leaving.closed
          if (leave === 'end') expect(leaving.text()).toMatch(/^HTTP\/1.1 500 .*Connection: close.*3050003/s)
        }
        await lives()
      })

      it('a streamed response comes whole to a client that has closed its half', async () => {
        const slow = client()
        slow.socket.end(get('/v1/chain/large'))
        await slow.closed
        expect(bodyOf(slow.bytes()).equals(LARGE)).toBe(true)
      })

      it('requests sent ahead of the end are all answered, the last one with Connection: close', async () => {
        const ahead = client()
        ahead.socket.end(`${get('/v1/chain/echo?1')}\r\n${get('/v1/chain/echo?2')}${get('/v1/chain/echo?3')}`)
        await ahead.closed
        expect(ahead.text().match(/Connection: \S+|\/v1\/chain\/echo\?\d/g)).toEqual([
          'Connection: keep-alive',
          '/v1/chain/echo?1',
          'Connection: keep-alive',
          '/v1/chain/echo?2',
          'Connection: close',
          '/v1/chain/echo?3',
        ])
      })

      it.each([
        ['nothing', ''],
        ['half of a head', get(INFO).slice(0, -2)],
        ['half of a body', push().slice(0, -10)],
        ['an empty line', '\r\n'],
      ])('the end behind %s closes the connection, without an answer', async (_what, bytes) => {
        const ended = client()
        const began = Date.now()
        ended.socket.end(bytes)
        await ended.closed
        expect(ended.text()).toBe('')
        expect(Date.now() - began).toBeLessThan(5_000)
      })

      it('a large upload that is refused is read to its end, and its sender gets the answer', async () => {
        for (const fields of [['Content-Length: 20000000'], ['Transfer-Encoding: chunked']]) {
          const sending = client()
          sending.socket.pause()
          sending.send(requestHead('POST', BLOCK, ...fields))
          const piece = 'x'.repeat(1_000_000)
          const chunk = fields[0]!.startsWith('T') ? `f4240\r\n${piece}\r\n` : piece
          for (let left = 20; left > 0; left--) {
            if (!sending.socket.write(chunk, 'latin1')) await once(sending.socket, 'drain')
          }
          if (chunk !== piece) sending.send('0\r\n\r\n')
          sending.socket.resume()
          await sending.closed
          expect(sending.text()).toMatch(/^HTTP\/1.1 413 .*BODY_TOO_LARGE/s)
        }
        await lives()
      })

      it.each([
        [
          '204 has no length',
          'GET',
          '204 No Content\r\nContent-Length: 0',
          /^HTTP\/1.1 204 (?!.*content-length)/is,
        ],
        [
          '204 has no body',
          'GET',
          '204 No Content\r\nContent-Length: 5',
          /^HTTP\/1.1 204 (?!.*content-length)/is,
        ],
        [
          '304 keeps its length',
          'GET',
          '304 Not Modified\r\nContent-Length: 5',
          /^HTTP\/1.1 304 .*Content-Length: 5\r\n/is,
        ],
        [
          '205 has a length of 0',
          'GET',
          '205 Reset Content\r\nContent-Length: 3\r\n\r\nabc',
          /^HTTP\/1.1 205 .*Content-Length: 0\r\n/is,
        ],
        [
          'an answer to HEAD keeps its length',
          'HEAD',
          '200 OK\r\nContent-Length: 5',
          /^HTTP\/1.1 200 .*Content-Length: 5\r\n/is,
        ],
        [
          'what is said before is not passed on',
          'GET',
          '103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0',
          /^HTTP\/1.1 200 (?!.*link)/is,
        ],
      ])('%s', async (_what, method, response, expected) => {
        const reading = client()
        const end = response.includes('\r\n\r\na') ? '' : '\r\n\r\n'
        const answer = encodeURIComponent(`HTTP/1.1 ${response}${end}`)
        reading.send(requestHead(method, `/v1/chain/raw?${answer}`))
        reading.send(get('/v1/chain/echo?next'))
        await reading.received(/echo\?next$/)
        const [first = ''] = reading.text().split(/(?<=\r\n\r\n)/)
        expect(first).toMatch(expected)
        expect(reading.text().slice(first.length)).toMatch(/^HTTP\/1.1 200 /)
        reading.socket.destroy()
      })

      it('empty lines around requests count as nothing', async () => {
        const old = client()
        for (let nth = 1; nth <= 3; nth++) {
          old.send(`${requestHead('POST', '/v1/chain/body', 'Content-Length: 2')}{}\r\n`)
          await old.received(new RegExp(`(HTTP/1.1 200 .*){${nth}}`, 's'))
        }
        old.send(`\r\n\r\n\r\n${get('/v1/chain/echo?last')}`)
        await old.received(/echo\?last$/)
        old.socket.destroy()
        const many = client()
        many.send('\r\n'.repeat(200) + get(INFO))
        await many.closed
        expect(many.text()).toMatch(/^HTTP\/1.1 400 .*empty lines/s)
      })

      it.each(
        ['half_of_length', 'half_of_chunks', 'half_until_close', 'short_of_length'].flatMap((path) =>
          ['1.1', '1.0'].map((version) => [path, version] as const),
        ),
      )('a broken response (%s) does not look whole to a client of HTTP/%s', async (path, version) => {
        const reading = client()
        let error: NodeJS.ErrnoException | undefined
        reading.socket.on('error', (reason) => (error = reason))
        reading.send(get(`/v1/chain/${path}`).replace('HTTP/1.1', `HTTP/${version}`))
        await reading.closed
        if (/Content-Length: 1000/i.test(reading.text())) expect(reading.text()).toMatch(/x{500}$/)
        else if (version === '1.1') expect(reading.text()).not.toContain('\r\n0\r\n')
        else expect(error?.code).toBe('ECONNRESET')
        await lives()
      })

      it('a nodeos that hangs up, or is not there, is 503 at once', async () => {
        const hungUp = { status: 503, text: expect.stringContaining('NODEOS_UNREACHABLE') }
        expect(await ask(filter.port, { target: '/v1/chain/no_head' })).toMatchObject(hungUp)
        expect((await filter.operate('POST', 'config', { nodeosPort: 1 })).status).toBe(200)
        expect(await ask(filter.port, {})).toMatchObject(hungUp)
        expect((await filter.operate('POST', 'config', { nodeosPort: nodeos.port })).status).toBe(200)
        await lives()
      })

      it('nothing of all this is left open', async () => {
        await vi.waitUntil(() => openDescriptors(filter) <= idleDescriptors, eventually)
      })

      it('SIGTERM: what is under way is answered, what is idle is closed, and it ends with 0', async () => {
        const kept = client()
        kept.send(get(INFO))
        await kept.received(/^HTTP\/1.1 200 /)
        const silent = client()
        await once(silent.socket, 'connect')
        const read = client()
        read.send(get('/v1/chain/held?last'))
        const pushing = client()
        pushing.send(push('/v1/chain/send_transaction'))
        const both = ['/v1/chain/held?last', '/v1/chain/send_transaction']
        await vi.waitUntil(() => both.every((target) => nodeos.held.has(target)), eventually)
        filter.child.kill('SIGTERM')
        await Promise.all([kept.closed, silent.closed])
        await sleep(50)
        for (const target of both) nodeos.held.get(target)!.answer('{"answered":true}')
        const answered = Date.now()
        await Promise.all([read.closed, pushing.closed])
        for (const { text } of [read, pushing])
          expect(text()).toMatch(/^HTTP\/1.1 200 .*Connection: close.*\{"answered":true\}/s)
        expect(await filter.exit).toBe(0)
        expect(Date.now() - answered).toBeLessThan(5_000)
      })
    })
  },
)

function residentBytes({ child }: RunningProgram): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))!
  return Number(kilobytes) * 1_024
}

function openDescriptors({ child }: RunningProgram): number {
  return readdirSync(`/proc/${child.pid}/fd`).length
}

/** The body of a whole response, out of its chunks where it came in some. */
function bodyOf(response: Buffer): Buffer {
  const at = response.indexOf('\r\n\r\n')
  const body = response.subarray(at + 4)
  if (!/\r\nTransfer-Encoding: chunked/i.test(response.toString('latin1', 0, at))) return body
  const pieces: Buffer[] = []
  for (let from = 0; ; ) {
    const end = body.indexOf('\r\n', from)
    const size = Number.parseInt(body.toString('latin1', from, end), 16)
    if (!(size > 0)) return Buffer.concat(pieces)
    pieces.push(body.subarray(end + 2, end + 2 + size))
    from = end + 2 + size + 2
  }
}
