// The last verdicts against each network, with their reasons: for whoever asks why a client is refused.
import { LRUCache } from 'lru-cache'
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

  add(network: string, verdict: RecentVerdict): void {
    const known = this.#networks.get(network)
    const verdicts = known ?? []
    if (!known) this.#networks.set(network, verdicts)
    if (verdicts.length >= MAX_VERDICTS) {
      // All of the last second: one more says nothing new, and a flood of them costs time.
      if (verdict.at - verdicts[0]!.at < 1_000) return
      verdicts.shift()
    }
    const { detail, request, agent } = verdict
    verdicts.push({ ...verdict, detail: short(detail), request: short(request), agent: short(agent) })
  }

  /** The newest first. */
  of(network: string): RecentVerdict[] {
    return this.#networks.peek(network)?.toReversed() ?? []
  }
}

/** Cut, and copied: V8 keeps the whole request alive behind a slice of it. */
const short = (text: string) => [...text.slice(0, MAX_TEXT)].join('')

/** The newest of what several processes remember. */
export function newestVerdicts(lists: readonly RecentVerdict[][]): RecentVerdict[] {
  return lists
    .flat()
    .sort((a, b) => b.at - a.at)
    .slice(0, MAX_VERDICTS)
}
