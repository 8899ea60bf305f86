// Sends hostile and honest requests through a filter and looks for the first that breaks a promise,
// shrunk to its smallest form.
import fc from 'fast-check'
import { breaches, honestBreaches, type Outcome, type Rules, type Send } from './breaches.ts'
import { type HostileRequest, honestRequest, hostileRequest } from './hostile.ts'

interface Search {
  cases: number
  seed: number
  /** What is known already, so that the search goes on to what is not. */
  except?: RegExp | undefined
  /** Called with every outcome. */
  watch?: (request: HostileRequest, outcome: Outcome) => void
}

export interface Breach {
  request: HostileRequest
  outcome: Outcome
  breaches: string[]
  /** What makes fast-check come back to this very case. */
  seed: number
  path: string
}

/** One in this many requests is an honest one. */
const HONEST_SHARE = 10

async function searchOne(
  arbitrary: fc.Arbitrary<HostileRequest>,
  judge: (request: HostileRequest, outcome: Outcome) => string[],
  send: Send,
  { cases, seed, except, watch }: Search,
): Promise<Breach | undefined> {
  const breachesOf = (request: HostileRequest, outcome: Outcome) =>
    judge(request, outcome).filter((breach) => !except?.test(breach))
  const property = fc.asyncProperty(arbitrary, async (request) => {
    const outcome = await send(request)
    watch?.(request, outcome)
    return breachesOf(request, outcome).length === 0
  })
  const result = await fc.check(property, { numRuns: cases, seed })
  if (!result.failed) return undefined
  const [request] = result.counterexample!
  const outcome = await send(request)
  const path = result.counterexamplePath ?? ''
  return { request, outcome, breaches: breachesOf(request, outcome), seed: result.seed, path }
}

/** The first breach, or undefined when every case kept every promise. */
export async function searchBreach(send: Send, rules: Rules, search: Search): Promise<Breach | undefined> {
  const honest = Math.ceil(search.cases / HONEST_SHARE)
  return (
    (await searchOne(honestRequest, (request, outcome) => honestBreaches(rules, request, outcome), send, {
      ...search,
      cases: honest,
    })) ??
    (await searchOne(hostileRequest, (request, outcome) => breaches(rules, request, outcome), send, {
      ...search,
      cases: search.cases - honest,
    }))
  )
}

const showBody = (body: Uint8Array) => JSON.stringify(Buffer.from(body).toString('latin1'))

/** For people: what was sent, what came of it, and how to see it again. */
export function showBreach({ request, outcome, breaches, seed, path }: Breach): string {
  const lines = (kind: string, { method, target, headers, body }: HostileRequest) => [
    `${kind}: ${method} ${target}`,
    `  headers ${JSON.stringify(headers)}`,
    `  body, one character a byte: ${showBody(body)}`,
  ]
  return [
    ...breaches,
    ...lines('sent', request),
    ...outcome.forwarded.flatMap((forwarded) => lines('forwarded', forwarded)),
    `answered: ${outcome.response.status} ${outcome.response.text}`,
    `seed ${seed}, path ${path}`,
  ].join('\n')
}
