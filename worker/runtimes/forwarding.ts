// Forwards a client's request to a node and streams the answer to the client.
import type { Buffer } from 'node:buffer'
import type { FilterConfig } from '../../shared/config/filter.ts'
import { responseHeaders } from '../headers.ts'
import type { Exchange } from '../http1/exchange.ts'
import type {
  Upstream,
  UpstreamCall,
  UpstreamError,
  UpstreamJob,
  UpstreamListener,
} from '../http1/upstream.ts'
import { DECLINED, RETRACTED, tooLate, UNREACHABLE } from '../nodes/trouble.ts'
import type {
  HeaderPairs,
  ResponsePolicy,
  UpstreamQuestion,
  UpstreamRequest,
  UpstreamTrouble,
  UpstreamWatch,
} from '../platform.ts'
import { joined } from './bodies.ts'

/** Of all requests that are under way to nodes. */
export interface Load {
  requests: number
  /** Bytes of answers that are kept to be judged. */
  answerBytes: number
}

export class Forwarding implements UpstreamListener {
  readonly #exchange: Exchange
  readonly #request: UpstreamRequest
  readonly #policy: ResponsePolicy
  readonly #watch: UpstreamWatch
  readonly #config: FilterConfig
  readonly #load: Load
  readonly #resolve: (trouble: UpstreamTrouble | undefined) => void
  /** Called once, when nothing more comes from the node. */
  readonly #end: () => void
  #call: UpstreamCall | undefined
  #status = 0
  /** Nobody waits for this answer any more. */
  #isDeclined = false
  /** The answer so far, while it is kept. */
  #kept: Buffer[] | undefined
  #keptBytes = 0

  constructor(
    exchange: Exchange,
    request: UpstreamRequest,
    policy: ResponsePolicy,
    watch: UpstreamWatch,
    config: FilterConfig,
    load: Load,
    resolve: (trouble: UpstreamTrouble | undefined) => void,
    end: () => void,
  ) {
    this.#exchange = exchange
    this.#request = request
    this.#policy = policy
    this.#watch = watch
    this.#config = config
    this.#load = load
    this.#resolve = resolve
    this.#end = end
    if (policy.keep > 0) this.#kept = []
  }

  start(upstream: Upstream): void {
    this.#watch.retract = () => {
      this.#resolve(RETRACTED)
      this.#call?.abort()
    }
    this.#call = upstream.send(jobOf(this.#request, this.#config, this.#watch.resend, this))
  }

  /** What was written to the client is on its way. */
  drained(): void {
    this.#call?.resume()
  }

  /** The client is gone, or has been answered otherwise. */
  abandon(): void {
    // nodeos executes a transaction that it was handed, so a client that leaves does not escape the verdict.
    if (this.#request.retryable) this.#call?.abort()
    else this.#call?.resume()
  }

  onHead(status: number, headers: HeaderPairs): void {
    if (!this.#watch.head(status, headers)) {
      this.#isDeclined = true
      this.#letGo()
      this.#resolve(DECLINED)
      return
    }
    this.#status = status
    this.#exchange.response.begin(status, responseHeaders(headers, this.#policy.headers))
    this.#resolve(undefined)
  }

  onData(chunk: Buffer): boolean {
    if (this.#isDeclined) return true
    if (this.#kept) {
      this.#kept.push(chunk)
      this.#keptBytes += chunk.length
      this.#load.answerBytes += chunk.length
      if (this.#keptBytes > this.#policy.keep || this.#load.answerBytes > this.#config.maxBufferedBytes)
        this.#letGo()
    }
    return this.#exchange.response.write(chunk)
  }

  onEnd(): void {
    if (!this.#isDeclined) this.#exchange.response.end()
    const answer = this.#kept && joined(this.#kept, this.#keptBytes)
    this.#letGo()
    this.#end()
    this.#watch.ended(undefined)
    if (!this.#isDeclined) this.#policy.observe(this.#status, answer)
  }

  onError(error: UpstreamError): void {
    this.#letGo()
    // The head is out; a closed connection is all that can still say that the body is not whole.
    if (this.#status > 0) this.#exchange.response.cut()
    else this.#resolve(this.#exchange.isOver ? undefined : troubleOf(error, this.#request.headTimeout))
    this.#end()
    this.#watch.ended(error)
    if (this.#status > 0) this.#policy.observe(this.#status, undefined)
  }

  #letGo(): void {
    this.#load.answerBytes -= this.#keptBytes
    this.#kept = undefined
    this.#keptBytes = 0
  }
}

export function jobOf(
  { target, method, headers, body, headTimeout }: UpstreamQuestion,
  { nodeosBodyTimeout }: FilterConfig,
  mayRetry: boolean,
  listener: UpstreamListener,
): UpstreamJob {
  return {
    target,
    method,
    headers,
    body,
    headTimeout: headTimeout * 1000,
    bodyTimeout: nodeosBodyTimeout * 1000,
    mayRetry,
    listener,
  }
}

/** `headTimeout` is in seconds. */
export function troubleOf(error: UpstreamError, headTimeout: number): UpstreamTrouble {
  return error === 'late' ? tooLate(headTimeout) : { ...UNREACHABLE, ended: error }
}
