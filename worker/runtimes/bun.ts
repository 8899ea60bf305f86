// The filter as a program on Bun.
import { runFilter } from './filter-program.ts'
import { createSocketRuntime } from './socket-platform.ts'

await runFilter(createSocketRuntime)
