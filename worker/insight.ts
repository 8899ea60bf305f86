// What an operator wants to know of single clients and requests, which metrics cannot tell: who is heaviest, the last
// verdicts against a network, and the last requests, on which a change can be tried. Kept in memory, all of it bounded.
import { type Address, clientNetwork } from '../shared/address.ts'
import type { FilterConfig } from '../shared/config/filter.ts'
import { TRANSACTION_FAILED, type Violation } from '../shared/violations.ts'
import { pathOf } from './endpoints.ts'
import { headerValue } from './headers.ts'
import type { Verdict } from './judge.ts'
import type { LimitKeys } from './limits/rate-limits.ts'
import type { FilterRequest } from './platform.ts'
import { tablesIn } from './reads/table-reads.ts'
import { RecentRequests } from './recent/requests.ts'
import { type Trial, tryConfig } from './recent/trial.ts'
import { type RecentVerdict, RecentVerdicts } from './recent/verdicts.ts'
import type { ReportError } from './report-queue.ts'
import type { Window } from './top/sliding-top.ts'
import { type Doing, TopLists, type TopSnapshot } from './top/top-lists.ts'
import { formatName } from './transactions/name.ts'

/** Who did something, and with which request. */
export interface Doer {
  client: Address
  /** Undefined where the listener found none. */
  request: FilterRequest | undefined
  /** Undefined where it was not judged so far. */
  verdict?: Verdict | undefined
}

/** Told by the pipeline. */
export interface Insight {
  /** A request's body was judged. */
  judged(doer: Doer & { request: FilterRequest }, body: Uint8Array): void
  /** A request was refused, or would be: `enforced` says which. */
  violation(doer: Doer, found: Violation, enforced: boolean): void
  /** Transactions of a request failed. */
  failure(doer: Doer, count: number): void
  /** A node spent time on a request. */
  spent(doer: Doer, milliseconds: number, body: Uint8Array): void
}

/** What the config listener asks: of one process, or of all together. */
export interface InsightAnswers {
  top(window: Window): Promise<TopSnapshot>
  /** `network` is as of clientNetwork; of all networks where it is "". */
  verdicts(network: string): Promise<RecentVerdict[]>
  /** What a configuration would do to the last requests. */
  trial(next: FilterConfig): Promise<Trial>
  /** The keys that are nearest to each rate limit. */
  limits(): Promise<LimitKeys>
  /** Why relays did not take reports, by relay. */
  relayErrors(): Promise<Record<string, ReportError>>
  /** Milliseconds of nodeos's time that were spent on all requests since the start. */
  time(): Promise<number>
}

/**
 * Of nodeos's time the request is counted on which every so many milliseconds of it fall, with the weight of as many; for
 * any other nothing is done. That is at the least; it becomes more where samples follow each other within less than this,
 * as where many requests are under way at one time: what counting costs is bounded, however many requests there are.
 */
const LEAST_STEP = 2
const LEAST_PAUSE = 2

/** Codes that say nothing of the sender. */
const NOT_THE_SENDERS = /^(?:OVERLOADED|NODEOS_)/

/** Codes of clients whose requests are not looked at any more. */
const SHUT_OUT = /^(?:BANNED|BLOCKED_ADDRESS)$/

/** Codes that do not come of the request by itself. */
const UNJUDGED = /^(?:BANNED|BLOCKED_ADDRESS|RATE_LIMITED|REQUEST_TIMEOUT)$/

const decoder = new TextDecoder()

/** `config` is the configuration in force; where it has no console, nothing is kept. */
export function createInsight(
  config: () => FilterConfig,
): Insight & Omit<InsightAnswers, 'limits' | 'relayErrors'> {
  const lists = new TopLists()
  const verdicts = new RecentVerdicts()
  const requests = new RecentRequests()
  const weightOf = createSampling()
  let time = 0

  const note = (doer: Doer, network: string, verdict: Pick<RecentVerdict, 'code' | 'detail' | 'enforced'>) =>
    verdicts.add(network, {
      at: Date.now(),
      client: doer.client,
      ...verdict,
      request: doer.request ? callOf(doer.request) : '',
      agent: agentOf(doer),
    })

  return {
    judged: ({ request, client }, body) => {
      if (config().console) requests.add(request, client, body)
    },
    violation: (doer, found, enforced) => {
      if (!config().console || NOT_THE_SENDERS.test(found.code)) return
      const { request, client, verdict } = doer
      if (request && !verdict && !UNJUDGED.test(found.code)) requests.add(request, client, undefined)
      const call = request && !found.isNoRequest ? ` ${callOf(request)}` : ''
      // Why it is shut out is what it did before.
      const isShutOut = SHUT_OUT.test(found.code)
      const doing = doingOf(doer, isShutOut ? '' : `${found.code}${call}`)
      lists.add('violations', doing, 1, Date.now())
      if (isShutOut) return
      note(doer, doing.network, { code: found.code, detail: found.detail, enforced })
    },
    failure: (doer, count) => {
      if (!config().console) return
      const what = actionOf(doer)
      const doing = doingOf(doer, `${TRANSACTION_FAILED} ${what}`)
      lists.add('failures', doing, count, Date.now())
      note(doer, doing.network, {
        code: TRANSACTION_FAILED,
        detail: `${what} failed at nodeos`,
        enforced: false,
      })
    },
    spent: (doer, milliseconds, body) => {
      time += milliseconds
      const weight = weightOf(milliseconds)
      if (weight === 0 || !config().console) return
      const { request, verdict } = doer
      const tables =
        request && verdict && !verdict.violation && body.length > 0
          ? tablesIn(pathOf(request.target), decoder.decode(body))
          : []
      const what = `${request ? callOf(request) : ''} ${tables[0] ?? actionOf(doer)}`.trim()
      lists.add('time', { ...doingOf(doer, what), tables }, weight, Date.now())
    },
    top: async (window) => lists.snapshot(window, Date.now()),
    verdicts: async (network) => verdicts.of(network),
    time: async () => time,
    trial: (next) => tryConfig(requests.all, config(), next),
  }
}

/** Says how much of the time that is sampled a request stands for; mostly for none. */
function createSampling(): (milliseconds: number) => number {
  let step = LEAST_STEP
  let left = step
  let sampledAt = Number.NEGATIVE_INFINITY
  return (milliseconds) => {
    left -= milliseconds
    if (left > 0) return 0
    const weight = step * (1 + Math.floor(-left / step))
    const now = performance.now()
    step = now - sampledAt < LEAST_PAUSE ? step * 1.1 : Math.max(LEAST_STEP, step * 0.9)
    sampledAt = now
    left += weight
    return weight
  }
}

function doingOf(doer: Doer, what: string): Doing {
  const { transactions = [], tables = [] } = doer.verdict ?? {}
  return { network: clientNetwork(doer.client), agent: agentOf(doer), what, transactions, tables }
}

const agentOf = ({ request }: Doer) => (request ? headerValue(request.headers, 'user-agent') : '')

/** Characters of a path that are listed. */
const MAX_PATH = 80

const callOf = ({ method, target }: FilterRequest) => `${method} ${pathOf(target).slice(0, MAX_PATH)}`

/** The first action, as contract::action; "" where there is none. */
function actionOf({ verdict }: Doer): string {
  const action = verdict?.transactions[0]?.actions[0]
  if (action?.contract === undefined || action.name === undefined) return ''
  return `${formatName(action.contract)}::${formatName(action.name)}`
}
