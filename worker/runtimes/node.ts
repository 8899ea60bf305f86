// The filter as a program on Node, in one process or in several on one port.
import cluster from 'node:cluster'
import { nodeSockets } from '../http1/sockets.ts'
import { runFilter, startAlone } from './filter-program.ts'
import { runWorker, startWorkers, workersOf } from './node-workers.ts'

if (cluster.isWorker) await runWorker()
else
  await runFilter((program) => {
    const count = workersOf(program.store.current())
    return count === 1 ? startAlone(program, nodeSockets) : startWorkers(program, count)
  })
