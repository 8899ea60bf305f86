// Spans by the OpenTelemetry SDK, sent over OTLP/HTTP: one for a request, and in it one for judging, one for the shared
// store, one for each node that was asked, and one for the wait before it. Names and attributes follow OpenTelemetry's
// semantic conventions for HTTP.
// The exporter reads OTEL_EXPORTER_OTLP_* itself.
import {
  type Context,
  DiagLogLevel,
  diag,
  type HrTime,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { version } from '../../shared/build-info.ts'
import type { Logger } from '../../shared/logger.ts'
import { StartError } from '../../shared/program/start-error.ts'
import type { Case } from '../case.ts'
import { pathOf } from '../endpoints.ts'
import { headerValue } from '../headers.ts'
import { endpointGroupOf } from '../metrics/endpoint-groups.ts'
import type { Asking, Trace, TracedRequest, Tracing } from './tracing.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Milliseconds that a collector has at the end to take what is left. */
const CLOSE_TIME = 2_000

/** Milliseconds between two log lines on a collector that takes nothing. */
const LOG_INTERVAL = 60_000

/** Throws a StartError where the environment asks for a sampler that there is not. */
export function openTelemetry(environment: Environment, logger: Logger): Tracing {
  const sampler = samplerOf(environment)
  sayTrouble(logger)
  const provider = new TracerProvider({
    sampler,
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'patroneos-filter', 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  })
  const tracer = provider.getTracer('patroneos', version)
  return {
    begin: (request) => {
      const clock = clockNow()
      const span = startServerSpan(tracer, request, clock)
      return span.isRecording() ? new RequestTrace(tracer, span, request.began, clock) : undefined
    },
    close: async () => {
      const late = new Promise((resolve) => setTimeout(resolve, CLOSE_TIME).unref())
      await Promise.race([provider.shutdown().catch(() => {}), late])
    },
  }
}

/** Makes a time of performance.now() one of the wall clock. */
type Clock = (time: number) => HrTime

/**
 * One clock for all spans of a request: the SDK's own reading of such times differs by a millisecond from span to span, and
 * performance.timeOrigin is as old as the process.
 */
function clockNow(): Clock {
  const offset = Date.now() - performance.now()
  return (time) => {
    const milliseconds = offset + time
    return [Math.floor(milliseconds / 1000), Math.floor((milliseconds % 1000) * 1e6)]
  }
}

function startServerSpan(
  tracer: Tracer,
  { method, target, headers, began }: TracedRequest,
  clock: Clock,
): Span {
  const path = pathOf(target)
  const options = { kind: SpanKind.SERVER, startTime: clock(began) }
  const span = tracer.startSpan(`${method} ${endpointGroupOf(path)}`, options, parentOf(headers))
  if (span.isRecording()) span.setAttributes({ 'http.request.method': method, 'url.path': path })
  return span
}

/** W3C Trace Context, section 3.2.2; later versions may have more behind. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

function parentOf(headers: TracedRequest['headers']): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(headerValue(headers, 'traceparent')) ?? []
  if (!traceId || !spanId) return ROOT_CONTEXT
  const parent = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags!, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  }
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT
}

class RequestTrace implements Trace {
  readonly traceparent: string
  readonly #tracer: Tracer
  readonly #span: Span
  readonly #context: Context
  readonly #began: number
  readonly #clock: Clock

  constructor(tracer: Tracer, span: Span, began: number, clock: Clock) {
    const { traceId, spanId } = span.spanContext()
    this.traceparent = `00-${traceId}-${spanId}-01`
    this.#tracer = tracer
    this.#span = span
    this.#context = trace.setSpan(ROOT_CONTEXT, span)
    this.#began = began
    this.#clock = clock
  }

  judged(began: number, ended: number): void {
    this.#child('judge', SpanKind.INTERNAL, began).end(this.#clock(ended))
  }

  stored(began: number, ended: number, keys: number): void {
    const span = this.#child('store', SpanKind.CLIENT, began)
    span.setAttributes({ 'db.system.name': 'redis', 'patroneos.store.keys': keys })
    span.end(this.#clock(ended))
  }

  asked({ node, waited, sent, ended, error }: Asking): void {
    if (waited > 0) this.#child('wait', SpanKind.INTERNAL, sent - waited).end(this.#clock(sent))
    const span = this.#child('nodeos', SpanKind.CLIENT, sent)
    span.setAttribute('patroneos.node', node)
    if (error !== undefined) {
      span.setAttribute('error.type', error)
      span.setStatus({ code: SpanStatusCode.ERROR })
    }
    span.end(this.#clock(ended))
  }

  end({ client, request, found, outcome, status, seconds, requestBytes, responseBytes }: Case): void {
    const span = this.#span
    span.setAttributes({
      'client.address': client,
      'user_agent.original': headerValue(request.headers, 'user-agent'),
      'http.request.body.size': requestBytes,
      'http.response.body.size': responseBytes,
      'patroneos.outcome': outcome!,
    })
    if (status > 0) span.setAttribute('http.response.status_code', status)
    if (found) span.setAttribute('error.type', found.code)
    // What a client did wrong is no error of a server's span.
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end(this.#clock(this.#began + seconds * 1000))
  }

  #child(name: string, kind: SpanKind, began: number): Span {
    return this.#tracer.startSpan(name, { kind, startTime: this.#clock(began) }, this.#context)
  }
}

/** OTEL_TRACES_SAMPLER and _ARG (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables). */
function samplerOf({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }: Environment): Sampler {
  const ratio = Number(OTEL_TRACES_SAMPLER_ARG ?? 1)
  if (!(ratio >= 0 && ratio <= 1))
    throw new StartError(
      `OTEL_TRACES_SAMPLER_ARG: found "${OTEL_TRACES_SAMPLER_ARG}"; allowed: a number from 0 to 1`,
    )
  const roots: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  }
  const name = OTEL_TRACES_SAMPLER || 'parentbased_always_on'
  const root =
    Object.hasOwn(roots, name.replace(/^parentbased_/, '')) && roots[name.replace(/^parentbased_/, '')]
  if (root) return name.startsWith('parentbased_') ? new ParentBasedSampler({ root: root() }) : root()
  const names = Object.keys(roots)
  const allowed = [...names, ...names.map((each) => `parentbased_${each}`)].join(', ')
  throw new StartError(`OTEL_TRACES_SAMPLER: found "${name}"; allowed: ${allowed}`)
}

/** What the SDK meets, as one log line a minute. */
function sayTrouble(logger: Logger): void {
  let nextLine = 0
  const say = (message: string) => {
    const now = Date.now()
    if (now < nextLine) return
    nextLine = now + LOG_INTERVAL
    logger.warn('traces are not taken', { reason: message.slice(0, 200) })
  }
  const none = () => {}
  diag.setLogger(
    { error: say, warn: none, info: none, debug: none, verbose: none },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  )
}
