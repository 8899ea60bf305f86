// The filter as a program on Deno.
import { StartError } from '../../shared/node-program.ts'
import { runFilter } from './filter-program.ts'
import { createWebPlatform } from './web-platform.ts'

interface DenoAddress {
  hostname: string
  port: number
}
declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen(address: DenoAddress): void },
    handler: (request: Request, info: { remoteAddr: DenoAddress }) => Promise<Response>,
  ): { addr: DenoAddress; shutdown(): Promise<void> }
}

await runFilter((config) => {
  const platform = createWebPlatform(config, { sharesAnswers: true })
  return {
    platform,
    listen: async (app, { listenIP, listenPort }) => {
      const server = listen(`${listenIP}:${listenPort}`, () =>
        Deno.serve(
          { hostname: listenIP === '' ? '::' : listenIP, port: Number(listenPort), onListen: () => {} },
          (request, { remoteAddr }) => platform.serve(app, request, { peer: remoteAddr.hostname }),
        ),
      )
      return {
        address: `${server.addr.hostname}:${server.addr.port}`,
        configure: () => {},
        close: async (milliseconds) => {
          const timer = new Promise((resolve) => setTimeout(resolve, milliseconds))
          await Promise.race([server.shutdown(), timer])
        },
      }
    },
    close: async () => {},
  }
})

function listen<Server>(where: string, serve: () => Server): Server {
  try {
    return serve()
  } catch (error) {
    throw new StartError(`cannot listen on ${where} (listenPort): ${(error as Error).message}`)
  }
}
