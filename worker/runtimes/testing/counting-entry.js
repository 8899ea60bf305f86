// Stands before the Worker in tests: counts its calls of KV and Durable Objects, answers only when what the request
// left behind is done, moves the isolate's clock, and breaks its stores.
import worker, * as exported from './worker.js'

const counts = {}
let broken = false
let hanging = false
let ahead = 0
const now = Date.now
Date.now = () => now() + ahead

const count = (name, work) => {
  counts[name] = (counts[name] ?? 0) + 1
  if (broken) throw new Error('out of order')
  if (hanging) return new Promise((resolve) => setTimeout(resolve, 60_000))
  return work()
}

const countedStub = (binding, stub) =>
  new Proxy(
    {},
    {
      get:
        (_, method) =>
        (...args) =>
          count(`${binding}.${method}`, () => stub[method](...args)),
    },
  )

const counted = (env) => ({
  ...env,
  KV: {
    get: (...args) => count('KV.get', () => env.KV.get(...args)),
    put: (...args) => count('KV.put', () => env.KV.put(...args)),
  },
  BAN_COUNTERS: { getByName: (name) => countedStub('BAN_COUNTERS', env.BAN_COUNTERS.getByName(name)) },
  BAN_LIST: { getByName: (name) => countedStub('BAN_LIST', env.BAN_LIST.getByName(name)) },
})

export class BanCounter extends exported.BanCounter {
  constructor(context, env) {
    super(context, counted(env))
  }
}

export const { LimitCounter } = exported

export class BanList extends exported.BanList {
  constructor(context, env) {
    super(context, counted(env))
  }
  alarm() {
    counts['BAN_LIST.alarm'] = (counts['BAN_LIST.alarm'] ?? 0) + 1
    return super.alarm()
  }
}

/** A thousand requests of a number of clients, good or bad, a number of seconds apart by the isolate's clock. */
async function thousand(parameters, env) {
  const [clients, seconds] = ['clients', 'seconds'].map((name) => Number(parameters.get(name)))
  const init = parameters.has('bad') ? { method: 'POST', body: '{' } : {}
  for (let at = 0; at < 1000; ) {
    const work = []
    const some = Array.from({ length: 20 }, async () => {
      const number = at++ % clients
      ahead += seconds * 1000
      const headers = { 'cf-connecting-ip': `198.51.${number >> 8}.${number & 255}` }
      const request = new Request(
        `http://filter.example/v1/chain/${init.body ? 'push_transaction' : 'get_info'}`,
        { ...init, headers },
      )
      const response = await worker.fetch(request, counted(env), {
        waitUntil: (promise) => work.push(promise),
      })
      await response.arrayBuffer()
    })
    await Promise.all(some)
    await Promise.allSettled(work)
  }
}

export default {
  async fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/-/counts') return Response.json(counts)
    if (pathname === '/-/set') {
      ahead += Number(searchParams.get('seconds') ?? 0) * 1000
      broken = searchParams.has('broken')
      hanging = searchParams.has('hanging')
      return new Response()
    }
    if (pathname === '/-/thousand') {
      await thousand(searchParams, env)
      return Response.json(counts)
    }
    const work = []
    const waitUntil = (promise) => work.push(promise)
    const response = await worker.fetch(request, counted(env), { waitUntil })
    const body = await response.arrayBuffer()
    const all = Promise.allSettled(work)
    if (request.headers.has('x-at-once')) context.waitUntil(all)
    else await all
    return new Response(body, { status: response.status, headers: response.headers })
  },
}
