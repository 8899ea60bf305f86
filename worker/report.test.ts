// How verdicts get to relays: in batches, in bounds, again where it helps, and never in the way.
import { setImmediate } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Address } from '../shared/address.ts'
import { createLogger } from '../shared/logger.ts'
import { importSecrets, parseReport, type RelaySecret, type ReportEvent } from '../shared/report-message.ts'
import { createReporter, relayUrl } from './report.ts'

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
const RELAY = 'http://relay.example'

interface Message {
  url: string
  headers: Record<string, string>
  body: string
  events: ReportEvent[]
  signal: AbortSignal
}
type Answer = (message: Message) => Response | Promise<Response>

let messages: Message[]
let log: { level: string; message: string; [field: string]: unknown }[]
let secrets: RelaySecret[]

beforeEach(async () => {
  messages = []
  log = []
  secrets = await importSecrets(SECRET)
  // No timer runs out unless a test says so; signatures and messages take the real event loop.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const taken: Answer = () => new Response('{"status":"ok"}')
const never: Answer = () => new Promise(() => {})

function reporterTo(answer: Answer, relays: readonly string[] = [RELAY]) {
  const reporter = createReporter({
    secrets,
    logger: createLogger({ readable: false, write: (line) => log.push(JSON.parse(line)) }),
    send: async (url, init) => {
      const body = String(init?.body)
      const report = parseReport(body)
      const message = {
        url: String(url),
        headers: init?.headers as Record<string, string>,
        body,
        events: 'events' in report ? report.events : [],
        signal: init?.signal as AbortSignal,
      }
      messages.push(message)
      return answer(message)
    },
    now: Date.now,
  })
  reporter.setRelays(relays)
  return reporter
}

type Reporter = ReturnType<typeof reporterTo>

/** The n-th of different clients. */
const client = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` as Address
const report = (reporter: Reporter, from: number, to: number) => {
  for (let n = from; n < to; n++) reporter.report(client(n), 'INVALID_JSON')
}
const hostsOf = (list: Message[]) => list.flatMap(({ events }) => events.map(({ host }) => host))
const clients = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => client(from + n))

/** Lets everything happen that no timer is needed for. */
async function settle(until: () => boolean = () => false) {
  for (let turn = 0; turn < 100 && !until(); turn++) await setImmediate()
}
const settledMessages = async (count: number) => {
  for (let left = 100; left > 0 && messages.length < count; left--)
    await settle(() => messages.length >= count)
  expect(messages.length).toBe(count)
}
const wait = async (milliseconds: number) => {
  await vi.advanceTimersByTimeAsync(milliseconds)
  await settle()
}

describe('batches', () => {
  test('a first event waits 200 ms for company', async () => {
    const reporter = reporterTo(taken)
    report(reporter, 0, 3)
    await wait(199)
    expect(messages).toEqual([])
    await wait(1)
    await settledMessages(1)
    expect(hostsOf(messages)).toEqual(clients(0, 3))
  })

  test('a hundred do not wait, and no message has more', async () => {
    const reporter = reporterTo(taken)
    report(reporter, 0, 99)
    await settle()
    expect(messages).toEqual([])
    report(reporter, 99, 250)
    await settledMessages(2)
    // The rest waits for company again, like a first event.
    await wait(199)
    expect(messages.map(({ events }) => events.length)).toEqual([100, 100])
    report(reporter, 250, 260)
    await wait(1)
    await settledMessages(3)
    expect(messages.map(({ events }) => events.length)).toEqual([100, 100, 60])
    expect(hostsOf(messages)).toEqual(clients(0, 260))
    expect(reporter.counters()).toEqual({
      [relayUrl(RELAY)]: { sent: 260, dropped: 0, refused: 0, queued: 0, oldest: 0 },
    })
  })

  test('are signed so that the reference library believes them, with an id of their own', async () => {
    report(reporterTo(taken), 0, 200)
    await settledMessages(2)
    for (const { body, headers } of messages) {
      expect(headers['content-type']).toBe('application/json')
      new Webhook(SECRET).verify(body, headers)
    }
    expect(messages[0]!.headers['webhook-id']).not.toBe(messages[1]!.headers['webhook-id'])
  })

  test('with several secrets, the first signs', async () => {
    secrets = await importSecrets(`whsec_${Buffer.alloc(32, 6).toString('base64')},${SECRET}`)
    report(reporterTo(taken), 0, 100)
    await settledMessages(1)
    const { body, headers } = messages[0]!
    expect(() => new Webhook(SECRET).verify(body, headers)).toThrow()
  })

  test('without a secret every event is a message of its own, with an id against repetition', async () => {
    secrets = []
    report(reporterTo(taken), 0, 100)
    await settledMessages(100)
    expect(messages[7]!.body).toBe(`{"host":"${client(7)}","success":false,"message":"INVALID_JSON"}`)
    expect(new Set(messages.map(({ headers }) => headers['webhook-id'])).size).toBe(100)
  })
})

describe('bounds', () => {
  test('10,000 events wait for a relay; then the oldest go, and are counted', async () => {
    const reporter = reporterTo(never)
    report(reporter, 0, 100)
    await settledMessages(1)
    report(reporter, 100, 25_000)
    const { queued, dropped } = Object.values(reporter.counters())[0]!
    expect(queued).toBeLessThanOrEqual(10_000)
    expect(queued).toBeGreaterThanOrEqual(9_000)
    expect(queued + dropped).toBe(25_000)
    const said = log.filter(({ message }) => message.startsWith('reports dropped'))
    expect(said.reduce((sum, { dropped }) => sum + Number(dropped), 0)).toBe(dropped)
    expect(said.length).toBeLessThanOrEqual(16)
  })

  test('what is left when the relay takes reports again are the newest', async () => {
    let relay = never
    const answers: ((response: Response) => void)[] = []
    relay = () => new Promise((resolve) => answers.push(resolve))
    const reporter = reporterTo((message) => relay(message))
    report(reporter, 0, 100)
    await settledMessages(1)
    report(reporter, 100, 25_000)
    relay = taken
    answers[0]!(new Response(''))
    await reporter.idle()
    const { sent, dropped, queued } = Object.values(reporter.counters())[0]!
    expect({ total: sent + dropped, queued }).toEqual({ total: 25_000, queued: 0 })
    expect(hostsOf(messages)).toEqual([...clients(0, 100), ...clients(25_000 - (sent - 100), 25_000)])
  })

  test('a relay that is down holds up none of the others', async () => {
    const down = 'http://down.example'
    const reporter = reporterTo(
      (message) => (message.url.startsWith(down) ? never(message) : taken(message)),
      [down, RELAY],
    )
    report(reporter, 0, 1_000)
    await settledMessages(11)
    expect(reporter.counters()).toEqual({
      [relayUrl(down)]: { sent: 0, dropped: 0, refused: 0, queued: 1_000, oldest: expect.any(Number) },
      [relayUrl(RELAY)]: { sent: 1_000, dropped: 0, refused: 0, queued: 0, oldest: 0 },
    })
  })

  test('how long the oldest has waited is known, also of what is on its way', async () => {
    const now = vi.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000)
    const reporter = reporterTo(never)
    const oldest = () => Object.values(reporter.counters())[0]!.oldest
    expect(oldest()).toBe(0)
    report(reporter, 0, 150)
    now.mockReturnValue(1_800_000_005_000)
    expect(oldest()).toBe(5_000)
    await settledMessages(1)
    report(reporter, 150, 151)
    expect(oldest()).toBe(5_000)
  })

  test('reporting waits for nothing, not even for an answer that never comes', () => {
    const reporter = reporterTo(never)
    expect(reporter.report(client(1), 'INVALID_JSON')).toBeUndefined()
  })
})

describe('again', () => {
  const status = (code: number) => () => new Response('no', { status: code })
  /** Goes on to the next attempt. */
  const attempted = async (number: number) => {
    await settle()
    await vi.advanceTimersToNextTimerAsync()
    await settledMessages(number)
    await settle()
  }
  const broken = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }))

  test.each<[string, Answer]>([
    ['408', status(408)],
    ['429', status(429)],
    ['500', status(500)],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
    ['no connection', broken],
  ])('after %s, the same message under the same id, signed anew', async (_what, answer) => {
    let left = 3
    const reporter = reporterTo((message) => (left-- > 0 ? answer(message) : taken(message)))
    report(reporter, 0, 100)
    await settledMessages(1)
    // Half of 100, 200 and 400 ms, as the dice say.
    for (const [index, backoff] of [50, 100, 200].entries()) {
      await wait(backoff - 1)
      expect(messages.length).toBe(index + 1)
      await wait(1)
      await settledMessages(index + 2)
    }
    await settle()
    expect(new Set(messages.map(({ body }) => body)).size).toBe(1)
    expect(new Set(messages.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    for (const { body, headers } of messages) new Webhook(SECRET).verify(body, headers)
    expect(Object.values(reporter.counters())).toEqual([
      { sent: 100, dropped: 0, refused: 0, queued: 0, oldest: 0 },
    ])
  })

  test.each([400, 401, 403, 404, 405, 413, 302])(
    'not after %i: refused, counted, and said once',
    async (code) => {
      const reporter = reporterTo(status(code))
      report(reporter, 0, 200)
      await settledMessages(2)
      await settle()
      expect(Object.values(reporter.counters())).toEqual([
        { sent: 0, dropped: 0, refused: 200, queued: 0, oldest: 0 },
      ])
      expect(log).toMatchObject([{ level: 'error', message: 'relay refuses reports', reason: `${code} no` }])
    },
  )

  test('the wait between two attempts ends at five seconds', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    report(reporterTo(broken), 0, 100)
    await settledMessages(1)
    for (let attempt = 2; attempt < 9; attempt++) await attempted(attempt)
    await wait(4_994)
    expect(messages.length).toBe(8)
    await wait(1)
    await settledMessages(9)
  })

  test('a relay that is down is said once, and once that it is back', async () => {
    let down = true
    const reporter = reporterTo((message) => (down ? broken() : taken(message)))
    report(reporter, 0, 100)
    await settledMessages(1)
    for (let attempt = 2; attempt < 10; attempt++) await attempted(attempt)
    expect(log).toMatchObject([{ level: 'warn', reason: 'ECONNREFUSED' }])
    down = false
    await attempted(10)
    await reporter.idle()
    expect(log[1]).toMatchObject({ level: 'info', message: 'relay takes reports again' })
  })

  test('a relay that does not answer is given up after two seconds', async () => {
    vi.useRealTimers()
    const reporter = reporterTo(
      ({ signal }) =>
        new Promise((resolve, reject) => {
          if (messages.length > 1) resolve(new Response(''))
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    )
    report(reporter, 0, 100)
    await reporter.idle()
    expect(messages.map(({ signal }) => signal.aborted)).toEqual([true, false])
    expect(Object.values(reporter.counters())).toEqual([
      { sent: 100, dropped: 0, refused: 0, queued: 0, oldest: 0 },
    ])
  })
})

describe('the end', () => {
  test('what waits is sent at once', async () => {
    vi.useRealTimers()
    const reporter = reporterTo(taken)
    report(reporter, 0, 1_050)
    await reporter.drain(10_000)
    expect(hostsOf(messages)).toEqual(clients(0, 1_050))
    expect(log).toEqual([])
  })

  test('what a relay does not take in time is lost, counted and said', async () => {
    vi.useRealTimers()
    const reporter = reporterTo(never)
    report(reporter, 0, 150)
    await reporter.drain(100)
    expect(log).toMatchObject([{ level: 'error', lost: 150, relay: relayUrl(RELAY) }])
  })

  test('with nothing to say it is at once', async () => {
    await reporterTo(never).drain(10_000)
    await reporterTo(never, []).drain(10_000)
    expect(messages).toEqual([])
  })
})

describe('a change of relays', () => {
  test('a new one gets what comes from then on; a removed one what came until then', async () => {
    vi.useRealTimers()
    const other = 'http://other.example'
    const reporter = reporterTo(taken)
    report(reporter, 0, 3)
    reporter.setRelays([other])
    report(reporter, 3, 5)
    await reporter.drain(10_000)
    await vi.waitFor(() => expect(messages.length).toBe(2), 10_000)
    const to = (base: string) => hostsOf(messages.filter(({ url }) => url === relayUrl(base)))
    expect(to(RELAY)).toEqual(clients(0, 3))
    expect(to(other)).toEqual(clients(3, 5))
  })

  test('one that stays keeps its queue', () => {
    const reporter = reporterTo(never)
    report(reporter, 0, 3)
    reporter.setRelays([RELAY, 'http://other.example'])
    expect(reporter.counters()[relayUrl(RELAY)]?.queued).toBe(3)
  })
})

test.each([
  ['http://10.0.0.1:8080', 'http://10.0.0.1:8080/patroneos/fail2ban-relay'],
  ['http://10.0.0.1:8080/', 'http://10.0.0.1:8080/patroneos/fail2ban-relay'],
  ['http://10.0.0.1:8080/base', 'http://10.0.0.1:8080/base/patroneos/fail2ban-relay'],
  ['http://10.0.0.1:8080/patroneos/fail2ban-relay', 'http://10.0.0.1:8080/patroneos/fail2ban-relay'],
])('%s is the relay at %s', (base, url) => {
  expect(relayUrl(base)).toBe(url)
})
