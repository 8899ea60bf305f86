// Every limit of the configuration: what stays within it passes, what goes over it is refused with the
// documented code, or finds its connection closed before it costs memory.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { PackedTransaction } from '@wharfkit/antelope'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ViolationCode } from '../shared/violations.ts'
import { blob, signWithWharfkit, throwAwayKeys, transfer } from './testing/clients.ts'
import { type Ask, ask, startBoth } from './testing/harness.ts'
import { answerWith, type Respond } from './testing/nodeos-stand-in.ts'
import { contentLength, requestHead as head, rawClient } from './testing/raw-client.ts'

const eventually = { timeout: 10_000, interval: 20 }

const INFO = '/v1/chain/get_info'
const BLOCK = '/v1/chain/get_block'
const PUSH = '/v1/chain/push_transaction'

const push = (object: unknown, target = PUSH): Ask => ({ target, body: JSON.stringify(object) })
const spec = { actions: [transfer('alice', 'bob'), blob(300)], keys: throwAwayKeys(3) }
const object = PackedTransaction.fromSigned(signWithWharfkit(spec), 0)
const size = object.packed_trx.array.length
const zipped = PackedTransaction.fromSigned(signWithWharfkit(spec), 1)

describe('a limit on what a request holds', () => {
  test.each<[string, number, ViolationCode, Ask]>([
    ['maxBodySize', 17, 'BODY_TOO_LARGE', { target: BLOCK, body: '{"a":1,"b":"234"}' }],
    ['maxHeaders', 5, 'TOO_MANY_HEADERS', { headers: ['a', '1', 'b', '2', 'c', '3'] }],
    ['maxJsonDepth', 3, 'INVALID_JSON', { target: BLOCK, body: '{"a":[[1],[{}]]}'.replace('{}', '2') }],
    ['maxTransactions', 2, 'TOO_MANY_TRANSACTIONS', push([object, object], '/v1/chain/push_transactions')],
    ['maxTransactionSize', size, 'INVALID_TRANSACTION_SIZE', push(object)],
    ['maxTransactionSize', size, 'INVALID_TRANSACTION_SIZE', push(zipped)],
    // Twice the transaction, and twice the empty context-free data, which is one byte.
    [
      'maxInflatedSize',
      2 * (size + 1),
      'INVALID_TRANSACTION_SIZE',
      push([zipped, zipped], '/v1/chain/push_transactions'),
    ],
    ['maxActions', 2, 'TOO_MANY_ACTIONS', push(object)],
    ['maxAuthorizations', 2, 'TOO_MANY_AUTHORIZATIONS', push(object)],
    ['maxSignatures', 3, 'INVALID_NUMBER_SIGNATURES', push(object)],
  ])('%s', async (name, limit, code, request) => {
    const { nodeos, filter } = await startBoth({ [name]: limit })
    expect((await ask(filter.port, request)).headers).not.toHaveProperty('x-rejected-by')
    expect(nodeos.received).toHaveLength(1)
    filter.configure({ [name]: limit - 1 })
    expect(JSON.parse((await ask(filter.port, request)).text)).toMatchObject({ message: code })
    expect(nodeos.received).toHaveLength(1)
  })

  test('maxHeaderSize, which counts what is in the lines', async () => {
    const { nodeos, filter } = await startBoth({ maxHeaderSize: 2048 })
    const withHeader = (bytes: number) => `${head('GET', INFO).slice(0, -2)}X: ${'a'.repeat(bytes)}\r\n\r\n`
    const below = client(filter.port)
    below.send(withHeader(1900))
    await below.received(/^HTTP\/1.1 200 /)
    const above = client(filter.port)
    above.send(withHeader(2100))
    await above.closed
    expect(above.text()).toMatch(/^HTTP\/1.1 431 /)
    expect(nodeos.received).toHaveLength(1)
  })
})

describe('a limit on time', () => {
  test('headTimeout', async () => {
    const { filter } = await startBoth({ headTimeout: 1 })
    const slow = client(filter.port)
    const idle = client(filter.port)
    const whole = head('GET', INFO)
    slow.send(whole.slice(0, -2))
    await sleep(100)
    slow.send('\r\n')
    await slow.received(/^HTTP\/1.1 200 /)
    slow.send(whole.slice(0, -2))
    await Promise.all([slow.closed, idle.closed])
    expect(slow.text()).toMatch(/HTTP\/1.1 408 /)
  })

  test('bodyTimeout', async () => {
    const { nodeos, filter } = await startBoth({ headTimeout: 1, bodyTimeout: 1 })
    const slow = client(filter.port)
    slow.send(head('POST', BLOCK, 'Content-Length: 7'))
    await sleep(100)
    slow.send('{"a":1}')
    await slow.received(/^HTTP\/1.1 200 /)
    slow.send(head('POST', BLOCK, 'Content-Length: 7'))
    // A byte now and then does not help.
    for (let left = 5; left > 0; left--) {
      slow.send(' ')
      await sleep(500)
    }
    await slow.closed
    expect(nodeos.received).toHaveLength(1)
  })

  test('keepAliveTimeout', async () => {
    const { nodeos, filter } = await startBoth({ keepAliveTimeout: 1 })
    const kept = client(filter.port)
    kept.send(head('GET', INFO))
    await kept.received(/HTTP\/1.1 200 /)
    await sleep(100)
    kept.send(head('GET', INFO))
    await vi.waitUntil(() => nodeos.received.length === 2, eventually)
    await kept.closed
  })

  test('requestTimeout, for a client that does not read its response', async () => {
    const respond: Respond = ({ target }, outgoing) =>
      outgoing.end(Buffer.alloc(target === BLOCK ? 30_000_000 : 30_000, '1'))
    const { filter } = await startBoth({ requestTimeout: 1 }, respond)
    const reader = client(filter.port)
    reader.send(head('GET', INFO))
    await vi.waitUntil(() => reader.socket.bytesRead > 30_000, eventually)
    const lazy = client(filter.port)
    lazy.socket.pause()
    lazy.send(head('GET', BLOCK))
    await sleep(2_500)
    lazy.socket.resume()
    await lazy.closed
    expect(lazy.socket.bytesRead).toBeLessThan(30_000_000)
  })

  test('nodeosTimeout: NODEOS_TIMEOUT', async () => {
    let delay = 100
    const respond: Respond = (_request, outgoing) => void setTimeout(() => outgoing.end('{}'), delay)
    const { filter } = await startBoth({ nodeosTimeout: 1 }, respond)
    expect((await ask(filter.port, {})).status).toBe(200)
    delay = 3_000
    expect((await ask(filter.port, {})).status).toBe(504)
  })

  test('nodeosBodyTimeout, between two pieces of the body', async () => {
    let delay = 100
    const respond: Respond = (_request, outgoing) => {
      outgoing.write('{')
      setTimeout(() => outgoing.end('}'), delay)
    }
    const { filter } = await startBoth({ nodeosBodyTimeout: 1 }, respond)
    expect((await ask(filter.port, {})).text).toBe('{}')
    delay = 4_000
    await expect(ask(filter.port, {})).rejects.toThrow('aborted')
  })
})

describe('a limit on what is open at one time', () => {
  const direct = { trustedProxies: [] }
  const silent: Respond = () => {}

  test('maxConnections: one more is closed', async () => {
    const { filter } = await startBoth({ maxConnections: 2 })
    const [first, second] = [client(filter.port), client(filter.port)]
    await Promise.all([once(first.socket, 'connect'), once(second.socket, 'connect')])
    const third = client(filter.port)
    third.send(head('GET', INFO))
    await third.closed
    expect(third.text()).toBe('')
    first.send(head('GET', INFO))
    await first.received(/^HTTP\/1.1 200 /)
  })

  test('maxConnectionsPerClient: one more of an address is closed, another address is served', async () => {
    const { filter } = await startBoth({ ...direct, maxConnectionsPerClient: 2 })
    const [first, second] = [client(filter.port), client(filter.port)]
    await Promise.all([once(first.socket, 'connect'), once(second.socket, 'connect')])
    await client(filter.port).closed
    const other = client(filter.port, '127.0.0.2')
    other.send(head('GET', INFO))
    await other.received(/^HTTP\/1.1 200 /)
    first.socket.destroy()
    await vi.waitFor(async () => expect((await ask(filter.port, {})).status).toBe(200), eventually)
  })

  test('requests sent ahead on one connection are looked at one after another', async () => {
    const answers: (() => void)[] = []
    const { nodeos, filter } = await startBoth(direct, (_request, outgoing) => {
      answers.push(() => outgoing.end('{}'))
    })
    const ahead = client(filter.port)
    ahead.send(head('GET', INFO).repeat(3))
    for (let served = 1; served <= 3; served++) {
      await vi.waitUntil(() => answers.length > 0, eventually)
      await settle(filter.port)
      expect(nodeos.received).toHaveLength(served)
      answers.pop()!()
    }
    await vi.waitUntil(() => ahead.text().match(/HTTP\/1.1 200 /g)?.length === 3, eventually)
  })

  test('large bodies: of one client four are read at a time, and nobody else waits for them', async () => {
    const { nodeos, filter } = await startBoth(direct)
    const large = '1'.repeat(100_000)
    const slow = Array.from({ length: 4 }, () => client(filter.port, '127.0.0.2'))
    for (const { send } of slow) send(`${head('POST', BLOCK, contentLength(large))}${large.slice(1)}`)
    await settle(filter.port)
    const fifth = client(filter.port, '127.0.0.2')
    fifth.send(`${head('POST', BLOCK, contentLength(large))}${large}`)
    expect((await ask(filter.port, { target: BLOCK, body: large })).status).toBe(200)
    await settle(filter.port)
    expect(fifth.text()).toBe('')
    slow[0]!.socket.destroy()
    await fifth.received(/^HTTP\/1.1 200 /)
    expect(nodeos.received).toHaveLength(2)
  })

  test('maxConnections: transactions of clients that left count as well', async () => {
    const { nodeos, filter } = await startBoth({ maxConnections: 4 }, silent)
    const left = Array.from({ length: 4 }, () => client(filter.port))
    for (const { send } of left) send(`${head('POST', PUSH, contentLength(pushed))}${pushed}`)
    const arrived = () => nodeos.received.filter(({ target }) => target === PUSH).length
    await vi.waitUntil(() => arrived() === 4, eventually)
    for (const { socket } of left) socket.resetAndDestroy()
    await vi.waitFor(
      async () =>
        expect(await ask(filter.port, {})).toMatchObject({
          status: 503,
          headers: { 'retry-after': '1' },
          text: expect.stringContaining('OVERLOADED'),
        }),
      eventually,
    )
    await nodeos.close()
  })

  test('maxBufferedBytes: bodies of all clients together', async () => {
    const { filter } = await startBoth({ ...direct, maxBufferedBytes: 3_000 })
    const holding = client(filter.port, '127.0.0.2')
    holding.send(`${head('POST', BLOCK, 'Content-Length: 2000')}${'1'.repeat(1_999)}`)
    const one = { target: BLOCK, body: '1'.repeat(490) }
    await settle(filter.port)
    expect((await ask(filter.port, one)).status).toBe(200)
    const two = { target: BLOCK, body: '1'.repeat(1_010) }
    expect(await ask(filter.port, two)).toMatchObject({
      status: 503,
      text: expect.stringContaining('OVERLOADED'),
    })
    holding.socket.destroy()
    await vi.waitFor(async () => expect((await ask(filter.port, two)).status).toBe(200), eventually)
  })

  test('maxBufferedBytesPerClient: one client cannot use up what all may hold', async () => {
    const { filter } = await startBoth({ ...direct, maxBufferedBytesPerClient: 3_000 })
    const holding = client(filter.port, '127.0.0.2')
    holding.send(`${head('POST', BLOCK, 'Content-Length: 2500')}${'1'.repeat(2_499)}`)
    await settle(filter.port)
    const more = client(filter.port, '127.0.0.2')
    more.send(`${head('POST', BLOCK, 'Content-Length: 600')}${'1'.repeat(600)}`)
    await more.received(/^HTTP\/1.1 503 [\s\S]*OVERLOADED/)
    expect((await ask(filter.port, { target: BLOCK, body: '1'.repeat(600) })).status).toBe(200)
  })
})

test('a client that leaves does not escape the verdict on its transaction', async () => {
  const failed = answerWith(500, { code: 500, error: { code: 3050003, name: 'x', what: 'x', details: [] } })
  let received = false
  const { filter } = await startBoth({}, (request, outgoing) => {
    received = true
    setTimeout(() => failed(request, outgoing), 200)
  })
  const leaving = client(filter.port)
  leaving.send(`${head('POST', PUSH, contentLength(pushed))}${pushed}`)
  await vi.waitUntil(() => received, eventually)
  leaving.socket.resetAndDestroy()
  await vi.waitFor(
    () => expect(filter.reports).toEqual([{ host: '127.0.0.1', code: 'TRANSACTION_FAILED' }]),
    eventually,
  )
})

/** Waits until the filter has read what was sent. */
async function settle(port: number): Promise<void> {
  await sleep(100)
  await ask(port, { target: '/patroneos/health' })
}

const pushed = JSON.stringify(object)

/** A connection that ends with the test. */
function client(port: number, localAddress?: string) {
  const opened = rawClient(port, localAddress)
  onTestFinished(() => void opened.socket.destroy())
  return opened
}
