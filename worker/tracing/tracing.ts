// What the pipeline tells of single requests where OTEL_EXPORTER_OTLP_ENDPOINT is set. Times are as performance.now() has
// them. What becomes of it is open-telemetry.ts's matter, which is loaded only then.
import type { Case } from '../case.ts'
import type { HeaderPairs } from '../platform.ts'

export interface Tracing {
  /** Undefined where the request is not sampled. */
  begin(request: TracedRequest): Trace | undefined
  /** Resolves when what was collected is sent, or given up. */
  close(): Promise<void>
}

/** What is known of a request at its begin. */
export interface TracedRequest {
  readonly method: string
  readonly target: string
  readonly headers: HeaderPairs
  readonly began: number
}

/** One request's spans. */
export interface Trace {
  /** For the node: W3C Trace Context, section 3.2. */
  readonly traceparent: string
  /** Its body was judged, after it had come. */
  judged(began: number, ended: number): void
  /** It waited for what a shared store says of so many keys of limits. */
  stored(began: number, ended: number, keys: number): void
  asked(question: Asking): void
  /** Its response is over. */
  end(each: Case): void
}

/** One request to one node. */
export interface Asking {
  node: string
  /** Milliseconds that it waited for its turn. */
  waited: number
  sent: number
  /** The head of its answer came, or none did. */
  ended: number
  error: string | undefined
}
