// Tries a configuration on requests that were judged before: which of them it would refuse. What depends on more than one
// request (limits, bans) is not tried, nor are lists of addresses in files and URLs.
import { clientNetwork } from '../../shared/address.ts'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { type Violation, type ViolationCode, violation } from '../../shared/violations.ts'
import { createAddressLists } from '../addresses/lists.ts'
import { createJudge } from '../judge.ts'
import type { RecentRequest } from './requests.ts'

/** Requests that a configuration refuses with one code, and the one in force does not. */
export interface Refused {
  code: ViolationCode
  requests: number
  /** Whose they are, the first few. */
  networks: string[]
  /** The last of them: method and path, and why it is refused. */
  request: string
  detail: string
}

/** What came of it, as plain data. */
export interface Trial {
  requests: number
  /** Unix time in milliseconds of the oldest; undefined where there are none. */
  since: number | undefined
  /** How many the configuration in force refuses, and how many the new one would. */
  before: number
  after: number
  /** How many would pass that do not now. */
  passing: number
  refused: Refused[]
}

export const NOTHING_TRIED: Trial = {
  requests: 0,
  since: undefined,
  before: 0,
  after: 0,
  passing: 0,
  refused: [],
}

/** Networks that are named. */
const MAX_NETWORKS = 5

/** Requests after which others have their turn. */
const AT_ONCE = 25

/** Judges each request by both configurations. */
export async function tryConfig(
  requests: readonly RecentRequest[],
  inForce: FilterConfig,
  next: FilterConfig,
): Promise<Trial> {
  const [before, after] = [createTrialJudge(inForce), createTrialJudge(next)]
  const refused = new Map<ViolationCode, Refused>()
  const trial: Trial = { ...NOTHING_TRIED, requests: requests.length, since: requests[0]?.at }
  for (const [at, request] of requests.entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve, 0))
    const [old, found] = [before(request), after(request)]
    if (old) trial.before++
    if (found) trial.after++
    if (old && !found) trial.passing++
    if (found && !old) note(refused, request, found)
  }
  return { ...trial, refused: [...refused.values()] }
}

function createTrialJudge(config: FilterConfig): (request: RecentRequest) => Violation | undefined {
  let now = 0
  // What was in time then is not expired.
  const judge = createJudge(config, { now: () => now })
  const addresses = createAddressLists()
  addresses.configure(config)
  return (request) => {
    now = request.at
    if (addresses.standingOf(request.client) === 'blocked')
      return violation('BLOCKED_ADDRESS', `${request.client} is on the list of blocked addresses`)
    return request.body ? judge.whole(request, request.body).violation : judge.head(request)
  }
}

function note(
  refused: Map<ViolationCode, Refused>,
  request: RecentRequest,
  { code, detail }: Violation,
): void {
  const known = refused.get(code) ?? { code, requests: 0, networks: [], request: '', detail: '' }
  known.requests++
  known.request = `${request.method} ${request.target}`
  known.detail = detail
  addNetworks(known, [clientNetwork(request.client)])
  refused.set(code, known)
}

function addNetworks(refused: Refused, networks: readonly string[]): void {
  refused.networks = [...new Set([...refused.networks, ...networks])].slice(0, MAX_NETWORKS)
}

/** What several processes found of their own requests. */
export function sumOfTrials(trials: readonly Trial[]): Trial {
  const refused = new Map<ViolationCode, Refused>()
  const sum: Trial = { ...NOTHING_TRIED }
  for (const trial of trials) {
    for (const name of ['requests', 'before', 'after', 'passing'] as const) sum[name] += trial[name]
    if (trial.since !== undefined) sum.since = Math.min(sum.since ?? trial.since, trial.since)
    for (const one of trial.refused) {
      const known = refused.get(one.code)
      if (known) {
        known.requests += one.requests
        addNetworks(known, one.networks)
      } else refused.set(one.code, { ...one })
    }
  }
  return { ...sum, refused: [...refused.values()].sort((a, b) => b.requests - a.requests) }
}
