// The filter as a program on Bun.
import { StartError } from '../../shared/node-program.ts'
import { runFilter } from './filter-program.ts'
import { createWebPlatform } from './web-platform.ts'

interface BunServer {
  hostname: string
  port: number
  requestIP(request: Request): { address: string } | null
  stop(closeConnections?: boolean): Promise<void>
}
declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    maxRequestBodySize: number
    fetch(request: Request, server: BunServer): Promise<Response>
  }): BunServer
}

/** Bytes over which Bun itself refuses a body; the filter's own limit may be changed while it runs. */
const MAX_BODY = 104_857_600

/** Seconds: the most that Bun allows. */
const MAX_IDLE = 255

await runFilter((config) => {
  const platform = createWebPlatform(config, { sharesAnswers: true })
  return {
    platform,
    listen: async (app, { listenIP, listenPort, nodeosTimeout, keepAliveTimeout }) => {
      const server = listen(`${listenIP}:${listenPort}`, () =>
        Bun.serve({
          hostname: listenIP === '' ? '::' : listenIP,
          port: Number(listenPort),
          // Bun counts the wait for the response as idle too.
          idleTimeout: Math.min(MAX_IDLE, Math.max(nodeosTimeout + 5, keepAliveTimeout)),
          maxRequestBodySize: MAX_BODY,
          fetch: (request, server) =>
            platform.serve(app, request, { peer: server.requestIP(request)?.address ?? '::' }),
        }),
      )
      return {
        address: `${server.hostname}:${server.port}`,
        configure: () => {},
        close: async (milliseconds) => {
          const timer = setTimeout(() => void server.stop(true), milliseconds)
          await server.stop()
          clearTimeout(timer)
        },
      }
    },
    close: async () => {},
  }
})

function listen(where: string, serve: () => BunServer): BunServer {
  try {
    return serve()
  } catch (error) {
    throw new StartError(`cannot listen on ${where} (listenPort): ${(error as Error).message}`)
  }
}
