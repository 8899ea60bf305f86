// The last verdicts against each network, with their reasons: for whoever asks why a client is refused.
import { LRUCache } from 'lru-cache'
import { detached } from '../../shared/detached.ts'
import type { ReportCode } from '../../shared/violations.ts'

export interface RecentVerdict {
  /** Unix time in milliseconds. */
  at: number
  client: string
  code: ReportCode
  detail: string
  /** Method and path; "" where there was no request. */
  request: string
  agent: string
  /** It was refused; else it is only noted, as in monitor mode. */
  enforced: boolean
}

/** Networks that are remembered; whoever was not heard of for longest is forgotten first. */
const MAX_NETWORKS = 500

/** Verdicts of one network. */
const MAX_VERDICTS = 20

/** Characters of what a client chose itself. */
const MAX_TEXT = 300

export class RecentVerdicts {
  readonly #networks = new LRUCache<string, RecentVerdict[]>({ max: MAX_NETWORKS })

  /** Of all networks. */
  readonly #all: RecentVerdict[] = []

  add(network: string, verdict: RecentVerdict): void {
    const known = this.#networks.get(network)
    const verdicts = known ?? []
    if (!known) this.#networks.set(network, verdicts)
    const lists = [verdicts, this.#all].filter((list) => makeRoom(list, verdict.at))
    if (lists.length === 0) return
    const { detail, request, agent } = verdict
    const kept = { ...verdict, detail: short(detail), request: short(request), agent: short(agent) }
    for (const list of lists) list.push(kept)
  }

  /** The newest first; of all networks where none is named. */
  of(network: string): RecentVerdict[] {
    const verdicts = network === '' ? this.#all : this.#networks.peek(network)
    return verdicts?.toReversed() ?? []
  }
}

/** False where all are of the last second: one more says nothing new, and a flood of them costs time. */
function makeRoom(verdicts: RecentVerdict[], now: number): boolean {
  if (verdicts.length < MAX_VERDICTS) return true
  if (now - verdicts[0]!.at < 1_000) return false
  verdicts.shift()
  return true
}

const short = (text: string) => detached(text.slice(0, MAX_TEXT))

/** The newest of what several processes remember. */
export function newestVerdicts(lists: readonly RecentVerdict[][]): RecentVerdict[] {
  return lists
    .flat()
    .sort((a, b) => b.at - a.at)
    .slice(0, MAX_VERDICTS)
}
