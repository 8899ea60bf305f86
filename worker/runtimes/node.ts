// The filter as a program on Node, in one process or in several on one port.
import cluster from 'node:cluster'
import { nodeSockets } from '../http1/sockets.ts'
import { runFilter, startAlone } from './filter-program.ts'
import { startWorkers, workersOf } from './node-workers/primary.ts'
import { runWorker } from './node-workers/worker.ts'

if (cluster.isWorker) await runWorker()
else
  await runFilter((program) => {
    const count = workersOf(program.store.current())
    return count === 1 ? startAlone(program, nodeSockets) : startWorkers(program, count)
  })
