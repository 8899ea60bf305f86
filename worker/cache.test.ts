// What clients and nodeos see of reads that are answered from memory.
import net from 'node:net'
import { describe, expect, it } from 'vitest'
import { filterConfigSchema } from '../shared/config/filter.ts'
import { parseConfig } from '../shared/config/parse.ts'
import { type Ask, ask, startBoth } from './testing/harness.ts'
import { answerWith, type Respond } from './testing/nodeos-stand-in.ts'
import { infoBody } from './testing/nodes.ts'

const INFO = '/v1/chain/get_info'
const ABI = '/v1/chain/get_abi'
const BLOCK = '/v1/chain/get_block'

/** Seconds that no test lasts. */
const LONG = 1_000

const keeping = (...paths: string[]) => ({
  cache: { paths: Object.fromEntries(paths.map((path) => [path, LONG])) },
})

/** Answers with a number that grows from request to request, so that a kept answer shows. */
function counting(status = 200, headers: Record<string, string> = {}): Respond {
  let count = 0
  return (received, outgoing) => answerWith(status, { answer: ++count }, headers)(received, outgoing)
}

async function answersTo(port: number, requests: Ask[]): Promise<string[]> {
  const texts = []
  for (const request of requests) texts.push((await ask(port, request)).text)
  return texts
}

describe('a read that may be kept', () => {
  it('is answered from memory, with its age and the configured headers, whatever the method', async () => {
    const { nodeos, filter } = await startBoth({ ...keeping(INFO), headers: { 'X-Mine': 'yes' } }, counting())
    const first = await ask(filter.port, {})
    const second = await ask(filter.port, { method: 'POST', body: '' })
    expect(first.text).toBe('{"answer":1}')
    expect(second.text).toBe(first.text)
    expect(second.headers).toMatchObject({
      'x-mine': 'yes',
      'content-type': 'application/json',
      'content-length': '12',
      age: '0',
    })
    expect(nodeos.received).toHaveLength(1)
    expect(filter.verdicts.counts().get('SUCCESS')).toBe(2)
    expect(filter.reads.counts()).toMatchObject({ hit: 1, joined: 0, miss: 1 })
  })

  it('is counted as an entry with its bytes, until another configuration starts with nothing', async () => {
    const { filter } = await startBoth(keeping(INFO), counting())
    expect(filter.reads.counts()).toMatchObject({ entries: 0, bytes: 0 })
    await ask(filter.port, {})
    const { entries, bytes } = filter.reads.counts()
    expect(entries).toBe(1)
    expect(bytes).toBeGreaterThan('{"answer":1}'.length)
    filter.configure({ ...keeping(INFO), maxSignatures: 5 })
    await ask(filter.port, { target: '/v1/chain/get_block' })
    expect(filter.reads.counts()).toMatchObject({ hit: 0, miss: 1, entries: 0, bytes: 0 })
    filter.configure({ cache: { paths: {} } })
    await ask(filter.port, {})
    expect(filter.reads.counts()).toMatchObject({ entries: 0, bytes: 0 })
  })

  it('is get_info, for half a second, where nothing is configured', () => {
    const parsed = parseConfig(filterConfigSchema, {})
    expect('config' in parsed && parsed.config.cache).toEqual({
      maxBytes: 16_777_216,
      paths: { [INFO]: 0.5 },
    })
  })

  it('is asked for again when its time is over', async () => {
    const { filter } = await startBoth({ cache: { paths: { [INFO]: 0.05 } } }, counting())
    expect((await ask(filter.port, {})).text).toBe('{"answer":1}')
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect((await ask(filter.port, {})).text).toBe('{"answer":2}')
  })

  it('is another one with another body, to the byte', async () => {
    const { filter } = await startBoth(keeping(ABI), counting())
    const bodies = [
      '{"account_name":"a"}',
      '{"account_name": "a"}',
      '{"account_name":"a"}',
      '{"account_name":"é"}',
    ]
    const answers = await answersTo(
      filter.port,
      bodies.map((body) => ({ target: ABI, body })),
    )
    expect(answers).toEqual([1, 2, 1, 3].map((answer) => `{"answer":${answer}}`))
  })

  it('is judged before it is answered', async () => {
    const { filter } = await startBoth(keeping(INFO), counting())
    expect((await ask(filter.port, {})).status).toBe(200)
    expect((await ask(filter.port, { headers: ['content-encoding', 'gzip'] })).status).toBe(415)
  })

  it('is asked for with the address of who asked first, and nothing else of theirs', async () => {
    const { nodeos, filter } = await startBoth(keeping(INFO), counting())
    const forwardedFor = ['x-forwarded-for', '203.0.113.9']
    await ask(filter.port, { headers: [...forwardedFor, 'accept-language', 'de', 'origin', 'x'] })
    const { host, connection, ...headers } = nodeos.received[0]!.headers
    expect(headers).toEqual({ 'accept-encoding': 'identity', 'x-forwarded-for': '203.0.113.9' })
  })
})

describe('nothing is answered from memory', () => {
  const twice = (request: Ask): [Ask, Ask] => [request, request]
  it.each<[string, object, Respond, [Ask, Ask]]>([
    ['where the path is not configured', { cache: { paths: {} } }, counting(), twice({})],
    ['where its time is 0', { cache: { paths: { [INFO]: 0 } } }, counting(), twice({})],
    [
      'where there is no memory for it',
      { cache: { maxBytes: 0, paths: { [INFO]: LONG } } },
      counting(),
      twice({}),
    ],
    ['for a target with a query', keeping(INFO), counting(), twice({ target: `${INFO}?x` })],
    ['for a header of its own', keeping(INFO), counting(), twice({ headers: ['x-custom', '1'] })],
    ['for a condition', keeping(INFO), counting(), twice({ headers: ['if-none-match', '"a"'] })],
    ['for OPTIONS', keeping(INFO), counting(), twice({ method: 'OPTIONS' })],
    ['for an answer other than 200', keeping(INFO), counting(500), twice({})],
    ['for a 203', keeping(INFO), counting(203), twice({})],
    ['for an answer with a cookie', keeping(INFO), counting(200, { 'set-cookie': 'a=b' }), twice({})],
    ['for an answer that varies', keeping(INFO), counting(200, { vary: 'Origin' }), twice({})],
    ['for a private answer', keeping(INFO), counting(200, { 'cache-control': 'private' }), twice({})],
    ['for an encoded answer', keeping(INFO), counting(200, { 'content-encoding': 'x' }), twice({})],
    [
      'for a body too long for a key',
      keeping(ABI),
      counting(),
      twice({ target: ABI, body: `"${'a'.repeat(5_000)}"` }),
    ],
    [
      'for an answer over an eighth of the memory',
      { cache: { maxBytes: 80, paths: { [INFO]: LONG } } },
      counting(),
      twice({}),
    ],
  ])('%s', async (_, settings, respond, requests) => {
    const { filter } = await startBoth(settings, respond)
    expect(new Set(await answersTo(filter.port, requests)).size).toBe(2)
  })

  it.each(['push_transaction', 'send_transaction2', 'compute_transaction', 'push_ro_transaction'])(
    'for %s, which the configuration refuses',
    (call) => {
      const parsed = parseConfig(filterConfigSchema, keeping(`/v1/chain/${call}`))
      expect('issues' in parsed && parsed.issues[0]).toMatchObject({
        path: `cache.paths./v1/chain/${call}`,
        allowed: expect.stringContaining('carries no transaction'),
      })
    },
  )

  it('after a change of the configuration', async () => {
    const { filter } = await startBoth(keeping(INFO), counting())
    expect((await ask(filter.port, {})).text).toBe('{"answer":1}')
    filter.configure(keeping(INFO))
    expect((await ask(filter.port, {})).text).toBe('{"answer":2}')
  })

  it('of HEAD, whose answer has no body', async () => {
    const { nodeos, filter } = await startBoth(keeping(INFO), counting())
    expect((await ask(filter.port, { method: 'HEAD' })).text).toBe('')
    expect((await ask(filter.port, {})).text).toBe('{"answer":2}')
    expect(nodeos.received.map(({ method }) => method)).toEqual(['HEAD', 'GET'])
  })
})

describe('a read of a block', () => {
  const respond: Respond = (received, outgoing) =>
    received.target === INFO
      ? answerWith(200, infoBody({ head: 300, irreversible: 255 }))(received, outgoing)
      : answerWith(200, { asked: received.body })(received, outgoing)
  const id = (number: string) => `"${number}${'a'.repeat(56)}"`

  it.each<[string, string, number]>([
    ['is kept when it is irreversible', '{"block_num_or_id":255}', 1],
    ['is kept when it is named in text', '{"block_num_or_id":"255"}', 1],
    ['is kept when it is named by its id', `{"block_num_or_id":${id('000000ff')}}`, 1],
    ['is not kept when it may still change', '{"block_num_or_id":256}', 2],
    ['is not kept by an id of such a one', `{"block_num_or_id":${id('00000100')}}`, 2],
    ['is not kept when the body says more', '{"block_num_or_id":255,"x":1}', 2],
    ['is not kept when the body does not say which', '{"block_num":255}', 2],
    ['is not kept when the body is no object', '255', 2],
    ['is not kept when it is named in another way', '{"block_num_or_id":"0xff"}', 2],
  ])('%s', async (_, body, asked) => {
    const { nodeos, filter } = await startBoth(keeping(INFO, BLOCK), respond)
    await ask(filter.port, {})
    await answersTo(
      filter.port,
      [1, 2].map(() => ({ target: BLOCK, body })),
    )
    expect(nodeos.received.filter(({ target }) => target === BLOCK)).toHaveLength(asked)
  })

  it('is not kept while it is unknown what is irreversible', async () => {
    const { nodeos, filter } = await startBoth(keeping(INFO, BLOCK), respond)
    await answersTo(
      filter.port,
      [1, 2].map(() => ({ target: BLOCK, body: '{"block_num_or_id":1}' })),
    )
    expect(nodeos.received).toHaveLength(2)
  })
})

describe('identical reads at one time', () => {
  /** Holds every request back until it is let go. */
  function held() {
    const waiting: (() => void)[] = []
    let count = 0
    const respond: Respond = (received, outgoing) => {
      const number = ++count
      waiting.push(() => answerWith(200, { answer: number, asked: received.body })(received, outgoing))
    }
    const arrived = async (number: number) => {
      while (waiting.length < number) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return { respond, waiting, arrived }
  }

  it('are one for nodeos', async () => {
    const { respond, waiting, arrived } = held()
    const { nodeos, filter } = await startBoth(keeping(INFO), respond)
    const answers = Array.from({ length: 20 }, () => ask(filter.port, {}))
    while (filter.reads.joined < 19) await new Promise((resolve) => setTimeout(resolve, 5))
    await arrived(1)
    for (const answer of waiting) answer()
    for (const { status, text } of await Promise.all(answers))
      expect([status, text]).toEqual([200, '{"answer":1,"asked":""}'])
    expect(nodeos.received).toHaveLength(1)
  })

  it('do not end with the client that came first', async () => {
    const { respond, waiting, arrived } = held()
    const { nodeos, filter } = await startBoth(keeping(INFO), respond)
    const first = net.connect(filter.port, '127.0.0.1')
    first.write(`GET ${INFO} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await arrived(1)
    const second = ask(filter.port, {})
    while (filter.reads.joined < 1) await new Promise((resolve) => setTimeout(resolve, 5))
    first.resetAndDestroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    waiting[0]!()
    expect((await second).text).toBe('{"answer":1,"asked":""}')
    expect(nodeos.received).toHaveLength(1)
  })

  it('are each answered for themselves where the answer is not for everybody', async () => {
    const { nodeos, filter } = await startBoth(keeping(INFO), async (_, outgoing) => {
      const cookie = `client=${nodeos.received.length}`
      while (filter.reads.joined < 3) await new Promise((resolve) => setTimeout(resolve, 5))
      answerWith(200, {}, { 'set-cookie': cookie })(_, outgoing)
    })
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask(filter.port, {})))
    expect(new Set(answers.map(({ headers }) => String(headers['set-cookie']))).size).toBe(4)
    expect(filter.reads.counts()).toMatchObject({ hit: 0, joined: 3, miss: 1 })
  })

  it('share a failure too, and it is not kept', async () => {
    const { nodeos, filter } = await startBoth(keeping(INFO), async (_, outgoing) => {
      while (filter.reads.joined < 1) await new Promise((resolve) => setTimeout(resolve, 5))
      outgoing.destroy()
    })
    const answers = await Promise.all([ask(filter.port, {}), ask(filter.port, {})])
    expect(answers.map(({ status }) => status)).toEqual([503, 503])
    const before = nodeos.received.length
    expect((await ask(filter.port, {})).status).toBe(503)
    expect(nodeos.received.length).toBeGreaterThan(before)
  })

  it('are each asked for where there are more kinds of them than are held', async () => {
    const { respond, waiting, arrived } = held()
    const { filter } = await startBoth({ ...keeping(ABI), maxConnectionsPerClient: 1_000 }, respond)
    const bodies = Array.from({ length: 70 }, (_, index) => `{"account_name":"a${index}"}`)
    const answers = bodies.map((body) => ask(filter.port, { target: ABI, body }))
    await arrived(70)
    for (const answer of waiting) answer()
    const texts = (await Promise.all(answers)).map(({ text }) => JSON.parse(text).asked)
    expect(texts).toEqual(bodies)
    expect(filter.reads.miss).toBe(64)
  })
})
