#!/usr/bin/env node
// The command `patroneos`. Filter and relay start without the rest of the command line being loaded.
import cluster from 'node:cluster'
import { enableCompileCache } from 'node:module'
import { boundHeap, FILTER_HEAP, REPLAY_HEAP } from './heap-bounds.ts'

enableCompileCache?.()
const [, , command] = process.argv
// A worker of the filter is started with the primary's arguments.
if (cluster.isWorker || command === 'filter') {
  if (cluster.isPrimary) {
    boundHeap(FILTER_HEAP)
    process.argv.splice(2, 1)
  }
  await import('../worker/runtimes/node.ts')
} else if (command === 'relay') {
  process.argv.splice(2, 1)
  await import('../relay/node.ts')
} else {
  if (command === 'replay') boundHeap(REPLAY_HEAP)
  // Whoever reads the output may end first, as `head` does.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit())
  const { run } = await import('./program.ts')
  process.exitCode = await run(process.argv.slice(2))
}
