// `patroneos filter` bounds its heap in the process that was started.
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

const PROGRAM = `
import { getHeapStatistics } from 'node:v8'
import { boundHeap, FILTER_HEAP } from '${new URL('heap-bounds.ts', import.meta.url)}'
boundHeap(FILTER_HEAP)
const { pid, argv } = process
console.log(JSON.stringify({ pid, args: argv.slice(1), megabytes: getHeapStatistics().heap_size_limit / 2 ** 20 }))
`

/** What the program says of itself, and the process that was started for it. */
async function started(env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, 'filter', '--a b'], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { ...JSON.parse(output), started: child.pid, errors }
}

test('the heap is bounded; process id and arguments stay, and nothing is said', async () => {
  const { pid, args, megabytes, started: id, errors } = await started({})
  expect({ pid, args, errors }).toEqual({ pid: id, args: ['filter', '--a b'], errors: '' })
  expect(megabytes).toBeGreaterThanOrEqual(160)
  expect(megabytes).toBeLessThan(300)
})

test('bounds that the operator chose stay', async () => {
  const { megabytes } = await started({ NODE_OPTIONS: '--max-old-space-size=700' })
  expect(megabytes).toBeGreaterThan(700)
})
