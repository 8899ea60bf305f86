// What is counted of every request: by endpoint group and outcome, its times and its bytes. Arrays are made once, so
// that a request allocates nothing here.
import { COMPUTING_BOUNDS, Histogram, type Observed, WAITING_BOUNDS } from '../../shared/histogram.ts'
import { family, histogramFamily, single } from '../../shared/prometheus.ts'
import { type Case, type RequestOutcome, requestOutcomes } from '../case.ts'
import { pathOf } from '../endpoints.ts'
import { type EndpointGroup, endpointGroupOf, endpointGroups } from './endpoint-groups.ts'
import { errorNameOf } from './nodeos-errors.ts'

type Group = Record<RequestOutcome, number> & { seconds: Histogram }

/** As plain data. */
export interface TrafficCounts {
  requests: Record<string, Record<string, number>>
  seconds: Record<string, Observed>
  judging: Observed
  underWay: number
  requestBytes: number
  responseBytes: number
  errors: Record<string, number>
}

export class Traffic {
  readonly #groups: Readonly<Record<EndpointGroup, Group>>
  readonly #judging = new Histogram(COMPUTING_BOUNDS)
  readonly #errors = new Map<string, number>()
  #underWay = 0
  #requestBytes = 0
  #responseBytes = 0

  constructor() {
    this.#groups = Object.fromEntries(endpointGroups.map((name) => [name, newGroup()])) as Record<
      EndpointGroup,
      Group
    >
  }

  began(): void {
    this.#underWay++
  }

  /** A body was judged. */
  judged(milliseconds: number): void {
    this.#judging.observe(milliseconds / 1000)
  }

  /** Something came that was no request, and was refused. */
  refused(): void {
    this.#groups.other.rejected++
  }

  /** nodeos's codes of what transactions failed with. */
  failed(errors: readonly number[]): void {
    for (const code of errors) {
      const name = errorNameOf(code)
      this.#errors.set(name, (this.#errors.get(name) ?? 0) + 1)
    }
  }

  over({ request, outcome, seconds, requestBytes, responseBytes }: Case): void {
    const group = this.#groups[endpointGroupOf(pathOf(request.target))]
    group[outcome!]++
    group.seconds.observe(seconds)
    this.#underWay--
    this.#requestBytes += requestBytes
    this.#responseBytes += responseBytes
  }

  counts(): TrafficCounts {
    const groups = Object.entries(this.#groups)
    return {
      requests: Object.fromEntries(groups.map(([name, { seconds, ...counts }]) => [name, counts])),
      seconds: Object.fromEntries(groups.map(([name, { seconds }]) => [name, seconds.observed()])),
      judging: this.#judging.observed(),
      underWay: this.#underWay,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      errors: Object.fromEntries(this.#errors),
    }
  }
}

const newGroup = (): Group => ({
  ...(Object.fromEntries(requestOutcomes.map((outcome) => [outcome, 0])) as Record<RequestOutcome, number>),
  seconds: new Histogram(WAITING_BOUNDS),
})

export function trafficFamilies(counts: TrafficCounts): string[] {
  const { requests, seconds, judging, underWay, requestBytes, responseBytes, errors } = counts
  return [
    family(
      'patroneos_http_requests_total',
      'counter',
      'Requests by endpoint group and by what became of them',
      Object.entries(requests).flatMap(([endpoint, outcomes]) =>
        Object.entries(outcomes).map(([outcome, value]) => ({ labels: { endpoint, outcome }, value })),
      ),
    ),
    histogramFamily(
      'patroneos_http_request_duration_seconds',
      'Seconds from the head of a request to the end of its response',
      WAITING_BOUNDS,
      Object.entries(seconds).map(([endpoint, observed]) => ({ labels: { endpoint }, observed })),
    ),
    histogramFamily(
      'patroneos_judging_duration_seconds',
      'Seconds from the head of a request to the verdict on its body, without those in which the body came',
      COMPUTING_BOUNDS,
      [{ labels: {}, observed: judging }],
    ),
    single('patroneos_http_requests_under_way', 'gauge', 'Requests whose response is not over', underWay),
    single(
      'patroneos_http_request_bytes_total',
      'counter',
      'Bytes of request bodies that were read',
      requestBytes,
    ),
    single(
      'patroneos_http_response_bytes_total',
      'counter',
      'Bytes of response bodies that were sent',
      responseBytes,
    ),
    family(
      'patroneos_failed_transactions_total',
      'counter',
      "Transactions that failed through their sender, by nodeos's name of the error",
      Object.entries(errors).map(([error, value]) => ({ labels: { error }, value })),
    ),
  ]
}
