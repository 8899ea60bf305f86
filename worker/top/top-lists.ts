// Who and what is heaviest, and by which measure: fed with violations, failed transactions and nodeos's time.
import { detached } from '../../shared/detached.ts'
import { formatName } from '../transactions/name.ts'
import type { Transaction } from '../transactions/transaction.ts'
import { SlidingTop, type Window, windows } from './sliding-top.ts'
import { type HeavyList, merged } from './space-saving.ts'

/** What is listed. */
export const subjects = ['networks', 'accounts', 'contracts', 'tables', 'agents'] as const
export type Subject = (typeof subjects)[number]

/** By what: requests that were refused, transactions that failed, milliseconds of nodeos's time. */
export const measures = ['violations', 'failures', 'time'] as const
export type Measure = (typeof measures)[number]

/** What of a request is counted. */
export interface Doing {
  network: string
  /** Its User-Agent, "" where it has none. */
  agent: string
  /** What it does, in few words: a code, a call, a table; "" where that says nothing. */
  what: string
  transactions: readonly Transaction[]
  /** As contract::table. */
  tables: readonly string[]
}

/** The lists of one process in one window, as plain data. `doings` has keys of network, blank and what it does. */
export type TopSnapshot = Record<Measure, Record<Subject | 'doings', HeavyList>>

/** Names of one kind that one request is counted for; a transaction of thousands of actions names no more. */
const MAX_NAMES = 8

/** Characters of a User-Agent. */
const MAX_AGENT = 120

export class TopLists {
  /** Of each a list for each window. */
  readonly #lists = forEachList(() => windows.map((window) => new SlidingTop(window)))

  /** `weight`: how many, or milliseconds. `now` is Unix time in milliseconds. */
  add(measure: Measure, { network, agent, what, transactions, tables }: Doing, weight: number, now: number) {
    this.#count(measure, 'networks', network, weight, now)
    if (what) this.#count(measure, 'doings', `${network} ${what}`, weight, now)
    this.#count(measure, 'agents', detached(agent.slice(0, MAX_AGENT)) || '(none)', weight, now)
    for (const account of authorizersOf(transactions)) this.#count(measure, 'accounts', account, weight, now)
    for (const contract of contractsOf(transactions)) this.#count(measure, 'contracts', contract, weight, now)
    for (const table of tables.slice(0, MAX_NAMES))
      this.#count(measure, 'tables', detached(table), weight, now)
  }

  #count(measure: Measure, subject: Subject | 'doings', key: string, weight: number, now: number): void {
    for (const list of this.#lists[measure][subject]) list.add(key, weight, now)
  }

  snapshot(window: Window, now: number): TopSnapshot {
    return forEachList((measure, subject) =>
      this.#lists[measure][subject][windows.indexOf(window)]!.list(now),
    )
  }
}

/** The lists of several processes as one. */
export function sumOfTops(snapshots: readonly TopSnapshot[]): TopSnapshot {
  return forEachList((measure, subject) => merged(snapshots.map((snapshot) => snapshot[measure][subject])))
}

function forEachList<T>(make: (measure: Measure, subject: Subject | 'doings') => T) {
  const of = (measure: Measure) =>
    Object.fromEntries(
      ([...subjects, 'doings'] as const).map((subject) => [subject, make(measure, subject)]),
    ) as Record<Subject | 'doings', T>
  return { violations: of('violations'), failures: of('failures'), time: of('time') }
}

/** Each once, the first few. */
function namesOf(
  transactions: readonly Transaction[],
  named: (action: Transaction['actions'][number]) => string[],
) {
  const names = new Set<string>()
  for (const { actions } of transactions)
    for (const action of actions) {
      if (names.size >= MAX_NAMES) return names
      for (const name of named(action)) names.add(name)
    }
  return names
}

const authorizersOf = (transactions: readonly Transaction[]) =>
  namesOf(transactions, ({ authorizers }) => authorizers.slice(0, MAX_NAMES).map(formatName))

const contractsOf = (transactions: readonly Transaction[]) =>
  namesOf(transactions, ({ contract }) => (contract === undefined ? [] : [formatName(contract)]))
