// The filter as a program on Node.
import { closeServer, listen } from '../../shared/node-program.ts'
import { runFilter } from './filter-program.ts'
import { createNodePlatform } from './node-platform.ts'
import { createFilterServer } from './node-server.ts'

await runFilter((config) => {
  const platform = createNodePlatform(config)
  return {
    platform,
    listen: async (app, initial, bans) => {
      const { server, configure } = createFilterServer(app, initial, bans)
      const address = await listen(server, 'listenPort', initial.listenIP, initial.listenPort)
      return { address, configure, close: (milliseconds) => closeServer(server, milliseconds) }
    },
    close: platform.close,
  }
})
