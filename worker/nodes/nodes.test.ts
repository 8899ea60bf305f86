// Several nodes behind the running filter: what clients get when one of them fails.

import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { packedBody } from '../testing/bodies.ts'
import { signWithWharfkit, transfer } from '../testing/clients.ts'
import { ask, nodeosForTest, type RunningFilter, startFilter } from '../testing/harness.ts'
import { answerWith, type NodeosStandIn, type Respond } from '../testing/nodeos-stand-in.ts'
import { infoBody } from '../testing/nodes.ts'

const ROWS = '/v1/chain/get_table_rows'
const PUSH = '/v1/chain/push_transaction'
const read = { target: ROWS, body: '{"code":"eosio"}' }
const push = {
  target: PUSH,
  body: packedBody(signWithWharfkit({ actions: [transfer('alice', 'bob')] })),
}

/** Answers looks well, and everything else as told. */
const nodeos =
  (respond: Respond, info: () => object = () => infoBody({})): Respond =>
  (received, outgoing) =>
    (received.target === '/v1/chain/get_info' ? answerWith(200, info()) : respond)(received, outgoing)

const ok = (name: string) => nodeos(answerWith(200, { from: name }))

interface Spec {
  respond: Respond
  settings?: object
}

async function startNodes(specs: Record<string, Spec>, settings: object = {}) {
  const nodes: { name: string; standIn: NodeosStandIn }[] = []
  for (const [name, { respond }] of Object.entries(specs))
    nodes.push({ name, standIn: await nodeosForTest(respond) })
  const listed = nodes.map(({ name, standIn }) => ({
    name,
    url: `http://127.0.0.1:${standIn.port}`,
    ...specs[name]!.settings,
  }))
  const filter = await startFilter(nodes[0]!.standIn, { nodes: listed, ...settings })
  await filter.look()
  const asked = (name: string, target: string) =>
    nodes.find((node) => node.name === name)!.standIn.received.filter((one) => one.target === target).length
  return {
    filter,
    listed,
    asked,
    standIns: Object.fromEntries(nodes.map(({ name, standIn }) => [name, standIn])),
  }
}

const statuses = async (filter: RunningFilter, request: typeof read, count: number) => {
  const found: number[] = []
  for (let index = 0; index < count; index++) found.push((await ask(filter.port, request)).status)
  return found
}

const messages = ({ log }: RunningFilter) => log.map((line) => JSON.parse(line).message as string)

/** A port where every connection is reset once something came on it. */
async function resetting(): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.resetAndDestroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as { port: number }).port
}

describe('a read', () => {
  it.each<[string, Respond]>([
    [
      'is asked of another node where the connection breaks',
      (_, outgoing) => void outgoing.socket!.resetAndDestroy(),
    ],
    ['is asked of another node where it is 429', answerWith(429, { code: 429, message: 'Busy' })],
    ['is asked of another node where it is 502', answerWith(502, {})],
    ['is asked of another node where it is 503', answerWith(503, { code: 503, message: 'Busy' })],
  ])('%s', async (_what, respond) => {
    const { filter, asked } = await startNodes(
      { bad: { respond: nodeos(respond) }, good: { respond: ok('good') } },
      { balance: 'round-robin' },
    )
    expect(await statuses(filter, read, 8)).toEqual(Array(8).fill(200))
    expect(asked('bad', ROWS)).toBeGreaterThan(0)
    expect(asked('good', ROWS)).toBe(8)
  })

  it('is asked no third time', async () => {
    const busy = nodeos(answerWith(503, { from: 'busy' }))
    const { filter, asked } = await startNodes({
      a: { respond: busy },
      b: { respond: busy },
      c: { respond: busy },
    })
    const answer = await ask(filter.port, read)
    expect([answer.status, answer.text]).toEqual([503, '{"from":"busy"}'])
    expect(['a', 'b', 'c'].reduce((sum, name) => sum + asked(name, ROWS), 0)).toBe(2)
  })

  it('that waits for a node is asked of another one when looks find it out', async () => {
    let isStuck = false
    const stuck: Respond = (received, outgoing) => {
      if (!isStuck) ok('a')(received, outgoing)
    }
    const { filter, asked } = await startNodes(
      { a: { respond: stuck }, b: { respond: ok('b') } },
      { balance: 'round-robin' },
    )
    isStuck = true
    const answers = Promise.all(Array.from({ length: 6 }, () => ask(filter.port, read)))
    await vi.waitUntil(() => asked('a', ROWS) === 3)
    await filter.look()
    expect((await answers).map(({ text }) => text)).toEqual(Array(6).fill('{"from":"b"}'))
    expect(messages(filter)).toContain('a is out: no answer to /v1/chain/get_info in time')
  }, 10_000)
})

describe('a transaction', () => {
  const accept = answerWith(202, { processed: {} })

  it('is asked of another node where no connection was made, and where it was not taken', async () => {
    for (const respond of [undefined, answerWith(429, {}), answerWith(503, {})]) {
      const { filter, standIns, asked } = await startNodes(
        { bad: { respond: nodeos(respond ?? accept) }, good: { respond: nodeos(accept) } },
        { balance: 'round-robin' },
      )
      if (!respond) await standIns.bad!.close()
      expect(await statuses(filter, push, 4)).toEqual([202, 202, 202, 202])
      expect(asked('good', PUSH)).toBe(4)
    }
  })

  it.each<[string, Respond, number]>([
    [
      'where the connection broke after it was sent',
      (_, outgoing) => void outgoing.socket!.resetAndDestroy(),
      503,
    ],
    ['where a gateway says 502', answerWith(502, {}), 502],
    ['where it failed', answerWith(500, { code: 500, error: { code: 3050003 } }), 500],
  ])('is not asked twice %s', async (_what, respond, status) => {
    const { filter, asked } = await startNodes({
      bad: { respond: nodeos(respond), settings: { serves: ['push'] } },
      other: { respond: nodeos(respond), settings: { serves: ['push'] } },
    })
    expect(await statuses(filter, push, 1)).toEqual([status])
    expect(asked('bad', PUSH) + asked('other', PUSH)).toBe(1)
  })
})

describe('a node', () => {
  it('that refuses connections is out at once, and in after two good looks', async () => {
    const { filter, standIns } = await startNodes({ a: { respond: ok('a') }, b: { respond: ok('b') } })
    await standIns.a!.close()
    await statuses(filter, read, 10)
    await filter.look()
    expect(
      messages(filter).some((text) => /^a is out: http:\/\/127\.0\.0\.1:\d+ does not answer/.test(text)),
    ).toBe(true)
    const { states } = filter.nodes.summary()
    expect(states).toEqual({ a: 'out', b: 'in' })
  })

  it('that resets every connection is ejected for a second or so, twice as long the next time', async () => {
    const port = await resetting()
    const { filter } = await startNodes({ a: { respond: ok('a') }, b: { respond: ok('b') } })
    const [a, b] = filter.nodes.states
    filter.configure({
      balance: 'round-robin',
      nodes: [
        { name: 'a', url: a!.node.origin },
        { name: 'b', url: b!.node.origin },
        { name: 'bad', url: `http://127.0.0.1:${port}` },
      ],
    })
    await ask(filter.port, read)
    // As if it had been well until now.
    const bad = filter.nodes.states[2]!
    bad.health.lookedAt = Date.now()
    filter.nodes.told(filter.nodes.known())
    expect(await statuses(filter, read, 20)).toEqual(Array(20).fill(200))
    expect(bad.isEjected(Date.now())).toBe(true)
    expect(bad.health.ejectedUntil - Date.now()).toBeLessThanOrEqual(1_000)
    expect(bad.counts).toMatchObject({ closed: 3, ejections: 1 })
    filter.nodes.eject('bad', 'again')
    expect(bad.counts.ejections).toBe(1)
    bad.health.ejectedUntil = Date.now() - 1
    filter.nodes.eject('bad', 'again')
    expect(bad.health.ejectedUntil - Date.now()).toBeGreaterThan(990)
    expect(bad.health.ejectedUntil - Date.now()).toBeLessThanOrEqual(2_000)
  })

  it('is not ejected where it is the last', async () => {
    const busy = nodeos(answerWith(503, {}))
    const { filter } = await startNodes({ a: { respond: busy } })
    await statuses(filter, read, 10)
    expect(filter.nodes.summary().status).toBe('ok')
  })

  it('of weight 0 is asked only while no other is in', async () => {
    const { filter, asked, standIns } = await startNodes({
      a: { respond: ok('a') },
      old: { respond: ok('old'), settings: { weight: 0 } },
    })
    await statuses(filter, read, 10)
    expect(asked('old', ROWS)).toBe(0)
    await standIns.a!.close()
    await filter.look()
    expect(await statuses(filter, read, 3)).toEqual([200, 200, 200])
    expect(asked('old', ROWS)).toBe(3)
  })

  it('that is added takes requests as soon as it was looked at; one that is removed finishes what it has', async () => {
    let answer: (() => void) | undefined
    const slow: Respond = (received, outgoing) => {
      answer = () => ok('a')(received, outgoing)
    }
    const { filter, listed } = await startNodes({ a: { respond: nodeos(slow) } })
    const added = await nodeosForTest(ok('new'))
    const first = ask(filter.port, read)
    await vi.waitUntil(() => answer !== undefined)
    filter.configure({ nodes: [{ name: 'new', url: `http://127.0.0.1:${added.port}` }] })
    await filter.look()
    expect((await ask(filter.port, read)).text).toBe('{"from":"new"}')
    answer!()
    expect((await first).text).toBe('{"from":"a"}')
    filter.configure({ nodes: listed })
  })
})

describe('where all nodes are out', () => {
  const old = nodeos(answerWith(200, {}), () => infoBody({ age: 60 }))

  it('the answer is 503 at once, with Retry-After, and no strike', async () => {
    const { filter, asked } = await startNodes({ a: { respond: old }, b: { respond: old } })
    const answer = await ask(filter.port, read)
    expect([answer.status, JSON.parse(answer.text).message]).toEqual([503, 'NODEOS_UNREACHABLE'])
    expect(answer.headers['retry-after']).toBe('1')
    expect(asked('a', ROWS) + asked('b', ROWS)).toBe(0)
    expect(filter.reports).toEqual([])
  })

  it('the health check says so where it is asked for nodes', async () => {
    const { filter } = await startNodes({ a: { respond: old }, b: { respond: old } })
    expect((await ask(filter.port, { target: '/patroneos/health' })).status).toBe(200)
    const answer = await ask(filter.port, { target: '/patroneos/health?nodes' })
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      503,
      { status: 'no node is in', nodes: { a: 'out', b: 'out' } },
    ])
  })

  it('and where none serves the path', async () => {
    const { filter } = await startNodes({ a: { respond: ok('a'), settings: { serves: ['push'] } } })
    const answer = await ask(filter.port, read)
    expect(answer.status).toBe(503)
    expect(JSON.parse(answer.text).error.details[0].message).toContain('No node serves this path')
  })
})

it('the only node of the short form is asked, whatever looks found', async () => {
  const standIn = await nodeosForTest(nodeos(answerWith(200, {}), () => infoBody({ age: 60 })))
  const filter = await startFilter(standIn)
  await filter.look()
  expect((await ask(filter.port, read)).status).toBe(200)
  expect(messages(filter)[0]).toMatch(/^nodeos is out: head block 60 s old; requests are still sent to it/)
})

describe('the cache over nodes that differ', () => {
  const INFO = '/v1/chain/get_info'
  const keeping = { cache: { paths: { [INFO]: 0.001, [ROWS]: 0.001, '/v1/chain/get_block': 9 } } }
  const wait = () => new Promise((resolve) => setTimeout(resolve, 5))

  it('never gives the head of a node that is behind after that of one that is ahead', async () => {
    const heads = { a: 1_000, b: 990 }
    const { filter } = await startNodes(
      {
        a: { respond: nodeos(answerWith(200, {}), () => infoBody({ head: heads.a })) },
        b: { respond: nodeos(answerWith(200, {}), () => infoBody({ head: heads.b })) },
      },
      { ...keeping, balance: 'random' },
    )
    const seen: number[] = []
    for (let index = 0; index < 60; index++) {
      if (index % 10 === 0) heads.a += 1
      if (index % 3 === 0) heads.b += 1
      seen.push(JSON.parse((await ask(filter.port, { target: INFO })).text).head_block_num)
      await wait()
    }
    expect(seen).toEqual(seen.toSorted((x, y) => x - y))
  })

  it('keeps a key with the node that answered it, and holds its answer until another one has caught up', async () => {
    const heads = { a: 1_000, b: 1_000 }
    const { filter, asked, standIns } = await startNodes(
      {
        a: { respond: nodeos(answerWith(200, { from: 'a' }), () => infoBody({ head: heads.a })) },
        b: { respond: nodeos(answerWith(200, { from: 'b' }), () => infoBody({ head: heads.b })) },
      },
      { ...keeping, balance: 'round-robin' },
    )
    const first = JSON.parse((await ask(filter.port, read)).text).from as 'a' | 'b'
    const other = first === 'a' ? 'b' : 'a'
    for (let index = 0; index < 5; index++) {
      await wait()
      await ask(filter.port, read)
    }
    expect([asked(first, ROWS), asked(other, ROWS)]).toEqual([6, 0])
    await standIns[first]!.close()
    await wait()
    // The other one may be behind: nothing newer is known of it.
    expect(JSON.parse((await ask(filter.port, read)).text).from).toBe(first)
    heads[other] = 1_010
    await filter.look()
    await wait()
    expect(JSON.parse((await ask(filter.port, read)).text).from).toBe(other)
  })

  it('takes what is irreversible from the node that answers, and never from one of another chain', async () => {
    const block = { target: '/v1/chain/get_block', body: '{"block_num_or_id":500}' }
    const { filter, asked } = await startNodes(
      {
        behind: { respond: nodeos(answerWith(200, {}), () => infoBody({ head: 1_000, irreversible: 499 })) },
      },
      keeping,
    )
    await ask(filter.port, block)
    await ask(filter.port, block)
    expect(asked('behind', block.target)).toBe(2)
    const other = await startNodes(
      {
        right: { respond: nodeos(answerWith(200, {}), () => infoBody({ irreversible: 400 })) },
        wrong: {
          respond: nodeos(answerWith(200, {}), () =>
            infoBody({ chainId: 'f'.repeat(64), irreversible: 900 }),
          ),
        },
        third: { respond: nodeos(answerWith(200, {}), () => infoBody({ irreversible: 400 })) },
      },
      keeping,
    )
    for (let index = 0; index < 4; index++) await ask(other.filter.port, block)
    expect(other.asked('wrong', block.target)).toBe(0)
    expect(other.asked('right', block.target) + other.asked('third', block.target)).toBe(4)
  })
})
