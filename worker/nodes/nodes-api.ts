// What an operator sees of the nodes: on the config listener, and in the metrics.
import type { ConfigRoute } from '../../shared/config-api.ts'
import { type Observed, WAITING_BOUNDS } from '../../shared/histogram.ts'
import { anyText, byName, count, listOf, objectOf, orNull, time } from '../../shared/openapi.ts'
import { family, histogramFamily } from '../../shared/prometheus.ts'
import { type NodeCounts, type NodeState, nodeFailures } from './node-state.ts'

/** Counters and requests under way of each node, by name; those of several processes are added up. */
export type NodeMetrics = Record<string, NodeCounts & Gauges & { times: Times }>

interface Times {
  /** Seconds that requests waited for their turn, where there are turns. */
  turn: Observed
  /** Seconds until the heads of its answers. */
  answer: Observed
}

interface Gauges {
  underWay: number
  /** Of those, requests that wait for their turn; requests that had to, and those turned away. */
  waiting: number
  waited: number
  overloaded: number
  /** Requests that it is sent at one time. */
  concurrency: number
}

export function nodeMetricsOf(states: readonly NodeState[]): NodeMetrics {
  return Object.fromEntries(
    states.map(({ name, counts, underWay, gate, times }) => {
      const { waited, overloaded } = gate?.counts ?? { waited: 0, overloaded: 0 }
      const gauges = { underWay, waiting: gate?.waiting ?? 0, concurrency: gate?.limit ?? 0 }
      const observed = { turn: times.turn.observed(), answer: times.answer.observed() }
      return [name, { ...counts, ...gauges, waited, overloaded, times: observed }]
    }),
  )
}

const noGauges: Gauges = { underWay: 0, waiting: 0, waited: 0, overloaded: 0, concurrency: 0 }

/** What is still true of a process that is gone. */
export function withoutNodeGauges(metrics: NodeMetrics): NodeMetrics {
  const { waited, overloaded, ...gauges } = noGauges
  return Object.fromEntries(Object.entries(metrics).map(([name, counts]) => [name, { ...counts, ...gauges }]))
}

const NODE = objectOf({
  name: anyText,
  url: anyText,
  weight: count,
  serves: listOf(anyText),
  state: { enum: ['in', 'out', 'unknown'] },
  reason: orNull(anyText),
  ejectedUntil: orNull(time),
  lookedAt: orNull(time),
  chainId: orNull(anyText),
  headBlock: orNull(count),
  headBlockTime: orNull(time),
  lastIrreversibleBlock: orNull(count),
  lagBlocks: orNull(count),
  requestsUnderWay: count,
  requestsWaiting: count,
  concurrency: orNull(count),
  requests: count,
  retries: count,
  ejections: count,
  errors: byName(count),
  averageSecondsToAnswer: orNull({ type: 'number' }),
})

/** The routes of the nodes on the config listener. */
export function nodesRoutes(
  states: () => readonly NodeState[],
  metrics: () => Promise<NodeMetrics>,
): ConfigRoute[] {
  return [
    {
      method: 'GET',
      path: '/patroneos/nodes',
      doc: {
        summary: 'What is known of each node, and what it was asked',
        answers: { 200: { description: 'In the order of the configuration', schema: listOf(NODE) } },
      },
      handle: async (c) => {
        const counts = await metrics()
        return c.json(states().map((state) => shownNode(state, counts[state.name])))
      },
    },
  ]
}

/** One node, as it is answered. */
export function shownNode(state: NodeState, counts: NodeMetrics[string] | undefined) {
  const { node, health, gate } = state
  const now = Date.now()
  const isEjected = state.isEjected(now)
  const { info } = health
  return {
    name: node.name,
    url: node.origin,
    weight: node.weight,
    serves: node.serves,
    state: !state.isFit(now) ? 'out' : health.lookedAt === 0 ? 'unknown' : 'in',
    reason: health.out ?? (isEjected ? `requests failed: ${health.ejectedFor}` : null),
    ejectedUntil: isEjected ? isoTime(health.ejectedUntil) : null,
    lookedAt: health.lookedAt === 0 ? null : isoTime(health.lookedAt),
    chainId: info?.chainId ?? null,
    headBlock: info?.head ?? null,
    headBlockTime: info ? isoTime(info.headTime) : null,
    lastIrreversibleBlock: info?.irreversible ?? null,
    lagBlocks: info ? health.lag : null,
    requestsUnderWay: counts?.underWay ?? 0,
    requestsWaiting: counts?.waiting ?? 0,
    concurrency: counts?.concurrency || (gate?.limit ?? null),
    requests: counts?.requests ?? 0,
    retries: counts?.retries ?? 0,
    ejections: counts?.ejections ?? 0,
    errors: Object.fromEntries(nodeFailures.map((failure) => [failure, counts?.[failure] ?? 0])),
    averageSecondsToAnswer: counts && counts.answers > 0 ? counts.seconds / counts.answers : null,
  }
}

const isoTime = (milliseconds: number) => new Date(milliseconds).toISOString()

/** Families for Prometheus. Names of nodes are the configuration's, so labels are bounded. */
export function nodeFamilies(states: readonly NodeState[], metrics: NodeMetrics): string[] {
  const counted = Object.entries(metrics).map(([node, counts]) => ({ labels: { node }, counts }))
  return [...healthFamilies(states), ...loadFamilies(counted), ...requestFamilies(counted)]
}

interface Counted {
  labels: { node: string }
  counts: NodeMetrics[string]
}

function healthFamilies(states: readonly NodeState[]): string[] {
  const now = Date.now()
  const known = states.flatMap(({ name, health }) =>
    health.info ? [{ labels: { node: name }, health, info: health.info }] : [],
  )
  return [
    family(
      'patroneos_node_in',
      'gauge',
      '1 where a node takes requests, 0 where it is out',
      states.map((state) => ({ labels: { node: state.name }, value: state.isFit(now) ? 1 : 0 })),
    ),
    family(
      'patroneos_node_head_block',
      'gauge',
      'Head block of a node as of the last look',
      known.map(({ labels, info }) => ({ labels, value: info.head })),
    ),
    family(
      'patroneos_node_head_age_seconds',
      'gauge',
      'Seconds since the head block of a node',
      known.map(({ labels, info }) => ({ labels, value: (now - info.headTime) / 1000 })),
    ),
    family(
      'patroneos_node_head_lag_blocks',
      'gauge',
      'Blocks that a node is behind the best one',
      known.map(({ labels, health }) => ({ labels, value: health.lag })),
    ),
    family(
      'patroneos_node_certificate_expiry_timestamp_seconds',
      'gauge',
      'Unix time at which the certificate of an https node expires',
      states
        .filter(({ certificateUntil }) => certificateUntil > 0)
        .map(({ name, certificateUntil }) => ({ labels: { node: name }, value: certificateUntil / 1000 })),
    ),
  ]
}

function loadFamilies(counted: readonly Counted[]): string[] {
  const gauge = (name: string, help: string, value: (counts: NodeMetrics[string]) => number) =>
    family(name, 'gauge', help, samplesOf(counted, value))
  return [
    gauge(
      'patroneos_node_requests_under_way',
      'Requests that a node was sent and has not answered',
      (counts) => counts.underWay,
    ),
    gauge(
      'patroneos_node_requests_waiting',
      'Requests that wait for their turn at a node',
      (counts) => counts.waiting,
    ),
    gauge(
      'patroneos_node_concurrency',
      'Requests that a node is sent at one time, over all processes; 0 is without a limit',
      (counts) => counts.concurrency,
    ),
    histogramFamily(
      'patroneos_node_wait_duration_seconds',
      'Seconds that a request waited for its turn at a node, 0 where it need not; only with fairness',
      WAITING_BOUNDS,
      counted.map(({ labels, counts: { times } }) => ({ labels, observed: times.turn })),
    ),
    histogramFamily(
      'patroneos_node_answer_duration_seconds',
      'Seconds until the head of an answer of a node',
      WAITING_BOUNDS,
      counted.map(({ labels, counts: { times } }) => ({ labels, observed: times.answer })),
    ),
  ]
}

function requestFamilies(counted: readonly Counted[]): string[] {
  const counter = (name: string, help: string, value: (counts: NodeMetrics[string]) => number) =>
    family(name, 'counter', help, samplesOf(counted, value))
  return [
    counter(
      'patroneos_node_waited_total',
      'Requests that had to wait for their turn',
      (counts) => counts.waited,
    ),
    counter(
      'patroneos_node_overloaded_total',
      'Requests whose turn did not come in time, or for which there was no room',
      (counts) => counts.overloaded,
    ),
    counter('patroneos_node_requests_total', 'Requests that a node was sent', (counts) => counts.requests),
    counter('patroneos_node_answers_total', 'Requests that a node answered', (counts) => counts.answers),
    counter(
      'patroneos_node_answer_seconds_total',
      'Seconds until the heads of these answers, in all',
      (counts) => counts.seconds,
    ),
    family(
      'patroneos_node_errors_total',
      'counter',
      'Requests that a node failed, by how',
      counted.flatMap(({ labels, counts }) =>
        nodeFailures.map((error) => ({ labels: { ...labels, error }, value: counts[error] })),
      ),
    ),
    counter(
      'patroneos_node_retries_total',
      'Requests that a node was sent after another one had failed them',
      (counts) => counts.retries,
    ),
    counter(
      'patroneos_node_ejections_total',
      'Times that failed requests put a node out',
      (counts) => counts.ejections,
    ),
  ]
}

const samplesOf = (counted: readonly Counted[], value: (counts: NodeMetrics[string]) => number) =>
  counted.map(({ labels, counts }) => ({ labels, value: value(counts) }))
