// The platform on Node, Bun and Deno: HTTP/1.1 on sockets, from the client and to the nodes.
import type { TLSSocket } from 'node:tls'
import type { FilterConfig } from '../../shared/config/filter.ts'
import type { Sockets } from '../http1/sockets.ts'
import { createUpstream, type Upstream, type UpstreamListener } from '../http1/upstream.ts'
import type { Node } from '../nodes/node.ts'
import { DECLINED, RETRACTED } from '../nodes/trouble.ts'
import type {
  HeaderPairs,
  Platform,
  UpstreamAnswer,
  UpstreamQuestion,
  UpstreamTrouble,
  UpstreamWatch,
} from '../platform.ts'
import { joined } from './bodies.ts'
import { createBufferedBytes } from './buffered-bytes.ts'
import { jobOf, troubleOf } from './forwarding.ts'
import { createLargeBodies } from './large-bodies.ts'
import type { SocketRequest, Traffic } from './socket-request.ts'

/** Connections to one node; requests over that wait for one. */
const UPSTREAM_CONNECTIONS = 1024

/** Milliseconds that exchanges have to end when the filter does. */
const LAST_EXCHANGES = 1_000

/** Milliseconds to connect to a node. */
const CONNECT_TIMEOUT = 5_000

export interface SocketPlatform {
  platform: Platform<SocketRequest>
  traffic: Traffic
  /** Resolves when what is under way to the nodes is done. */
  close(): Promise<void>
}

/** Told the Unix time in milliseconds at which the certificate of an origin expires. */
export type LearnCertificate = (origin: string, until: number) => void

export function createSocketPlatform(
  config: () => FilterConfig,
  sockets: Sockets,
  learnCertificate?: LearnCertificate,
): SocketPlatform {
  /** By origin. */
  const upstreams = new Map<string, Upstream>()

  const upstreamOf = ({ origin }: Node): Upstream => {
    const known = upstreams.get(origin)
    if (known) return known
    const upstream = createUpstream({
      sockets: learnCertificate ? learning(sockets, (until) => learnCertificate(origin, until)) : sockets,
      origin,
      connections: UPSTREAM_CONNECTIONS,
      connectTimeout: CONNECT_TIMEOUT,
    })
    upstreams.set(origin, upstream)
    return upstream
  }

  return {
    platform: {
      open: (c) => c.env,
      ask: (node, question, maxBytes, watch) => ask(upstreamOf(node), question, config(), maxBytes, watch),
      sharesAnswers: true,
      keepNodes: (nodes) => {
        const origins = new Set(nodes.map(({ origin }) => origin))
        for (const [origin, upstream] of upstreams) {
          if (origins.has(origin)) continue
          upstreams.delete(origin)
          void upstream.close()
        }
      },
    },
    traffic: {
      config,
      buffered: createBufferedBytes(config),
      largeBodies: createLargeBodies(),
      load: { requests: 0, answerBytes: 0 },
      upstreamOf,
    },
    close: async () => {
      const all = [...upstreams.values()]
      // What is left belongs to clients that are gone.
      const timer = setTimeout(() => all.map((upstream) => upstream.destroy()), LAST_EXCHANGES)
      await Promise.all(all.map((upstream) => upstream.close()))
      clearTimeout(timer)
    },
  }
}

/** Sockets that tell the certificates they meet. */
function learning(sockets: Sockets, learn: (until: number) => void): Sockets {
  return {
    ...sockets,
    connectTls: (address) => {
      const socket = sockets.connectTls(address)
      socket.once('secureConnect', () => {
        const { valid_to: until } = (socket as Partial<TLSSocket>).getPeerCertificate?.() ?? {}
        if (until) learn(Date.parse(until))
      })
      return socket
    },
  }
}

/** The whole answer; undefined where its body has more than `maxBytes`. */
function ask(
  upstream: Upstream,
  question: UpstreamQuestion,
  config: FilterConfig,
  maxBytes: number,
  watch: UpstreamWatch,
): Promise<UpstreamAnswer | UpstreamTrouble | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    let status = 0
    let headers: HeaderPairs = []
    const listener: UpstreamListener = {
      onHead: (statusCode, pairs) => {
        status = statusCode
        headers = pairs
        if (!watch.head(status, headers)) resolve(DECLINED)
      },
      onData: (chunk) => {
        size += chunk.length
        if (size <= maxBytes) chunks.push(chunk)
        else {
          resolve(undefined)
          // Not from within what the call itself does; the rest is not read.
          queueMicrotask(() => call.abort())
        }
        return true
      },
      onEnd: () => {
        watch.ended(undefined)
        resolve({ status, headers, body: joined(chunks, size) })
      },
      onError: (error, reason) => {
        watch.ended(error)
        resolve({ ...troubleOf(error, question.headTimeout), reason })
      },
    }
    watch.retract = () => {
      resolve(RETRACTED)
      call.abort()
    }
    const call = upstream.send(jobOf(question, config, watch.resend, listener))
  })
}
