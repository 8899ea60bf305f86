// Asks all workers what each knows of clients and requests, and sums the answers.
import type { InsightAnswers } from '../../insight.ts'
import { fullestOf } from '../../limits/rate-limits.ts'
import { sumOfTrials } from '../../recent/trial.ts'
import { newestVerdicts } from '../../recent/verdicts.ts'
import type { ReportError } from '../../report-queue.ts'
import { sumOfTops } from '../../top/top-lists.ts'
import type { Question } from './messages.ts'

/** Milliseconds after which the answers that have come are taken for all. */
const TIMEOUT = 2_000

/** Sends a question to each worker; returns those that were asked. */
export type Ask = (id: number, question: Question) => readonly object[]

export interface Questions extends InsightAnswers {
  /** Takes what a worker answered. */
  answered(worker: object, id: number, answer: unknown): void
  /** A worker is gone, and with it the answers that it has not given. */
  gone(worker: object): void
}

interface Pending {
  answers: unknown[]
  missing: Set<object>
  done(): void
}

export function createQuestions(ask: Ask): Questions {
  const pending = new Map<number, Pending>()
  let last = 0

  const expectNoMore = (one: Pending, worker: object) => {
    if (one.missing.delete(worker) && one.missing.size === 0) one.done()
  }
  const all = <Name extends keyof InsightAnswers>(name: Name, about: Parameters<InsightAnswers[Name]>[0]) =>
    new Promise<Awaited<ReturnType<InsightAnswers[Name]>>[]>((resolve) => {
      const id = ++last
      const one: Pending = {
        answers: [],
        missing: new Set(),
        done: () => {
          clearTimeout(timer)
          pending.delete(id)
          resolve(one.answers as Awaited<ReturnType<InsightAnswers[Name]>>[])
        },
      }
      const timer = setTimeout(() => one.done(), TIMEOUT)
      pending.set(id, one)
      one.missing = new Set(ask(id, { name, about } as Question))
      if (one.missing.size === 0) one.done()
    })

  return {
    top: async (window) => sumOfTops(await all('top', window)),
    verdicts: async (network) => newestVerdicts(await all('verdicts', network)),
    trial: async (next) => sumOfTrials(await all('trial', next)),
    limits: async () => fullestOf(await all('limits', undefined)),
    time: async () => (await all('time', undefined)).reduce((sum, milliseconds) => sum + milliseconds, 0),
    relayErrors: async () => newestErrors(await all('relayErrors', undefined)),
    answered: (worker, id, answer) => {
      const one = pending.get(id)
      if (!one) return
      one.answers.push(answer)
      expectNoMore(one, worker)
    },
    gone: (worker) => {
      for (const one of [...pending.values()]) expectNoMore(one, worker)
    },
  }
}

/** Of each relay the newest. */
function newestErrors(all: readonly Record<string, ReportError>[]): Record<string, ReportError> {
  const entries = all.flatMap((errors) => Object.entries(errors))
  return Object.fromEntries(entries.sort(([, a], [, b]) => a.at - b.at))
}
