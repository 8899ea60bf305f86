import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import type { Reporter } from 'vitest/node'

/** Ends the output with a line that any CI can read. */
const total: Reporter = {
  onTestRunEnd: (modules, errors) => {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const count = (state: string) => tests.filter((test) => test.result().state === state).length
    const broken = modules.filter((module) => module.errors().length > 0).length + errors.length
    process.on('exit', () => {
      const skipped = count('skipped')
      console.log(
        `${count('passed')} passed, ${count('failed') + broken} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
      )
    })
  },
}

// Compiled once for all processes, vitest's and those that the tests start: to start them is half of the work.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/node')

export default defineConfig({
  test: {
    include: [
      '{shared,worker,relay,cli,docker}/**/*.test.ts',
      'e2e/{nodeos-model,fuzz}/**/*.test.ts',
      'e2e/*.test.ts',
    ],
    // Most of the longer ones wait for time limits and for processes rather than compute.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 10_000 } },
    reporters: ['default', total],
  },
})
