// The filter as a program on Deno.
import { runFilter } from './filter-program.ts'
import { createSocketRuntime } from './socket-platform.ts'

await runFilter(createSocketRuntime)
