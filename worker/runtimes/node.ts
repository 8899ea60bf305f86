// The filter as a program on Node, in one process or in several on one port.
import cluster from 'node:cluster'
import { closeServer, listen } from '../../shared/node-program.ts'
import { type FilterRuntime, runFilter, startAlone } from './filter-program.ts'
import { createNodePlatform } from './node-platform.ts'
import { createFilterServer } from './node-server.ts'
import { runWorker, startWorkers, workersOf } from './node-workers.ts'

const createRuntime = (config: Parameters<typeof createNodePlatform>[0]): FilterRuntime => {
  const platform = createNodePlatform(config)
  return {
    platform,
    listen: async (app, initial, bans) => {
      const { server, configure, retire } = createFilterServer(app, initial, bans)
      const address = await listen(server, 'listenPort', initial.listenIP, initial.listenPort)
      return { address, configure, retire, close: (milliseconds) => closeServer(server, milliseconds) }
    },
    close: platform.close,
  }
}

if (cluster.isWorker) await runWorker(createRuntime)
else
  await runFilter(createRuntime, (program) => {
    const count = workersOf(program.store.current())
    return count === 1 ? startAlone(program, createRuntime) : startWorkers(program, count)
  })
